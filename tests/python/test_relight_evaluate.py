"""Relight's score: what the metrics measure, what the baselines know, photographs as cases, the command itself."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from onelight.cli.app import app
from onelight.errors import OnelightError
from onelight.images import Frame, write_frame
from onelight.soundstage import families
from onelight.soundstage.scenes import Scene
from onelight.studio import scores
from onelight.tools import graph
from onelight.tools.relight import baselines, cases, flicker, light, score
from onelight.tools.relight import photographs as photographed_objects
from onelight.tools.relight.relit import Relit
from typer.testing import CliRunner

SIZE = 96
LIGHTS = np.array([[0.6, 0.3, 0.74], [-0.7, 0.2, 0.68], [0.1, 0.7, 0.7], [0.2, -0.1, -0.97]])
LIGHTS = (LIGHTS / np.linalg.norm(LIGHTS, axis=1, keepdims=True)).astype(np.float32)


def ball(turn: float = 0.0) -> Scene:
    """A painted Lambertian ball alone in the dark, under four lamps; `turn` moves it to the right, pixels."""
    y, x = (np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) - SIZE / 2) / (SIZE * 0.4)
    x = x - np.float32(turn / (SIZE * 0.4))
    inside = x * x + y * y < 1
    z = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    normals = np.where(inside[..., None], np.dstack([x, -y, z]), 0).astype(np.float32)
    paint = 0.4 + 0.2 * np.sign(np.sin(7 * x) * np.sin(9 * y))
    albedo = (np.dstack([paint, paint * 0.8, paint * 0.6]) * inside[..., None]).astype(np.float32)
    keys = np.stack([albedo * np.maximum(normals @ towards, 0)[..., None] for towards in LIGHTS])
    motion = np.zeros((SIZE, SIZE, 2), np.float32)
    motion[..., 0] = 1.0
    matte = inside.astype(np.float32)
    return Scene(
        normals=normals,
        depth=(5 - z) * matte,
        albedo=albedo,
        motion=motion,
        matte=matte,
        sky=np.zeros_like(matte),
        keys=keys,
        unshadowed=keys.mean(axis=-1),
        ambient=albedo,
        lights=LIGHTS,
        softness=np.full(4, 0.5, np.float32),
    )


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Two objects: a ball as OpenEXR from 00, with a mask, and half of it as 16-bit PNG from 01, without."""
    scene = ball()
    for name in ("ball", "half"):
        folder = tmp_path / "cases" / name
        folder.mkdir(parents=True)
        np.savetxt(folder / "lights.txt", LIGHTS[:3] * (2.5 if name == "half" else 1))  # their length says nothing
        for number, key in enumerate(scene.keys[:3]):
            pixels = key + np.float32(0.02) * scene.ambient
            if name == "ball":
                rgba = np.dstack([pixels, np.ones((SIZE, SIZE), np.float32)])
                write_frame(folder / f"light.{number:02d}.exr", Frame.of(rgba), rgba)
            else:
                part = pixels[24:72, 24:72, ::-1]
                cv2.imwrite(str(folder / f"light.{number + 1:02d}.png"), np.round(part * 65535).astype(np.uint16))
    cv2.imwrite(str(tmp_path / "cases" / "ball" / "mask.png"), (scene.matte * 255).astype(np.uint8))
    return tmp_path / "cases"


def evaluate(*words: object) -> Any:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["evaluate", "relight", *map(str, words)])


def rows_of(*words: object) -> list[dict[str, Any]]:
    done = evaluate("--json", *words)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["rows"]


def test_psnr_forgives_a_gain_and_measures_the_rest_against_the_truths_white() -> None:
    random = np.random.default_rng(1)
    truth = random.uniform(0.1, 1.0, (50000, 3))
    error = random.choice([-0.01, 0.01], truth.shape)
    white = np.quantile(truth, 0.995)
    assert score.psnr(7 * (truth + error), truth) == pytest.approx(20 * np.log10(white / 0.01), abs=0.02)


def test_log_psnr_forgives_a_gain_and_measures_stops_of_the_range_from_black_to_white() -> None:
    random = np.random.default_rng(2)
    truth = np.exp2(random.uniform(-1, 0, (50000, 3)))
    off = np.exp2(random.choice([-0.1, 0.1], truth.shape))
    expected = 20 * np.log10((np.log2(1 + 2**-6) - np.log2(2**-6)) / 0.1)
    assert score.log_psnr(0.2 * truth * off, truth) == pytest.approx(expected, abs=0.3)  # the floor eats a little
    assert score.log_psnr(0.2 * truth * off, truth) > score.log_psnr(truth * off**2, truth) + 5


