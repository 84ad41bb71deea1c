"""Cleanup's score: what metrics measure, footage with exact motion, pasted wires, shots from outside, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from onelight.cli import bench_tools
from onelight.cli.app import app
from onelight.errors import OnelightError
from onelight.images import Frame, write_frame
from onelight.studio import scores
from onelight.temporal.encode import luminance, middle
from onelight.tools.cleanup import baselines, cases, footage, leaves, score, wires, workload
from onelight.tools.cleanup.cases import REVEALED, STATIC
from onelight.tools.cleanup.cleaned import Shot, offsets
from typer.testing import CliRunner

HEIGHT, WIDTH = 96, 128


def surface(seed: int = 1, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """A smooth linear picture [H, W, 3]."""
    noise = np.random.default_rng(seed).standard_normal((*shape, 3)).astype(np.float32)
    return np.exp2(cv2.GaussianBlur(noise, (0, 0), 6) * 8) * np.float32(0.18)


def band(shape: tuple[int, int] = (HEIGHT, WIDTH), at: int = 40, size: int = 10) -> np.ndarray:
    """A hole [H, W] across the picture."""
    hole = np.zeros(shape, bool)
    hole[at : at + size] = True
    return hole


def line(y: float, x: tuple[float, float] = (0, 100)) -> np.ndarray:
    along = np.arange(*x, 0.5)
    return np.stack([along, np.full_like(along, y)], axis=1).astype(np.float32)


def test_a_line_counts_as_found_up_to_a_pixel_and_a_half_away_and_not_beyond() -> None:
    wire = line(20)
    seen = np.ones(len(wire), bool)
    assert score.detected(line(21.4), wire, seen).f1 == 1
    assert score.detected(line(21.6), wire, seen).f1 == 0
    half = score.detected(line(20, (0, 50)), wire, seen)
    assert (half.precision, half.recall) == (1, pytest.approx(0.51, abs=0.02))
    twice = score.detected(np.concatenate([wire, line(60)]), wire, seen)
    assert (twice.precision, twice.recall) == (pytest.approx(0.5), 1)


def test_what_cannot_be_seen_is_not_asked_for_but_whoever_finds_it_is_right() -> None:
    wire = line(20)
    left = wire[:, 0] < 50
    assert score.detected(wire[left], wire, left).f1 == 1
    assert score.detected(wire, wire, left).f1 == 1
    assert score.detected(np.zeros((0, 2)), wire, left).f1 == 0


def test_the_middle_of_a_drawn_matte_is_its_centre_line() -> None:
    matte = np.zeros((64, 64), np.float32)
    cv2.line(matte, (0, 10), (63, 50), 1.0, 7)
    points = score.centre_lines(matte)
    inner = points[(points[:, 0] > 6) & (points[:, 0] < 58)]
    off = np.abs((inner[:, 0] - 0.5) * 40 - (inner[:, 1] - 10.5) * 63) / np.hypot(40, 63)
    assert len(inner) > 40
    assert off.max() < score.TOLERANCE


def test_psnr_and_ssim_look_only_into_the_hole() -> None:
    truth, hole = surface(), band()
    ours = truth.copy()
    ours[~hole] += 1
    assert score.psnr(ours, truth, hole) > 100
    white = float(np.quantile(truth, score.PEAK))
    ours = truth + np.where(np.indices(hole.shape).sum(axis=0)[..., None] % 2, 0.01, -0.01) * white
    assert score.psnr(ours.astype(np.float32), truth, hole) == pytest.approx(40, abs=0.01)
    assert score.ssim(truth, truth, hole) == pytest.approx(1)
    assert score.ssim(ours.astype(np.float32), truth, hole) < 0.999


def test_log_psnr_measures_stops_and_not_light() -> None:
    truth, hole = np.full((HEIGHT, WIDTH, 3), 1.0, np.float32), band()
    ours = truth * np.float32(2.0**0.5)
    assert score.log_psnr(ours, truth, hole) == pytest.approx(20 * np.log10(score.STOPS / 0.5), abs=0.2)


def test_a_seam_is_measured_in_stops_and_neither_true_detail_nor_grain_is_one() -> None:
    truth, hole = np.full((HEIGHT, WIDTH, 3), 0.2, np.float32), band()
    brighter = np.where(hole[..., None], truth * np.float32(2.0**0.25), truth)
    assert score.boundary(truth, truth, hole) == 0
    assert score.boundary(brighter, truth, hole) == pytest.approx(0.25, abs=0.01)
    assert score.boundary(brighter, brighter, hole) == 0
    grain = np.where(hole[..., None], grainy(0.02)[0] / surface() * 0.2, truth)
    assert score.boundary(grain, truth, hole) < 0.05


def grainy(strength: float, count: int = 2, softness: float = 0.5) -> list[np.ndarray]:
    """Frames of a surface that stands still, each with grain of its own."""
    random, base = np.random.default_rng(3), surface()
    return [
        footage.grained(base, footage.grain(base.shape, softness, random), strength, middle(base)) for _ in range(count)
    ]


def test_grain_inside_is_held_against_grain_around_whatever_is_in_the_picture() -> None:
    truth, hole = grainy(0.02)[0], band(size=30)
    smooth, twice = surface(), grainy(0.04)[0]
    assert score.grain(truth, truth, hole) == pytest.approx(1)
    assert score.grain(np.where(hole[..., None], twice, truth), truth, hole) == pytest.approx(2, rel=0.25)
    bare = score.grain(np.where(hole[..., None], smooth, truth), truth, hole)
    assert bare is not None
    assert bare < 0.3
    assert score.grain(truth, truth, band(size=0)) is None


def test_texture_is_no_grain_where_the_frame_without_grain_is_known() -> None:
    random, hole = np.random.default_rng(8), band(size=30)
    cloth = surface() * (
        1 + cv2.GaussianBlur(random.standard_normal((HEIGHT, WIDTH, 1), np.float32), (0, 0), 0.7)[..., None] * 0.1
    )
    half = np.where(np.arange(WIDTH)[None, :, None] < WIDTH // 2, cloth, surface()).astype(np.float32)
    field = footage.grain(half.shape, 0.5, random)
    truth = footage.grained(half, field, 0.02, middle(half))
    filled = np.where(hole[..., None], footage.grained(surface(), field, 0.02, middle(half)), truth)  # lost its texture
    told = score.grain(filled, truth, hole, half)
    assert told == pytest.approx(1, abs=0.15)  # its grain is right
    assert score.grain(truth, truth, hole, surface() * (1 + random.random((HEIGHT, WIDTH, 1), np.float32))) is None


def test_flicker_is_one_for_fresh_grain_and_more_where_only_the_inside_jumps() -> None:
    truths, holes, rest = grainy(0.02), [band(size=30)] * 2, [np.zeros((HEIGHT, WIDTH, 2), np.float32)]
    assert score.flicker(truths, truths, holes, rest) == pytest.approx(1)
    jumping = [truths[0], np.where(holes[1][..., None], truths[1] * np.float32(1.1), truths[1])]
    found = score.flicker(jumping, truths, holes, rest)
    assert found is not None
    assert found > 2
    frozen = [np.where(holes[0][..., None], truths[0], each) for each in truths]
    still = score.flicker(frozen, truths, holes, rest)
    assert still is not None
    assert still < 0.2  # the grain around bleeds in with the softening


@pytest.mark.parametrize("move", leaves.MOVES)
def test_leaves_go_where_their_motion_says(move: str) -> None:
    shot = leaves.dead_leaves(np.random.default_rng(5), move, 2)
    now, later = shot.frames
    y, x = np.mgrid[0 : now.shape[0], 0 : now.shape[1]].astype(np.float32)
    there = (x + shot.motions[0][..., 0], y + shot.motions[0][..., 1])
    moved = cv2.remap(later, *there, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = (there[0] > 2) & (there[1] > 2) & (there[0] < now.shape[1] - 3) & (there[1] < now.shape[0] - 3)
    error = np.abs(moved - now).max(axis=-1)[inside] / middle(now)
    assert np.median(error) < 0.02  # what is seen in both is the same
    if move == "locked":
        np.testing.assert_array_equal(now, later)
    else:
        assert np.median(np.abs(later - now).max(axis=-1)) > np.median(error) * middle(now)


def test_the_same_number_is_the_same_clip_and_another_is_another() -> None:
    first, again, other = (footage.stills(3)[number].load().frames[0] for number in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01


def clip(move: str, number: int = 0) -> footage.Clip:
    shot = leaves.dead_leaves(np.random.default_rng([9, number]), move, footage.FRAMES)
    return footage.Clip(f"clip_{move}", "leaves", move, lambda: shot)


@pytest.mark.parametrize("move", ["locked", "pan"])
def test_wires_hide_the_same_all_the_time_or_show_in_time_what_they_hide(move: str) -> None:
    for work in cases.pasted([clip(move)]):
        case = work.load()
        frame = case.tested[0]
        for number, plate in case.plates.items():
            outside = ~case.holes[number]
            np.testing.assert_array_equal(plate[outside], case.truths[number][outside])  # with the grain
        hole = case.holes[frame]
        assert hole.sum() >= cases.LEAST
        assert np.abs(case.plates[frame] - case.truths[frame])[hole].mean() > 0
        if case.split == STATIC:
            assert all((other == hole).all() for other in case.holes.values())
            continue
        assert case.split == REVEALED
        motion = np.median(case.motions[frame].reshape(-1, 2), axis=0) if move == "pan" else np.zeros(2)
        shown = np.zeros_like(hole)
        for offset in (-4, 4):
            there = np.roll(case.holes[frame + offset], tuple(-np.round(motion[::-1] * offset).astype(int)), (0, 1))
            shown |= ~there
        assert shown[hole].mean() > 0.9


def test_wires_are_asked_for_where_they_differ_by_a_twentieth_from_what_is_behind_them() -> None:
    for work in cases.pasted([clip("locked")]):
        case = work.load()
        points, visible = case.lines[case.tested[0]].points, case.lines[case.tested[0]].visible
        assert len(points) > 50
        plate, truth = (luminance(each[case.tested[0]]) for each in (case.plates, case.truths))
        differs = cv2.dilate(np.abs(plate - truth) / truth, np.ones((3, 3), np.uint8))
        column, row = points.astype(int).T
        assert visible.mean() >= cases.CLEAR
        assert np.median(differs[row, column][visible]) > 0.045
        if (~visible).sum() > 20:
            assert np.median(differs[row, column][~visible]) < 0.06


def panned(count: int = 9, step: int = 4) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Frames of a textured surface the camera pans over, and holes that stand still in the frame."""
    wide = leaves.dead_leaves(np.random.default_rng(4), "locked", 1).frames[0]
    frames = {n: np.ascontiguousarray(wide[20:212, n * step : n * step + 256]) for n in range(count)}
    hole = np.zeros((192, 256), bool)
    hole[:, 120:128] = True
    return frames, dict.fromkeys(frames, hole)


