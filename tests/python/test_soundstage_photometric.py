"""Lone things under known lamps: an exam anyone can render, in the layout that `evaluate relight --cases` reads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onelight import images
from onelight.cli.app import app
from onelight.errors import Busy, OnelightError, RequestError
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


def begun(exam: Path, out: Path, **changes: object) -> Path:
    """A copy of the exam whose record says something else; None takes a line out of it."""
    folder = shutil.copytree(exam, out)
    told = {**json.loads((folder / "exam.json").read_text()), **changes}
    (folder / "exam.json").write_text(json.dumps({name: value for name, value in told.items() if value is not None}))
    return folder


def test_an_exam_of_other_families_or_of_more_things_is_not_mixed_with(exam: Path, tmp_path: Path) -> None:
    told = ("--seed", 3, "--size", 64, "--lights", LIGHTS)
    with pytest.raises(OnelightError, match=r"begun with the families shells, masks, not shells \(--families\)"):
        command("soundstage", "objects", "--out", exam, "--count", 4, "--families", "shells", *told)
    with pytest.raises(OnelightError, match=r"begun with the families shells, masks, not .* \(--families\)"):
        command("soundstage", "objects", "--out", exam, "--count", 4, *told)
    with pytest.raises(OnelightError, match=r"begun with the count 4, not 2 \(--count\)"):
        command("soundstage", "objects", "--out", exam, "--count", 2, "--families", "shells,masks", *told)
    more = begun(exam, tmp_path / "more")
    command("soundstage", "objects", "--out", more, "--count", 5, "--families", "shells,masks", *told)
    assert (more / "grey_shells_01" / "lights.txt").is_file()
    with pytest.raises(OnelightError, match="begun with the count 5, not 4"):
        command("soundstage", "objects", *asked(more))


def test_an_exam_of_another_renderer_is_refused_and_one_that_does_not_say_is_gone_on_with(
    exam: Path, tmp_path: Path
) -> None:
    other = begun(exam, tmp_path / "other", renderer="mitsuba 0.1")
    with pytest.raises(RequestError, match=r"made by another renderer \(mitsuba 0\.1, here mitsuba"):
        command("soundstage", "objects", *asked(other))
    older = begun(exam, tmp_path / "older", renderer="", families=[], count=None)
    record = (older / "exam.json").read_text()
    shutil.rmtree(older / "grey_masks_00")
    command("soundstage", "objects", *asked(older))
    assert (older / "grey_masks_00" / "lights.txt").is_file()
    assert (older / "exam.json").read_text() == record, "what nobody noted is not made up"


@pytest.mark.parametrize("text", ['"words"', "[]", '{"seed": 3}'])
def test_a_record_of_an_exam_that_is_something_else_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "exam.json").write_text(text)
    with pytest.raises(RequestError, match=r"exam\.json cannot be read as a manifest"):
        command("soundstage", "objects", *asked(tmp_path))


PHOTOGRAPH_AND_WAIT = """
import sys
from pathlib import Path
from onelight.cli.soundstage import _write
from onelight.soundstage import photometric
def told(done, total, name):
    print(name, flush=True)
    sys.stdin.readline()
photometric.render(Path(sys.argv[1]), _write, count=2, seed=3, families=["shells"], size=32, lights=2, samples=2,
                   progress=told)
"""


def test_a_second_process_is_told_that_an_exam_is_in_use(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PHOTOGRAPH_AND_WAIT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stdout.readline().strip() == "grey_shells_00"
        with pytest.raises(Busy, match=f"{tmp_path} is in use: another process is rendering there"):
            command("soundstage", "objects", *asked(tmp_path))
        process.communicate("\n" * 2)
    assert process.returncode == 0
    assert (tmp_path / "colour_shells_00" / "lights.txt").is_file()


def test_a_family_that_fails_is_named_with_its_seed_and_the_other_things_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(rng: np.random.Generator, detail: float) -> families.Built:
        raise ZeroDivisionError("nothing to divide by")

    families.discover()
    monkeypatch.setitem(families._FAMILIES, "broken", families.Family("broken", "objects", True, broken))
    seed = photometric.things(1, 3, ["broken"])[0].seed
    words = ("--count", 2, "--seed", 3, "--size", 32, "--lights", 2, "--families", "broken,shells")
    said = rf"1 of 2 things could not be made; the first: grey_broken_00: the family 'broken' failed on the seed {seed}"
    with pytest.raises(RequestError, match=rf"{said} \(ZeroDivisionError: nothing to divide by\)"):
        command("soundstage", "objects", "--out", tmp_path, *words)
    assert (tmp_path / "grey_shells_00" / "lights.txt").is_file()


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
    with pytest.raises(OnelightError, match="exam cannot be written"):
        command("soundstage", "objects", "--out", tmp_path / "file" / "exam", "--count", 1, "--size", 32)