def test_the_grade_that_knows_the_answer_finds_any_cdl() -> None:
    plate = np.random.default_rng(3).uniform(0, 1, (6000, 3)).astype(np.float32)
    graded = np.maximum(plate * [1.5, 0.8, 0.4] - [0.05, -0.1, 0.0], 1e-6) ** [0.8, 1.2, 2.0]
    for logarithmic, metric in ((False, score.psnr), (True, score.log_psnr)):
        found = baselines.best_cdl(plate, graded.astype(np.float32), logarithmic)(plate)
        assert metric(found, graded) > 45


def test_the_grade_is_never_below_the_best_gained_plate() -> None:
    for case in cases.questions_of(ball(), "ball", "objects", 1):
        plate, truth = case.plate[case.mask], case.targets[0].truth
        for logarithmic, metric in ((False, score.psnr), (True, score.log_psnr)):
            assert metric(baselines.best_cdl(plate, truth, logarithmic)(plate), truth) > metric(plate, truth) - 0.02


@pytest.mark.parametrize("degrees", [0.5, 10.0, 40.0])
def test_a_soft_lamps_knob_gives_what_a_disc_of_that_size_gives_where_it_half_sets(degrees: float) -> None:
    random = np.random.default_rng(4)
    radius = np.radians(degrees / 2)
    distance, angle = np.sqrt(random.uniform(0, 1, 400000)) * np.sin(radius), random.uniform(0, 2 * np.pi, 400000)
    above = np.maximum(distance * np.sin(angle), 0).mean()  # a disc whose middle lies in the surface's plane
    knob = cases.softness_knob(degrees)
    edge, facing = np.array([[1.0, 0, 0], [0, 0, 1.0]], np.float32)
    given = light.key_shape(np.stack([edge, facing]), np.array([0, 0, 1.0]), knob)
    assert given[0] / given[1] == pytest.approx(above, rel=0.25, abs=1e-3)


def test_a_scene_asks_under_one_lamp_and_under_a_sets_light_and_both_plates_share_their_fill() -> None:
    scene = ball()
    found = list(cases.questions_of(scene, "ball", "objects", 5))
    assert [case.light for case in found] == ["directional"] * 2 + ["mixed"] * 2
    for case in found:
        target = case.targets[0]
        first, second = (int(np.argmax(scene.lights @ lamp.towards)) for lamp in (case.lamp, target.lamp))
        fill = case.plate - scene.keys[first]
        assert first != second
        assert scene.lights[[first, second], 2].min() > 0.2  # the lamp behind the ball is not asked about
        np.testing.assert_allclose(target.picture() - scene.keys[second], fill, atol=1e-6)
        np.testing.assert_array_equal(target.picture()[case.mask], target.truth)
        if case.light == "mixed":
            np.testing.assert_allclose(fill * (case.lamp.ratio - 1), scene.ambient, atol=1e-5)
    again = cases.questions_of(scene, "ball", "objects", 5)
    assert [case.targets[0].case for case in again] == [case.targets[0].case for case in found]


def test_running_the_cached_stages_once_gives_the_bits_of_running_them_for_every_light() -> None:
    case = next(iter(cases.questions_of(ball(), "ball", "objects", 6)))
    kept = Relit.of(case, None)
    for lamp in (case.targets[0].lamp, replace(case.lamp, ratio=3.0)):
        asked = {**kept.context.knobs, **lamp.knobs("key", "fill_ratio", gentle=True)}
        context, made = replace(kept.context, knobs=asked), {}
        for stage in graph("relight").STAGES:
            made |= stage.run(context, made)
        np.testing.assert_array_equal(kept.under(lamp), made["output"][..., :3])
        np.testing.assert_array_equal(kept.inside(lamp), made["output"][..., :3][case.mask])


def test_a_lone_lamp_is_told_gentler_to_what_does_not_hedge_and_a_measured_one_never() -> None:
    lone, given = cases.Lamp(LIGHTS[0], 12.0, measured=False), cases.Lamp(LIGHTS[0], 8.0)
    assert lone.knobs("key", "fill_ratio", gentle=True)["fill_ratio"] == cases.GENTLE < 12
    assert lone.knobs("key", "fill_ratio")["fill_ratio"] == 12
    assert given.knobs("key", "fill_ratio", gentle=True)["fill_ratio"] == 8