def test_the_temporal_median_brings_back_what_a_pan_shows_and_diffusion_does_not() -> None:
    truths, holes = panned()
    plates = {n: np.where(holes[n][..., None], np.float32(0.01), truth) for n, truth in truths.items()}
    others = {offset: (plates[4 + offset], holes[4 + offset]) for offset in (-4, -2, 2, 4)}
    ours = baselines.temporal_median(plates[4], holes[4], others)
    hole, truth = holes[4], truths[4]
    diffused = [baselines.inpainted(plates[4], hole, way) for way in (cv2.INPAINT_TELEA, cv2.INPAINT_NS)]
    for picture in (ours, *diffused):
        np.testing.assert_array_equal(picture[~hole], plates[4][~hole])
    best = max(score.psnr(each, truth, hole) for each in diffused)
    assert best > score.psnr(plates[4], truth, hole)
    assert score.psnr(ours, truth, hole) > best + 6


def test_the_temporal_median_leaves_what_nobody_shows() -> None:
    plate, hole = surface(), band()
    ours = baselines.temporal_median(plate, hole, {1: (plate * 2, hole)})
    np.testing.assert_array_equal(ours, plate)


def test_a_frame_comes_out_the_same_whichever_frames_were_cleaned_before() -> None:
    case = cases.pasted([clip("pan")])[2].load()
    mattes = {n: hole.astype(np.float32) for n, hole in case.holes.items()}
    kept = Shot(case.plates, None, mattes)
    after = [kept.clean(frame).output() for frame in (5, 4)][1]
    alone = Shot(case.plates, None, mattes).clean(4)
    np.testing.assert_array_equal(after, alone.output())
    outside = alone.matte <= 0
    np.testing.assert_array_equal(alone.output()[outside], case.plates[4][outside])
    assert score.psnr(after, case.truths[4], case.holes[4]) > score.psnr(case.plates[4], case.truths[4], case.holes[4])


