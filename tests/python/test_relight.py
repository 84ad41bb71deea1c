"""Relight's computation: what its knobs, clips and passes do to a plate, and what they leave alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from onelight.errors import Cancelled, ColourError, RequestError
from onelight.imaging import Colour
from onelight.stages import Context, FrameInfo
from onelight.tools import discover, graph
from onelight.tools.relight import light
from stagerun import bits, defaults, preset, run, scene

RELIGHT = discover()["relight"]
GOLDEN = preset(RELIGHT, "golden_hour")


def stops(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    return np.log2(np.maximum(after[..., 1], 1e-6) / np.maximum(before[..., 1], 1e-6))


def ball(size: int = 160, towards: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    """A grey matte ball lit from `towards` over a little fill on a dark ground: (plate, its true normals)."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    nx, ny = (x - size / 2) / (size * 0.4), -(y - size / 2) / (size * 0.4)
    inside = nx**2 + ny**2 < 1
    nz = np.sqrt(np.maximum(1 - nx**2 - ny**2, 0))
    normals = np.where(inside[..., None], np.stack([nx, ny, nz], -1), 0)
    direction = np.array(towards) / np.linalg.norm(towards)
    value = np.where(inside, 0.05 + 0.4 * np.maximum(normals @ direction, 0), 0.02).astype(np.float32)
    plate = np.dstack([value, value, value, np.ones_like(value)])
    return plate.astype(np.float32), np.dstack([normals, inside]).astype(np.float32)


@pytest.mark.parametrize("space", ["acescg", "lin_rec709", "aces2065_1", "unset"])
@pytest.mark.parametrize("name", [entry.name for entry in RELIGHT.presets.entries if entry.name != "as_shot"])  # type: ignore[union-attr]
def test_plate_times_ratio_plus_added_is_the_result(space: str, name: str) -> None:
    plate = scene()
    knobs = preset(RELIGHT, name, specular=0.3, rim=0.5)
    result, ratio, added = (
        run(RELIGHT, plate, knobs, colourspace=space, output=which)["output"][..., :3]
        for which in ("result", "ratio", "added")
    )
    assert np.allclose(plate[..., :3] * ratio + added, result, rtol=1e-5, atol=1e-6)


def test_the_ratio_never_leaves_its_limit() -> None:
    knobs = preset(RELIGHT, "moonlight", key_stops=-9.0, limit=1.5)
    ratio = run(RELIGHT, scene(), knobs, output="ratio")["output"][..., :3]
    assert ratio.min() >= 2.0**-1.5 and ratio.max() <= 2.0**1.5


def test_equal_lights_are_exactly_neutral_wherever_the_present_light_is() -> None:
    plate = scene()
    same = {"present_azimuth": 123.4, "present_elevation": 7.1, "present_ratio": 5.5, "present_softness": 0.63}
    new = {"key_azimuth": 123.4, "key_elevation": 7.1, "fill_ratio": 5.5, "key_softness": 0.63}
    turned = {"camera_heading": 33.0, "camera_pitch": -5.0, "camera_roll": 2.0, "present_fill_xy": 0.3}
    knobs = defaults(RELIGHT, analysed=True, exposure=-1.0, **same, **new, **turned)
    assert np.array_equal(bits(run(RELIGHT, plate, knobs)["output"]), bits(plate))


def test_a_key_from_the_right_brightens_the_right_side_of_a_ball_and_a_key_from_the_left_the_left() -> None:
    plate, normals = ball()
    for azimuth, sign in ((70.0, 1), (-70.0, -1)):
        present = {"present_azimuth": 0.0, "present_elevation": 0.0}
        knobs = defaults(RELIGHT, analysed=True, exposure=-2.0, **present, fill_ratio=6.0, key_azimuth=azimuth)
        knobs["key_elevation"] = 0.0
        result = run(RELIGHT, plate, knobs, clips={"Normals": normals})["output"]
        change = stops(result, plate)
        assert sign * (change[80, 120] - change[80, 40]) > 0.5


def test_relighting_a_ball_with_its_true_normals_gives_what_the_other_light_gives() -> None:
    first, normals = ball(towards=(-0.5, 0.5, 0.7))
    second, _ = ball(towards=(0.6, 0.3, 0.74))
    (a0, e0), (a1, e1) = light.angles(np.array([-0.5, 0.5, 0.7])), light.angles(np.array([0.6, 0.3, 0.74]))
    ratio = (0.05 + 0.4) / 0.05
    present = {"present_azimuth": a0, "present_elevation": e0, "present_softness": 0.0, "present_ratio": ratio}
    new = {"key_azimuth": a1, "key_elevation": e1, "key_softness": 0.0, "fill_ratio": ratio}
    knobs = defaults(RELIGHT, analysed=True, exposure=-2.0, **present, **new, limit=8.0, relief=0.0)
    result = run(RELIGHT, first, knobs, clips={"Normals": normals})["output"]
    inside = cv2.erode(normals[..., 3], np.ones((9, 9))) > 0

    def error(image: np.ndarray) -> float:
        return float(np.sqrt((stops(image, second)[inside] ** 2).mean()))

    assert error(result) < 0.35 * error(first)


