"""Lone things under known lamps: an exam anyone can render, in the layout that `evaluate relight --cases` reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from onelight import images
from onelight.cli.app import app
from onelight.errors import ImageError, OnelightError
from onelight.soundstage import families, photometric
from typer.testing import CliRunner

pytest.importorskip("mitsuba", reason="the soundstage renders with mitsuba")
LIGHTS = 3


def command(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def asked(out: Path) -> tuple[object, ...]:
    return ("--out", out, "--count", 4, "--seed", 3, "--size", 64, "--lights", LIGHTS, "--families", "shells,masks")


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exam")
    command("soundstage", "objects", *asked(out))
    return out


def pixels(path: Path) -> np.ndarray:
    return images.read_frame(path, "data").pixels[..., :3].astype(np.float32)


def test_things_are_grey_and_painted_in_turn_and_stand_before_nothing(exam: Path) -> None:
    folders = sorted(path for path in exam.iterdir() if path.is_dir())
    names = [path.name for path in folders]
    assert names == ["colour_masks_00", "colour_shells_00", "grey_masks_00", "grey_shells_00"]
    for folder in folders:
        mask = pixels(folder / "mask.exr")[..., 0] > 0.5
        assert 0.02 < mask.mean() < 0.9
        towards = np.loadtxt(folder / "lights.txt")
        assert towards.shape == (LIGHTS, 3)
        assert np.allclose(np.linalg.norm(towards, axis=1), 1, atol=1e-4)
        assert towards[:, 2].min() > np.cos(np.radians(photometric.FARTHEST + 0.1))
        for number in range(LIGHTS):
            lit = pixels(folder / f"light.{number:02d}.exr")
            assert not lit[~mask].any(), "nothing stands behind it"
            assert lit[mask].max() > 0
            if folder.name.startswith("grey"):
                bright = lit[mask][lit[mask].min(axis=-1) > 0.2 * lit.max()]
                hue = bright / bright.sum(axis=-1, keepdims=True)
                assert hue.std(axis=0).max() < 0.02, "one colour all over"


def test_what_is_painted_has_more_than_one_colour_and_nothing_is_of_metal() -> None:
    for thing in photometric.things(8, 5, ["shells", "masks"]):
        made = photometric.make(thing, size=32, lights=2, samples=4)
        seen = made.albedo[made.matte > 0.9]
        assert (np.ptp(seen, axis=0).max() > photometric.PAINTED / 2) != thing.grey


def test_lone_things_are_learnt_from_too_and_their_folder_can_be_made_again(tmp_path: Path) -> None:
    out, told = tmp_path / "lone", ("--seed", 2, "--size", 48, "--lights", LIGHTS, "--samples", 4, "--jobs", 1)
    command("soundstage", "render", "--out", out, "--count", 3, "--families", "blobs,heads", "--lone", *told)
    scenes = sorted(out.glob("*/*.npz"))
    assert len(scenes) == 3
    for path in scenes:
        with np.load(path) as scene:
            nothing = scene["matte"] == 0
            assert nothing[0].all(), "nothing stands behind it"
            assert not scene["keys"][:, nothing].any()
            assert not scene["normals"][nothing].any()
            assert scene["lights"][:, 2].min() > np.cos(np.radians(photometric.WIDER + 0.1))
    command("soundstage", "render", "--out", tmp_path / "sets", "--count", 3, "--families", "blobs,heads", *told)
    seeds = [
        {scene["seed"] for scene in json.loads((folder / "manifest.json").read_text())["scenes"]}
        for folder in (out, tmp_path / "sets")
    ]
    assert not seeds[0] & seeds[1], "the same seed asks for other things than in sets"
    before = scenes[0].read_bytes()
    scenes[0].unlink()
    command("soundstage", "rebuild", out, "--jobs", 1)
    assert scenes[0].read_bytes() == before
    with pytest.raises(OnelightError, match="begun with the content lone things, not things with their sets"):
        command("soundstage", "render", "--out", out, "--count", 3, "--families", "blobs,heads", *told)
    with pytest.raises(OnelightError, match="holds something else already, and no exam.json"):
        command("soundstage", "objects", *asked(out))
    with pytest.raises(OnelightError, match="'cellar' is not in the split 'train' that makes lone things"):
        command("soundstage", "render", "--out", tmp_path / "no", "--count", 1, "--families", "cellar", "--lone", *told)


def test_surfaces_that_face_a_lamp_are_brighter_under_it(exam: Path) -> None:
    folder = exam / "grey_shells_00"
    normals, mask = pixels(folder / "normals.exr"), pixels(folder / "mask.exr")[..., 0] > 0.5
    for number, towards in enumerate(np.loadtxt(folder / "lights.txt")):
        facing = (normals @ towards)[mask]
        lit = pixels(folder / f"light.{number:02d}.exr")[mask].mean(axis=-1)
        assert np.corrcoef(np.maximum(facing, 0), lit)[0, 1] > 0.6


def test_what_is_finished_is_kept_and_what_is_not_is_made_again_to_the_bit(exam: Path) -> None:
    cut, kept = exam / "grey_masks_00", exam / "grey_shells_00" / "light.00.exr"
    before, stamp = pixels(cut / "light.01.exr"), kept.stat().st_mtime_ns
    for name in ("lights.txt", "light.01.exr"):
        (cut / name).unlink()
    (cut / "light.07.exr").write_bytes(b"left over")
    command("soundstage", "objects", *asked(exam))
    assert not (cut / "light.07.exr").exists()
    assert np.array_equal(pixels(cut / "light.01.exr"), before)
    assert kept.stat().st_mtime_ns == stamp


def test_a_folder_begun_with_other_settings_is_refused(exam: Path, tmp_path: Path) -> None:
    told = ("--out", exam, "--count", 4, "--families", "shells,masks")
    for words, sentence in (
        (("--seed", 4, "--size", 64, "--lights", LIGHTS), "begun with the seed 3, not 4"),
        (("--seed", 3, "--size", 32, "--lights", LIGHTS), "begun with the size 64, not 32"),
        (("--seed", 3, "--size", 64, "--lights", 5), "begun with the lights 3, not 5"),
    ):
        with pytest.raises(OnelightError, match=sentence):
            command("soundstage", "objects", *told, *words)
    manifest = exam / "exam.json"
    before = manifest.read_text()
    manifest.write_text(before.replace('"code": "', '"code": "other '))
    with pytest.raises(OnelightError, match="made by other sources"):
        command("soundstage", "objects", *told, "--seed", 3, "--size", 64, "--lights", LIGHTS)
    manifest.write_text(before)
    with pytest.raises(OnelightError, match="not a folder of renders"):
        command("soundstage", "rebuild", exam)
    with pytest.raises(OnelightError, match="is an exam"):
        command("soundstage", "render", "--out", exam, "--count", 1)
    (older := tmp_path / "older").mkdir()
    shutil.copytree(exam / "grey_shells_00", older / "grey_shells_00")
    with pytest.raises(OnelightError, match="holds something else already, and no exam.json"):
        command("soundstage", "objects", *asked(older))


def test_evaluate_reads_it_and_scores_the_normals_too(exam: Path) -> None:
    told = json.loads(command("evaluate", "relight", "--cases", exam, "--methods", "model,normals,nothing", "--json"))
    assert {row["metric"] for row in told["rows"]} == {"psnr", "log_psnr", "normals_error"}
    rows = [row for row in told["rows"] if row["metric"] == "psnr"]
    assert len(rows) == 3 * 4 * LIGHTS * (LIGHTS - 1)

    def mean(method: str) -> float:
        return float(np.mean([row["value"] for row in rows if row["method"] == method]))

    assert mean("nothing") < mean("model")
    assert mean("nothing") < mean("normals")


def test_normals_that_are_pictures_of_normals_or_of_another_size_are_refused(exam: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(exam / "colour_masks_00", tmp_path / "case")
    path = folder / "normals.exr"
    true = pixels(path)

    def refused(normals: np.ndarray) -> str:
        opaque = np.ones((*normals.shape[:2], 1), np.float32)
        images.write_frame(path, images.Frame.of(np.concatenate([normals, opaque], axis=-1)))
        with pytest.raises(OnelightError) as caught:
            command("evaluate", "relight", "--cases", folder, "--methods", "nothing")
        return str(caught.value)

    path.rename(folder / "normals.png")
    told = json.loads(command("evaluate", "relight", "--cases", folder, "--methods", "nothing", "--json"))
    assert {row["metric"] for row in told["rows"]} == {"psnr", "log_psnr"}, "a picture of them is nobody's business"
    assert "holds no normals" in refused(true / 2 + np.float32(0.5))
    assert "holds no normals" in refused(true * 0)
    assert "64 x 64 as its neighbours are expected" in refused(true[:32])


def test_sets_and_families_of_the_other_split_are_no_things(tmp_path: Path) -> None:
    for name in (families.names("test", "rooms")[0], families.names("train", "objects")[0]):
        with pytest.raises(OnelightError, match="makes no lone things of the split 'test'"):
            command("soundstage", "objects", "--out", tmp_path, "--families", name)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ImageError, match="cannot be written"):
        command("soundstage", "objects", "--out", tmp_path / "file" / "exam", "--count", 1, "--size", 32)