def test_the_default_looks_at_the_neighbours_one_two_and_four_frames_away() -> None:
    assert offsets() == (-4, -2, -1, 0, 1, 2, 4)


def put(folder: Path, name: str, number: int, pixels: np.ndarray, ending: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if ending == "exr":
        rgba = np.dstack([pixels, np.ones(pixels.shape[:2], np.float32)]).astype(np.float32)
        write_frame(folder / f"{name}.{number:04d}.exr", Frame.of(rgba), rgba)
    else:
        coded = np.round(np.clip(pixels, 0, 1) * 65535).astype(np.uint16)
        cv2.imwrite(str(folder / f"{name}.{number:04d}.png"), coded[..., ::-1])


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """A shot whose wire moves, as OpenEXR from 1001, and one whose wire stands still, as PNG, with the camera."""
    folder = tmp_path / "cases"
    scene = leaves.dead_leaves(np.random.default_rng([21, 3]), "locked", 1).frames[0]
    for number in range(6):
        for name, ending, x in (("moving", "exr", 60 + 14 * number), ("standing", "png", 150)):
            truth = scene[:160, :240] * np.float32(0.3)
            wire = replace(wires.Wire.draw(np.random.default_rng(2), (160, 240), width=5.0, contrast=0.3, moves=False))
            upright = np.stack([np.full(400, x, np.float64), np.linspace(-10, 170, 400)], axis=1)
            over = wires.paste(truth, [replace(wire, rest=upright, taper=0.0, defocus=0.0, hidden=())])
            put(folder / name / "plate", "plate", 1001 + number, over.picture, ending)
            put(folder / name / "truth", "clean", 1001 + number, truth, ending)
            put(folder / name / "matte", "matte", 1001 + number, np.dstack([over.matte] * 3), ending)
    return folder


def evaluate(*words: object) -> Any:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["evaluate", "cleanup", *map(str, words)])