def test_the_light_the_plate_was_shot_in_gives_the_plate_back() -> None:
    case = next(iter(cases.questions_of(ball(), "ball", "objects", 7)))
    np.testing.assert_array_equal(Relit.of(case, None).under(case.lamp), case.plate)


def test_true_normals_bring_more_than_a_grade_that_knows_the_answer() -> None:
    for case in cases.questions_of(ball(), "ball", "objects", 8):
        plate, truth = case.plate[case.mask], case.targets[0].truth
        assert case.normals is not None
        known = Relit.of(case, None, {"Normals": case.normals}).inside(case.targets[0].lamp)
        assert score.psnr(known, truth) > score.psnr(baselines.best_cdl(plate, truth, False)(plate), truth) + 3


def test_an_inflated_ball_is_nearer_to_its_normals_than_a_flat_card() -> None:
    case = next(iter(cases.questions_of(ball(), "ball", "objects", 9)))
    case = replace(case, lamp=replace(case.lamp, ratio=1 + 1 / cases.DARK_AMBIENT, measured=True))
    assert case.normals is not None
    truth = case.normals[case.mask]
    assert score.degrees_apart(baselines.flat(case)[case.mask], truth) == pytest.approx(45, abs=4)
    assert score.degrees_apart(baselines.inflated(case)[case.mask], truth) < 30


def test_what_moves_with_its_motion_is_steady_and_a_jumping_gain_is_not() -> None:
    scenes = [ball(turn) for turn in (0.0, 1.0, 2.0)]
    pictures = [scene.ambient + 0.2 for scene in scenes]
    told = [scene.motion for scene in scenes], [scene.matte > 0.5 for scene in scenes]
    still = score.residual(pictures, *told)
    jumping = score.residual([picture * gain for picture, gain in zip(pictures, (1, 2, 1), strict=True)], *told)
    unmoved = score.residual(pictures, [np.zeros_like(motion) for motion in told[0]], told[1])
    assert still < 0.02
    assert unmoved > 4 * still
    assert jumping == pytest.approx(1.0, abs=0.1)  # stops


def test_a_shot_flickers_as_much_as_it_changes_more_than_the_true_one_does(tmp_path: Path) -> None:
    steady, jumping = [], []
    for frame in range(3):
        scene = ball(float(frame))
        for paths, name, gain in ((steady, "steady", 1), (jumping, "jumping", 1.5 if frame == 1 else 1)):
            paths.append(tmp_path / f"{name}{frame}.npz")
            keys = scene.keys.copy()
            keys[0] *= gain  # the plate's lamp flickers, and the one that is asked for does not
            replace(scene, keys=keys).save(paths[-1])
    found = flicker.measure(steady, "ball", "objects", None, ("normals", "nothing", "classical"))
    assert set(found) == {"normals", "nothing", "classical"}
    assert max(found["normals"], found["nothing"]) < 1
    assert flicker.measure(jumping, "ball", "objects", None, ("normals",))["normals"] > 10


def test_every_ordered_pair_of_photographs_is_asked_and_nothing_is_the_best_gained_plate(photographs: Path) -> None:
    rows = [row for row in rows_of("--cases", photographs) if row["metric"] == "psnr"]
    pairs = {f"ball_{i:02d}_{j:02d}" for i in range(3) for j in range(3) if i != j}
    pairs |= {f"half_{i:02d}_{j:02d}" for i in (1, 2, 3) for j in (1, 2, 3) if i != j}
    for method in ("model", "nothing"):
        assert sorted(row["case"] for row in rows if row["method"] == method) == sorted(pairs)
    scene = ball()
    plate, truth = (scene.keys[i] + 0.02 * scene.ambient for i in (0, 2))
    x, y = (image[scene.matte > 0.5].astype(np.float32).astype(np.float64) for image in (plate, truth))
    gain = (x * y).sum() / (x * x).sum()
    expected = 10 * np.log10(np.quantile(y, 0.995) ** 2 / ((x * gain - y) ** 2).mean())
    said = next(row["value"] for row in rows if (row["case"], row["method"]) == ("ball_00_02", "nothing"))
    assert said == pytest.approx(expected, abs=0.01)


def test_with_both_lights_told_relight_beats_the_best_gained_plate_on_a_ball(photographs: Path) -> None:
    found = rows_of("--cases", photographs / "ball", "--methods", "model,nothing")
    means = {
        method: np.mean([row["value"] for row in found if (row["method"], row["metric"]) == (method, "psnr")])
        for method in ("model", "nothing")
    }
    assert means["model"] > means["nothing"] + 1


