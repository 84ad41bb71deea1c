"""Relight's score: what the metrics measure, what the baselines know, the command on held-out scenes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onelight.soundstage import families
from onelight.studio import scores
from onelight.tools import graph
from onelight.tools.relight import baselines, cases, flicker, light, score
from onelight.tools.relight.relit import Relit
from relitballs import LIGHTS, ball, evaluate, rows_of


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