def told(*words: object) -> dict[str, Any]:
    return json.loads(evaluate("--json", *words).stdout)


def test_shots_from_outside_give_the_same_table_and_tell_standing_wires_from_moving_ones(shots: Path) -> None:
    said = told("--cases", shots, "--count", 2, "--methods", "model,nothing,telea,temporal_median")
    assert said["error"] == ""
    rows = said["rows"]
    splits = {(row["scene"], row["split"]) for row in rows}
    assert splits == {
        (scene, split)
        for scene, fill in (("moving", REVEALED), ("standing", STATIC))
        for split in ("detect", "clean", fill)
    }
    assert {row["width"] for row in rows if row["split"] != "clean"} <= {"4 px", "8 px"}
    metrics = {split: {row["metric"] for row in rows if row["split"] == split} for _, split in splits}
    assert metrics["detect"] == {"precision", "recall", "f1"}
    assert metrics["clean"] == {"false_positive_share"}
    filled = {"psnr", "log_psnr", "ssim", "boundary", "flicker", "grain", "transported_share"}
    assert metrics[REVEALED] | metrics[STATIC] <= filled
    assert metrics[REVEALED] >= {"psnr", "flicker", "transported_share"}
    values = {(row["split"], row["method"], row["metric"]): row["value"] for row in rows}
    assert values[REVEALED, "model", "psnr"] > values[REVEALED, "nothing", "psnr"]
    assert values[REVEALED, "temporal_median", "psnr"] > values[REVEALED, "telea", "psnr"]
    assert values[REVEALED, "model", "transported_share"] > 0.5
    assert values[STATIC, "model", "transported_share"] == 0
    assert values["detect", "nothing", "f1"] == 0
    assert np.isfinite([row["value"] for row in rows]).all()