def test_the_sheet_shows_the_best_the_median_and_the_worst_case(photographs: Path, tmp_path: Path) -> None:
    done = evaluate("--cases", photographs, "--sheet", tmp_path / "sheet.png")
    assert done.exit_code == 0, done.output
    assert "the model is" in done.output
    image = cv2.imread(str(tmp_path / "sheet.png"))
    assert image is not None
    assert image.shape[0] > 3 * 200  # three lines of tiles
    assert image.std() > 20


def break_rows(folder: Path) -> None:
    np.savetxt(folder / "lights.txt", LIGHTS[:2])


def break_direction(folder: Path) -> None:
    (folder / "lights.txt").write_text("0 0 1\n0 0 0\n1 0 1\n")


def break_words(folder: Path) -> None:
    (folder / "lights.txt").write_text("x y z\n0 0 1\n0 1 1\n1 0 1\n")


def break_size(folder: Path) -> None:
    cv2.imwrite(str(folder / "light.01.png"), np.full((8, 9, 3), 99, np.uint8))
    (folder / "light.01.exr").unlink()


def break_image(folder: Path) -> None:
    path = folder / "light.02.exr"
    path.write_bytes(path.read_bytes()[:400])


def break_mask(folder: Path) -> None:
    cv2.imwrite(str(folder / "mask.png"), np.zeros((SIZE, SIZE), np.uint8))


def break_light(folder: Path) -> None:
    rgba = np.zeros((SIZE, SIZE, 4), np.float32)
    write_frame(folder / "light.01.exr", Frame.of(rgba), rgba)


def break_pixels(folder: Path) -> None:
    rgba = np.full((SIZE, SIZE, 4), np.nan, np.float32)
    write_frame(folder / "light.01.exr", Frame.of(rgba), rgba)


