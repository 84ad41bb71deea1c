"""Relight's computation: what its knobs, clips and passes do to a plate, and what they leave alone."""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np
import pytest
from onelight.colour import Colour
from onelight.errors import Cancelled, ColourError, RequestError
from onelight.stages import Context, FrameInfo
from onelight.tools import discover, graph
from onelight.tools.relight import geometry, light
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


@pytest.mark.parametrize("premult", ["none", "premultiplied"])
@pytest.mark.parametrize("space", ["acescg", "lin_rec709", "aces2065_1", "unset"])
@pytest.mark.parametrize("name", [entry.name for entry in RELIGHT.presets.entries if entry.name != "as_shot"])  # type: ignore[union-attr]
def test_plate_times_ratio_plus_added_is_the_result(space: str, name: str, premult: str) -> None:
    plate = scene()
    knobs = preset(RELIGHT, name, specular=0.3, rim=0.5)
    result, ratio, added = (
        run(RELIGHT, plate, knobs, colourspace=space, premult=premult, output=which)["output"][..., :3]
        for which in ("result", "ratio", "added")
    )
    assert np.allclose(plate[..., :3] * ratio + added, result, rtol=1e-5, atol=1e-6)


def test_the_ratio_never_departs_from_the_keys_level_by_more_than_its_limit() -> None:
    knobs = preset(RELIGHT, "moonlight", key_stops=-3.0, limit=1.5, auto_sky=0.0)
    ratio = np.log2(run(RELIGHT, scene(), knobs, output="ratio")["output"][..., :3])
    assert ratio.min() >= -4.5 - 1e-5
    assert ratio.max() <= -1.5 + 1e-5


@pytest.mark.parametrize("stops", [-3.0, 1.0, 4.0])
def test_a_stop_is_a_stop(stops: float) -> None:
    plate = scene()
    knobs = defaults(RELIGHT, key_stops=stops, sky_stops=stops, analysed=True, exposure=-1.5)
    result = run(RELIGHT, plate, knobs)["output"]
    assert np.allclose(result[..., :3], plate[..., :3] * 2.0**stops, rtol=1e-3, atol=1e-6)


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
    assert np.allclose(graded, -1.0, atol=1e-3)


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


def test_the_light_of_an_analysed_shot_is_never_estimated_again() -> None:
    """A frame in which a lamp goes on is not pulled back to the middle: level and light stay those of the knobs."""
    knobs = {**GOLDEN, "analysed": True, "exposure": -2.0}
    for plate in (scene(), scene() * np.float32(1.7)):
        made = run(RELIGHT, plate, knobs)
        assert made["fitted"] == {}
        assert made["level"] == 0.25
        assert made["status"] == ""


def test_when_the_analysed_exposure_follows_more_light_in_is_as_much_more_out() -> None:
    plate, brighter = scene(), scene()
    brighter[..., :3] *= np.float32(3.0)
    one = run(RELIGHT, plate, {**GOLDEN, "analysed": True, "exposure": -2.0})["output"]
    other = run(RELIGHT, brighter, {**GOLDEN, "analysed": True, "exposure": float(-2.0 + np.log2(3.0))})["output"]
    assert np.allclose(other[..., :3], one[..., :3] * 3.0, rtol=2e-3, atol=1e-5)


def test_a_connected_depth_keeps_its_analysed_range_when_something_far_comes_into_shot() -> None:
    plate = np.full((60, 80, 4), 0.2, np.float32)
    depth = np.zeros_like(plate)
    depth[..., 0] = np.linspace(10, 1, 60)[:, None]
    further = depth.copy()
    further[:6, :, 0] = 500.0
    (context,) = contexts([plate])
    found = graph("relight").analyse(
        [Context(context.knobs, context.info, {**context.clips, ("Depth", 0): depth}, context.colour)]
    )
    assert 1 <= found["depth_near"] < 2
    assert 9 < found["depth_far"] <= 10
    knobs = {**defaults(RELIGHT, haze=0.8, auto_sky=0.0), **found}
    one, other = (run(RELIGHT, plate, knobs, clips={"Depth": d}, output="added")["output"] for d in (depth, further))
    assert np.allclose(one[10:], other[10:], atol=1e-5)
    assert np.isfinite(run(RELIGHT, plate, knobs, clips={"Depth": np.full_like(depth, 5.0)})["output"]).all()


def test_a_matte_is_read_from_the_channel_it_is_said_to_be_in_on_every_frame() -> None:
    plate = scene()
    in_red, in_alpha = np.zeros_like(plate), np.zeros_like(plate)
    in_red[50:60, 50:60, 0] = in_alpha[50:60, 50:60, 3] = 1
    in_red[..., 3] = 1
    alpha = run(RELIGHT, plate, GOLDEN, clips={"Emissive": in_alpha})["output"]
    red = run(RELIGHT, plate, {**GOLDEN, "matte_channel": "red"}, clips={"Emissive": in_red})["output"]
    assert np.array_equal(bits(alpha), bits(red))
    gone = np.zeros_like(plate)  # the lamp has left the frame: nothing is held, whatever its colours are
    gone[..., :3] = plate[..., :3]
    free = run(RELIGHT, plate, GOLDEN)["output"]
    assert np.array_equal(bits(run(RELIGHT, plate, GOLDEN, clips={"Emissive": gone})["output"]), bits(free))


def test_a_little_more_sky_moves_the_estimated_depth_a_little() -> None:
    veil = np.zeros((100, 100), np.float32)
    depths = []
    for columns in range(20, 60):
        sky = np.zeros((100, 100), np.float32)
        sky[:40, :columns] = 1
        depths.append(geometry.layout(sky, veil)[1])
    jumps = [np.abs(a - b).max() for a, b in itertools.pairwise(depths)]
    assert max(jumps) < 0.05


def test_an_anamorphic_plate_is_lit_like_its_unsqueezed_self() -> None:
    wide, normals = ball(320)
    squeezed, squeezed_normals = (cv2.resize(x, (160, 320), interpolation=cv2.INTER_AREA) for x in (wide, normals))
    knobs = defaults(RELIGHT, analysed=True, exposure=-2.0, present_azimuth=0.0, present_elevation=0.0, auto_sky=0.0)
    knobs |= {"key_azimuth": 60.0, "key_elevation": 20.0, "shadow_density": 0.7, "haze": 0.2}
    flat = cv2.resize(run(RELIGHT, wide, knobs)["output"], (160, 320), interpolation=cv2.INTER_AREA)
    ours = run(RELIGHT, squeezed, knobs, par=2.0)["output"]
    ignorant = run(RELIGHT, squeezed, knobs, par=1.0)["output"]
    del squeezed_normals

    def error(image: np.ndarray) -> float:
        return float(np.sqrt(((image - flat)[..., :3] ** 2).mean()))

    assert error(ours) < 0.5 * error(ignorant)


def test_albedo_times_shading_is_the_light_of_the_plate_in_its_own_space() -> None:
    plate = scene()
    plate[..., :3] = np.abs(plate[..., :3])
    knobs = defaults(RELIGHT, key_kelvin=3200.0, fill_kelvin=9000.0, limit=8.0, auto_sky=0.0)
    parts = [
        run(RELIGHT, plate, knobs, colourspace="lin_rec709", output=name)["output"][..., :3]
        for name in ("albedo", "shading", "ratio")
    ]
    assert np.allclose(parts[0] * parts[1], plate[..., :3] * parts[2], rtol=0.02, atol=0.01)


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