def test_without_mattes_the_wires_are_where_plate_and_truth_differ_and_without_truth_they_are_only_looked_for(
    shots: Path,
) -> None:
    for name, lacks in (("moving", "matte"), ("standing", "truth")):
        for path in (shots / name / lacks).iterdir():
            path.unlink()
        (shots / name / lacks).rmdir()
    rows = told("--cases", shots, "--count", 2, "--methods", "nothing,telea")["rows"]
    assert {row["split"] for row in rows if row["scene"] == "moving"} == {"detect", "clean", REVEALED}
    assert {row["split"] for row in rows if row["scene"] == "standing"} == {"detect"}


def test_a_single_frame_is_a_shot_too(shots: Path) -> None:
    for path in (shots / "standing").glob("*/*.png"):
        if "1001" not in path.name:
            path.unlink()
    rows = told("--cases", shots / "standing", "--methods", "nothing,navier_stokes")["rows"]
    assert {row["case"] for row in rows} == {"standing_1001"}
    assert "psnr" in {row["metric"] for row in rows}


def test_the_table_has_widths_side_by_side_and_the_sheet_shows_where_pixels_came_from(
    shots: Path, tmp_path: Path
) -> None:
    done = evaluate("--cases", shots, "--count", 2, "--sheet", tmp_path / "sheet.png")
    assert done.exit_code == 0, done.output
    assert "mean psnr by width" in done.output
    assert "the model is" in done.output
    image = cv2.imread(str(tmp_path / "sheet.png"))
    assert image is not None
    assert image.shape[1] == 5 * 200  # plate, matte, source map, result, truth
    pure = (image.max(axis=-1) > 200) & (image.min(axis=-1) < 40)
    assert pure.any()  # the source map's colours


def lose_frame(folder: Path) -> None:
    (folder / "truth" / "clean.1003.exr").unlink()


def lose_plate(folder: Path) -> None:
    for path in (folder / "plate").iterdir():
        path.unlink()


def lose_answers(folder: Path) -> None:
    for name in ("truth", "matte"):
        for path in (folder / name).iterdir():
            path.unlink()
        (folder / name).rmdir()


def resize(folder: Path) -> None:
    put(folder / "matte", "matte", 1003, np.zeros((20, 30, 3), np.float32), "exr")


def whiten(folder: Path) -> None:
    for number in range(1001, 1007):
        put(folder / "matte", "matte", number, np.ones((160, 240, 3), np.float32), "exr")


def poison(folder: Path) -> None:
    put(folder / "truth", "clean", 1003, np.full((160, 240, 3), np.nan, np.float32), "exr")


def truncate(folder: Path) -> None:
    path = folder / "plate" / "plate.1003.exr"
    path.write_bytes(path.read_bytes()[:300])


def second(folder: Path) -> None:
    put(folder / "plate", "other", 1001, np.zeros((160, 240, 3), np.float32), "exr")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose_frame, ["truth has no frame 1003", "plate.1003.exr"]),
        (lose_plate, ["plate is empty"]),
        (lose_answers, ["moving has neither truth/ nor matte/"]),
        (resize, ["matte.1003.exr is 30 x 20", "240 x 160 as the plate"]),
        (whiten, ["matte.1001.exr is white everywhere"]),
        (poison, ["clean.1003.exr has 38400 broken pixels"]),
        (truncate, ["plate.1003.exr"]),
        (second, ["plate holds other.* and plate.*", "keep one sequence"]),
    ],
)
def test_broken_shots_are_named_in_a_sentence(shots: Path, damage: Any, words: list[str]) -> None:
    damage(shots / "moving")
    done = evaluate("--cases", shots / "moving", "--count", 2, "--methods", "nothing")
    assert isinstance(done.exception, OnelightError)
    error = told("--cases", shots / "moving", "--count", 2, "--methods", "nothing")["error"]
    for word in words:
        assert word in error


def test_a_folder_without_shots_and_an_unknown_method_are_refused(tmp_path: Path) -> None:
    assert "has no cases: plate/ with truth/" in told("--cases", tmp_path)["error"]
    assert "no method magic" in told("--methods", "magic")["error"]