def test_a_pan_keeps_the_sun_in_its_place() -> None:
    turn = light.camera_rotation(40.0, 0.0, 0.0)
    in_shot = turn @ light.direction(140.0, 0.0)
    assert np.allclose(in_shot, (0, 0, -1), atol=1e-6), "panning right to a lamp in front brings it to the middle"
    behind = light.angles(turn @ light.direction(40.0, 20.0))
    assert np.allclose(behind, (80.0, 20.0), atol=1e-6), "a lamp behind the camera falls further to the side"
    up = light.camera_rotation(0.0, 30.0, 0.0) @ light.direction(180.0, 30.0)
    assert np.allclose(up, (0, 0, -1), atol=1e-6), "tilting up to a sun behind the scene centres it"


def test_colour_temperature_is_relative_to_the_plate_white() -> None:
    assert np.array_equal(light.colour(6500.0), np.ones(3))
    warm, cold = light.colour(3200.0), light.colour(12000.0)
    assert warm[0] > 1.2 > 0.8 > warm[2] and cold[0] < 1 < cold[2]
    green, magenta = light.colour(6500.0, -1.0), light.colour(6500.0, 1.0)
    assert green[1] > 1 > magenta[1]


def test_emissive_things_are_held_and_sky_is_graded_not_shaded() -> None:
    plate = scene()
    emissive = np.zeros_like(plate)
    emissive[50:60, 50:60, 3] = 1
    sky = np.zeros_like(plate)
    sky[:30, :, 3] = 1
    knobs = preset(
        RELIGHT, "golden_hour", sky_warmth=0.0, sky_stops=-1.0, sky_grade_kelvin=6500.0, haze=0.0, specular=0.0
    )
    result = run(RELIGHT, plate, knobs, clips={"Emissive": emissive, "Sky": sky})["output"]
    assert np.array_equal(bits(result[50:60, 50:60]), bits(plate[50:60, 50:60]))
    graded = stops(result, plate)[2:27, 20:]
    assert np.allclose(graded, -1.0, atol=0.05)  # the limit bends 1 stop by a few hundredths


def test_a_black_or_flat_depth_is_refused_with_the_name_of_the_input() -> None:
    plate = scene()
    with pytest.raises(RequestError, match="Depth input is the same everywhere"):
        run(RELIGHT, plate, GOLDEN, clips={"Depth": np.zeros_like(plate)})


def test_haze_grows_with_distance_and_inverse_depth_is_understood() -> None:
    plate = np.full((60, 80, 4), 0.2, np.float32)
    distance = np.zeros_like(plate)
    distance[..., 0] = np.linspace(10, 1, 60)[:, None]
    knobs = defaults(RELIGHT, haze=0.8, auto_sky=0.0)
    far = run(RELIGHT, plate, knobs, clips={"Depth": distance}, output="added")["output"][..., 1]
    assert far[5].mean() > 4 * max(far[-5].mean(), 1e-6)
    near = run(RELIGHT, plate, {**knobs, "depth_coding": "inverse"}, clips={"Depth": distance}, output="added")[
        "output"
    ]
    assert near[-5, :, 1].mean() > near[5, :, 1].mean()


def test_half_a_proxy_is_like_the_full_render_made_smaller() -> None:
    full = cv2.GaussianBlur(scene(1280, 720, seed=4), (0, 0), 1.2)
    half = cv2.resize(full, (640, 360), interpolation=cv2.INTER_AREA)
    knobs = {**GOLDEN, "analysed": True, "exposure": -2.0}
    large = cv2.resize(run(RELIGHT, full, knobs)["output"], (640, 360), interpolation=cv2.INTER_AREA)[..., :3]
    small = run(RELIGHT, half, knobs, scale=(0.5, 0.5))["output"][..., :3]
    peak = np.quantile(large, 0.995)
    error = np.mean((np.clip(large, 0, peak) - np.clip(small, 0, peak)) ** 2)
    assert 10 * np.log10(peak**2 / error) >= 40