def break_glint(folder: Path) -> None:
    rgba = np.zeros((SIZE, SIZE, 4), np.float32)
    rgba[SIZE // 2, SIZE // 2] = 5
    write_frame(folder / "light.02.exr", Frame.of(rgba), rgba)


def break_numbers(folder: Path) -> None:
    (folder / "light.1.png").write_bytes((folder / "light.01.exr").read_bytes())


def break_masks(folder: Path) -> None:
    cv2.imwrite(str(folder / "mask.tif"), np.full((SIZE, SIZE), 255, np.uint8))


def break_lights(folder: Path) -> None:
    (folder / "lights.txt").rename(folder / "light_directions.txt")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_rows, ["lights.txt has 2 rows for 3 images"]),
        (break_direction, ["lights.txt, line 2", "points nowhere"]),
        (break_words, ["lights.txt, line 1", "x y z are expected"]),
        (break_size, ["light.01.png is 9 x 8", f"{SIZE} x {SIZE}"]),
        (break_image, ["light.02.exr"]),
        (break_mask, ["mask.png is black everywhere"]),
        (break_light, ["light.01.exr is black"]),
        (break_pixels, ["light.01.exr has", "broken pixels"]),
        (break_glint, ["light.02.exr is black"]),
        (break_numbers, ["two images number 1", "light.01.exr", "light.1.png"]),
        (break_masks, ["mask.png and mask.tif", "keep one mask"]),
        (break_lights, ["images but no lights.txt"]),
    ],
)
@pytest.mark.parametrize("name", ["ball", "half"])
def test_broken_photographs_are_named_in_a_sentence_before_any_is_scored(
    photographs: Path, damage: Any, words: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "half":  # the other object comes first, and is whole
        (photographs / "half").rename(photographs / "any")
    damage(photographs / "ball")
    monkeypatch.setattr(score, "psnr", None)  # nothing is measured before all is read
    done = evaluate("--cases", photographs, "--methods", "nothing")
    assert isinstance(done.exception, OnelightError)
    said = json.loads(evaluate("--cases", photographs, "--methods", "nothing", "--json").stdout)
    assert said["error"] == str(done.exception)
    for word in words:
        assert word in said["error"]


def nothings(*words: object) -> dict[str, float]:
    found = rows_of("--methods", "nothing", *words)
    return {row["case"]: row["value"] for row in found if row["metric"] == "psnr"}


def cut_out(folder: Path, mask: np.ndarray) -> None:
    """A white picture that carries its shape in alpha."""
    cv2.imwrite(str(folder / "mask.png"), np.dstack([np.full_like(mask, 255)] * 3 + [mask]))


def painted(folder: Path, mask: np.ndarray) -> None:
    """A mask in green alone, opaque."""
    cv2.imwrite(str(folder / "mask.png"), np.dstack([mask * 0, mask, mask * 0, np.full_like(mask, 255)]))


def noted(folder: Path, mask: np.ndarray) -> None:
    """Rows as a spreadsheet on another system writes them."""
    rows = "\r\n".join("; ".join(f"{value:.6f}" for value in row) + "  # lamp" for row in LIGHTS[:3])
    (folder / "lights.txt").write_bytes(b"\xef\xbb\xbf# x y z\r\n" + rows.encode())


def grey(folder: Path, mask: np.ndarray) -> None:
    """A mask in grey with an opaque alpha."""
    spec = oiio.ImageSpec(SIZE, SIZE, 2, "uint8")
    spec.channelnames = ("Y", "A")
    image = oiio.ImageBuf(spec)
    image.set_pixels(oiio.ROI(), np.dstack([mask / 255.0, np.ones_like(mask)]).astype(np.float32))
    assert image.write(str(folder / "mask.png")), image.geterror()


def cropped(folder: Path, mask: np.ndarray) -> None:
    """A picture that keeps its data window alone: the object's part of the format."""
    path = folder / "light.01.exr"
    whole = oiio.ImageBuf(str(path))
    top, left = np.argwhere(mask).min(axis=0)
    bottom, right = np.argwhere(mask).max(axis=0) + 1
    part = oiio.ImageBufAlgo.crop(whole, roi=oiio.ROI(int(left), int(right), int(top), int(bottom)))
    assert part.write(str(path)), part.geterror()


def cropped_mask(folder: Path, mask: np.ndarray) -> None:
    """An opaque mask in colours, with data around the object alone."""
    (folder / "mask.png").unlink()
    rgba = np.dstack([mask / np.float32(255)] * 3 + [np.ones_like(mask)]).astype(np.float32)
    write_frame(folder / "mask.exr", Frame.of(rgba), rgba)
    whole = oiio.ImageBuf(str(folder / "mask.exr"))
    assert oiio.ImageBufAlgo.crop(whole, roi=oiio.ROI(2, SIZE - 3, 1, SIZE - 2)).write(str(folder / "mask.exr"))


@pytest.mark.parametrize("written", [cut_out, painted, grey, noted, cropped, cropped_mask])
def test_masks_lights_and_windows_mean_the_same_however_they_are_written(photographs: Path, written: Any) -> None:
    before = nothings("--cases", photographs / "ball")
    written(photographs / "ball", (ball().matte * 255).astype(np.uint8))
    assert nothings("--cases", photographs / "ball") == before


def test_rows_that_lie_beside_the_objects_too_are_nobodys_and_pictures_there_are_refused(photographs: Path) -> None:
    before = nothings("--cases", photographs)
    (photographs / "lights.txt").write_bytes((photographs / "ball" / "lights.txt").read_bytes())
    assert nothings("--cases", photographs) == before
    (photographs / "light.00.exr").write_bytes((photographs / "ball" / "light.00.exr").read_bytes())
    said = json.loads(evaluate("--cases", photographs, "--json").stdout)
    assert "is an object itself and holds others (ball)" in said["error"]


def test_a_count_takes_so_many_plates_of_each_object_and_asks_them_about_every_light(photographs: Path) -> None:
    found = nothings("--cases", photographs, "--count", 2)
    assert sorted(found) == sorted(
        f"{name}_{i:02d}_{j:02d}"
        for name, first in (("ball", 0), ("half", 1))
        for i in (first, first + 2)
        for j in range(first, first + 3)
        if i != j
    )


def test_an_object_seen_from_inside_its_folder_keeps_its_name(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photographs / "ball")
    assert set(nothings("--cases", ".")) == set(nothings("--cases", photographs / "ball"))


def test_pixels_beyond_what_is_kept_are_read_when_their_turn_comes(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = nothings("--cases", photographs)
    monkeypatch.setattr(photographed_objects, "KEPT_BYTES", 1)
    assert nothings("--cases", photographs) == before


def test_a_sheet_that_cannot_be_made_is_refused_before_the_scoring(photographs: Path, tmp_path: Path) -> None:
    asked = ("--json", "--cases", photographs, "--sheet")
    said = json.loads(evaluate(*asked, tmp_path / "none" / "sheet.png").stdout)
    assert "There is no folder" in said["error"]
    said = json.loads(evaluate(*asked, tmp_path / "sheet.png", "--methods", "nothing").stdout)
    assert "needs the methods model and nothing" in said["error"]


def test_a_method_with_nothing_to_measure_says_so(photographs: Path) -> None:
    said = json.loads(evaluate("--json", "--cases", photographs, "--methods", "normals").stdout)
    assert "true normals are needed" in said["error"]


def test_a_folder_without_cases_an_unknown_method_and_an_unknown_version_are_refused(tmp_path: Path) -> None:
    assert "has no cases" in json.loads(evaluate("--json", "--cases", tmp_path).stdout)["error"]
    assert "no method magic" in json.loads(evaluate("--json", "--methods", "magic").stdout)["error"]
    assert "v999" in json.loads(evaluate("--json", "--version", "v999").stdout)["error"]


def test_without_the_renderer_the_command_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['mitsuba'] = None; from onelight.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "evaluate", "relight", "--count", "1"],
        env={"XDG_CACHE_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "onelight[soundstage]" in done.stderr
    assert "Traceback" not in done.stderr


def test_held_out_scenes_are_rendered_once_and_scored_by_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked = ("--count", 1, "--methods", "model,nothing,normals")
    first = rows_of(*asked)
    assert {row["split"] for row in first} == {"objects", "faces", "rooms", "exteriors"}
    assert {row["light"] for row in first} == {"directional", "mixed"}
    assert {row["metric"] for row in first} == {"psnr", "log_psnr", "normals_error", "flicker"}
    names = {row["case"].split("_")[0] for row in first}
    assert names <= set(families.names("test"))
    assert np.isfinite([row["value"] for row in first]).all()
    known, plate = (
        np.mean([row["value"] for row in first if (row["method"], row["metric"]) == (method, "psnr")])
        for method in ("normals", "nothing")
    )
    assert known > plate
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    assert rows_of(*asked) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == made


def rows(method: str, values: list[float], metric: str = "psnr", scenes: int | None = None) -> list[dict[str, Any]]:
    told = {"split": "objects", "light": "directional", "method": method, "metric": metric}
    count = scenes or len(values)
    return [{**told, "case": f"c{i}", "scene": f"s{i % count}", "value": v} for i, v in enumerate(values)]


def test_the_interval_is_drawn_over_scenes_and_not_over_cases() -> None:
    random = np.random.default_rng(11)
    values = np.tile(random.normal(20, 3, 10), 8)  # eight pictures of each scene that err alike
    alike = scores.summary(rows("model", list(values), scenes=10))[0]
    apart = scores.summary(rows("model", list(values)))[0]
    assert (alike["cases"], alike["scenes"]) == (80, 10)
    assert alike["low"] < alike["mean"] < alike["high"]
    assert alike["high"] - alike["low"] > 2 * (apart["high"] - apart["low"])
    assert scores.summary(rows("model", [1.0, 2.0], scenes=1))[0]["low"] is None


def test_the_worst_decile_is_the_low_end_of_a_psnr_and_the_high_end_of_an_error() -> None:
    values = [float(v) for v in range(20)]
    assert scores.summary(rows("model", values))[0]["worst_decile"] == 0.5
    assert scores.summary(rows("model", values, "normals_error"))[0]["worst_decile"] == 18.5


def test_the_model_is_better_with_confidence_only_where_the_whole_interval_says_so() -> None:
    random = np.random.default_rng(12)
    base = random.normal(20, 5, 30)
    ours = rows("model", list(base + random.normal(1, 0.5, 30)))
    told = {row["baseline"]: row for row in scores.against(ours + rows("cdl", list(base)))}
    assert told["cdl"]["better"]  # paired: the scenes' own spread of 5 dB does not hide it
    assert not told["cdl"]["worse"]
    unsure = scores.against(rows("model", list(base + random.normal(0.02, 3, 30))) + rows("cdl", list(base)))[0]
    assert not unsure["better"]
    assert not unsure["worse"]
    errors = scores.against(rows("model", [10.0, 11.0], "normals_error") + rows("cdl", [20.0, 22.0], "normals_error"))
    assert errors[0]["gain"] == 10.5
    assert "better than cdl" in scores.sentences([row | {"split": "all"} for row in errors])[0]


def test_the_version_under_test_is_named_beside_its_score(photographs: Path) -> None:
    said = json.loads(evaluate("--json", "--cases", photographs / "ball", "--version", "classical1").stdout)
    assert (said["tool"], said["version"], said["error"]) == ("relight", "classical1", "")
    assert {"rows", "summary", "against", "digest", "provider"} <= said.keys()