def test_held_out_footage_is_rendered_once_and_every_split_has_its_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    clips = footage.clips(1, lambda *_: None)
    assert {one.kind for one in clips} == {"leaves", "stage", "real"}
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    assert len(made) == 1
    first = told("--count", 1, "--methods", "nothing,telea")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == made
    rows = first["rows"]
    assert {row["split"] for row in rows} >= {"detect", "clean", STATIC, REVEALED}
    assert {row["motion"] for row in rows if row["split"] == STATIC} == {"still"}
    for split in (STATIC, REVEALED):
        value = {
            method: np.mean(
                [
                    row["value"]
                    for row in rows
                    if (row["split"], row["method"], row["metric"]) == (split, method, "psnr")
                ]
            )
            for method in ("nothing", "telea")
        }
        assert value["telea"] > value["nothing"] + 3
    assert told("--count", 1, "--methods", "nothing,telea")["rows"] == rows


def row(
    case: str, method: str, metric: str, value: float, width: str = "2 px", split: str = "detect"
) -> dict[str, Any]:
    shared = {"case": case, "scene": case, "split": split, "width": width, "motion": ""}
    return {**shared, "method": method, "metric": metric, "value": value}


def test_groups_are_of_one_label_each_and_of_all_and_splits_stay_apart() -> None:
    rows = [row(f"c{i}", "model", "f1", i / 10, "12 px" if i % 2 else "2 px") for i in range(10)]
    rows += [row("d", "model", "psnr", 30.0, split="fill_static")]
    summary = scores.summary(rows, by=("width", "motion"), together=False)
    found = {(one["split"], one["label"], one["condition"]): one["mean"] for one in summary}
    assert found == {
        ("detect", "", "all"): pytest.approx(0.45),
        ("detect", "width", "2 px"): pytest.approx(0.4),
        ("detect", "width", "12 px"): pytest.approx(0.5),
        ("fill_static", "", "all"): 30.0,
        ("fill_static", "width", "2 px"): 30.0,
    }
    widths = [one["condition"] for one in summary if one["label"] == "width" and one["split"] == "detect"]
    assert widths == ["2 px", "12 px"]  # by their size and not by their letters


def test_grain_is_best_at_one_and_as_bad_above_as_below() -> None:
    rows = [
        row(f"c{i}", method, "grain", value) for i in range(4) for method, value in (("model", 1.1), ("telea", 0.3))
    ]
    compared = scores.against(rows, by=("width", "motion"), together=False)
    whole = next(one for one in compared if not one["label"])
    assert whole["better"]
    assert whole["gain"] == pytest.approx(np.log2(1 / 0.3) - np.log2(1.1))
    assert scores.merit("grain", np.array([2.0]))[0] == scores.merit("grain", np.array([0.5]))[0]
    worst = scores.summary([row("c", "model", "grain", v) for v in (0.9, 1.0, 2.0)], by=("width", "motion"))
    assert worst[0]["worst_decile"] == 2.0
    assert "grain, detect: the model is better than telea" in scores.sentences(compared)[0]


def test_a_workload_is_a_shot_with_wires_that_pans_and_comes_out_the_same_twice() -> None:
    plate = np.dstack([surface(), np.ones((HEIGHT, WIDTH), np.float32)])
    shot, again = (workload.Shot(plate, WIDTH, HEIGHT) for _ in range(2))
    np.testing.assert_array_equal(shot.frame(3), again.frame(3))
    assert shot.frame(3).dtype == np.float16
    assert (shot.frame(300) != shot.frame(3)).any()


def test_tools_that_look_at_neighbours_are_timed_on_a_shot_in_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_tools, "SIZES", ((160, 90),))
    rows = bench_tools.run(["cleanup"], None, 1, quiet=True)
    assert [one["mode"] for one in rows] == [
        "in sequence, range 0, 0 neighbours",
        "in sequence, range 2, 4 neighbours",
        "in sequence, range 4, 6 neighbours",
        "knob, range 4",
        "in sequence, range 8, 8 neighbours",
    ]
    assert all(one["seconds"] > 0 and one["server_peak_mb"] > 1 for one in rows)