def test_an_unanalysed_frame_says_so_and_follows_the_fitted_light_where_a_knob_is_as_shot() -> None:
    made = run(RELIGHT, scene(), defaults(RELIGHT, key_stops=1.0))
    assert "Press Analyse shot" in made["status"] and made["fitted"]["present_azimuth"] != -40.0
    # only the level differs from 'as shot', so the whole surface rises by that stop alone
    ratio = run(RELIGHT, scene(), defaults(RELIGHT, key_stops=0.5, auto_sky=0.0), output="ratio")["output"][..., 1]
    assert ratio.std() < 0.01


def contexts(frames: list[np.ndarray], **knobs: Any) -> list[Context]:
    info = FrameInfo.of(frames[0].shape[1], frames[0].shape[0])
    return [Context(defaults(RELIGHT, **knobs), info, {("Source", 0): f}, Colour.of("acescg")) for f in frames]


def test_analyse_writes_every_analysed_knob_and_finds_the_side_the_light_is_on() -> None:
    for azimuth in (-60.0, 60.0):
        towards = light.direction(azimuth, 30.0)
        plate, normals = ball(towards=tuple(towards))
        frames = contexts([plate])
        frames = [Context(c.knobs, c.info, {**c.clips, ("Normals", 0): normals}, c.colour) for c in frames]
        found = graph("relight").analyse(frames)
        assert set(found) == {knob.name for knob in RELIGHT.knobs if knob.analysed}
        assert found["analysed"] is True
        assert np.sign(found["present_azimuth"]) == np.sign(azimuth) and abs(found["present_azimuth"]) > 20
        for knob in RELIGHT.knobs:
            if knob.analysed and knob.name != "analysed":
                assert knob.hard[0] <= found[knob.name] <= knob.hard[1]  # type: ignore[attr-defined]


def test_analyse_measures_exposure_in_stops_and_light_in_the_reference_camera() -> None:
    plate = scene()
    brighter = plate * np.float32(4)
    one, other = (graph("relight").analyse(contexts([p])) for p in (plate, brighter))
    assert other["exposure"] - one["exposure"] == pytest.approx(2.0, abs=1e-3)
    assert other["present_azimuth"] == pytest.approx(one["present_azimuth"], abs=0.1)
    assert other["present_ratio"] == pytest.approx(one["present_ratio"], rel=1e-3)


def test_an_analysed_shot_is_never_estimated_again() -> None:
    """With the light in knobs, a brighter frame is not pulled back to the middle: the ratio stays what it was."""
    plate = scene()
    knobs = {**GOLDEN, "analysed": True, "exposure": -2.0, "auto_sky": 0.0}
    made = run(RELIGHT, plate, knobs)
    assert made["fitted"] == {} and made["level"] == 0.25 and made["status"] == ""


def test_light_map_goes_to_alpha_when_asked() -> None:
    plate = scene()
    made = run(RELIGHT, plate, {**GOLDEN, "to_alpha": True})
    light_map = run(RELIGHT, plate, GOLDEN, output="light_map")["output"]
    assert made["alpha"] == "result" and np.allclose(made["output"][..., 3], light_map[..., 0])


def test_holding_grain_keeps_its_level_where_the_plate_is_lifted() -> None:
    clean = np.full((90, 120, 4), 0.1, np.float32)
    plate = clean.copy()
    plate[..., :3] += np.random.default_rng(0).normal(0, 0.01, (90, 120, 1)).astype(np.float32)
    knobs = defaults(RELIGHT, analysed=True, exposure=-3.3, key_stops=2.0, auto_sky=0.0)
    lifted = run(RELIGHT, plate, knobs, clips={"Denoised": clean})["output"]
    held = run(RELIGHT, plate, {**knobs, "hold_grain": 1.0}, clips={"Denoised": clean})["output"]
    assert lifted[..., 1].std() > 3 * plate[..., 1].std()
    assert held[..., 1].std() == pytest.approx(plate[..., 1].std(), rel=0.05)


def test_an_unknown_colour_space_is_named_in_the_error() -> None:
    with pytest.raises(ColourError, match="no space named 'Kodachrome'"):
        Colour.of("Kodachrome")
    with pytest.raises(ColourError, match="holds data"):
        Colour.of("Raw")


def test_work_stops_at_the_next_check_when_nobody_waits() -> None:
    def stop() -> None:
        raise Cancelled("nobody waits")

    info = FrameInfo.of(200, 120)
    context = Context(GOLDEN, info, {("Source", 0): scene()}, Colour.of("acescg"), check=stop)
    with pytest.raises(Cancelled):
        graph("relight").STAGES[0].run(context, {})
