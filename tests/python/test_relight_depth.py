"""How deep Relight takes a subject to be: as deep as leaves the paint under it evenest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onelight.colour import Colour
from onelight.stages import Context, FrameInfo
from onelight.tools import graph
from onelight.tools.relight import depth
from onelight.tools.relight import light as lit
from onelight.tools.relight.geometry import normalise
from onelight.tools.relight.knobs import SH_NAMES
from onelight.tools.relight.spec import TOOL
from stagerun import card, defaults, run, session

SIDE = 96
KNOBS = defaults(TOOL, analysed=True, present_azimuth=40.0, present_elevation=35.0, present_ratio=5.0)


def dome(gain: float = 1.0) -> np.ndarray:
    """Normals [SIDE, SIDE, 3] of a bump that fills the picture, its slopes times `gain`."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)  # type: ignore[misc]
    return normalise(np.dstack([x * gain, -y * gain, np.ones_like(x)]))


def seen(
    normals: np.ndarray, shaded: np.ndarray, paint: float | np.ndarray = 0.0, knobs: Any = KNOBS, **more: Any
) -> dict[str, Any]:
    """A decomposed plate: `normals` are what was found, `shaded` those that it was lit on."""
    present = lit.present_light(knobs)
    shape = lit.key_shape(shaded, present.key, present.softness)
    weights = np.array([knobs[f"present_fill_{name}"] for name in SH_NAMES])
    fill = present.fill_level * lit.fill_shape(lit.harmonics(shaded), weights)
    whole, none = np.ones((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    stops = np.log2(fill + present.key_level * shape) + paint
    parts = {"stops": stops.astype(np.float32), "normals": normals, "visibility": whole, "shadow": none}
    return {**parts, "matte": whole, **more}


def test_a_surface_that_explains_its_shading_stays_as_deep_as_it_was_found() -> None:
    spots = np.random.default_rng(3).normal(0, 0.1, (SIDE, SIDE))
    assert depth.of_subject([(seen(dome(), dome()), KNOBS)]) == pytest.approx(1.0, abs=0.05)
    assert depth.of_subject([(seen(dome(), dome(), spots), KNOBS)]) == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("true", [0.5, 1.5])
def test_one_that_was_found_too_flat_or_too_deep_is_taken_as_deep_as_its_shading(true: float) -> None:
    motley = np.where(np.random.default_rng(1).random((SIDE, SIDE)) < 0.2, -0.7, 0.0)
    assert depth.of_subject([(seen(dome(), dome(true), motley), KNOBS)]) == pytest.approx(true, abs=0.15)


def test_a_flat_thing_that_was_taken_for_round_is_flat() -> None:
    assert depth.of_subject([(seen(dome(), dome(0.0)), KNOBS)]) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("depths", [(0.5, 1.25), (1.25, 0.5)])
def test_all_frames_of_a_shot_have_a_say(depths: tuple[float, float]) -> None:
    spots = np.random.default_rng(3).normal(0, 0.1, (SIDE, SIDE))
    assert 0.6 < depth.of_subject([(seen(dome(), dome(true), spots), KNOBS) for true in depths]) < 1.2


@pytest.mark.parametrize("side", [-0.4, 0.4])
def test_fill_that_comes_from_a_side_is_not_taken_for_depth(side: float) -> None:
    knobs = {**KNOBS, "present_fill_y": side, "present_fill_x": side}
    made = seen(dome(), dome(), knobs=knobs)
    assert depth.of_subject([(made, knobs)]) == pytest.approx(1.0, abs=0.08)


def test_what_is_black_broken_or_in_no_light_at_all_says_nothing() -> None:
    none = np.zeros((SIDE, SIDE), np.float32)
    for stops in (-6.0, 20.0):
        assert depth.of_subject([(seen(dome(), dome(), stops=none + stops), KNOBS)]) == 1.0
    unlit = depth.of_subject([(seen(dome(), dome(), visibility=none, shadow=none + 1), KNOBS)])
    assert unlit == pytest.approx(1.0)


def test_where_hardly_anything_of_a_subject_is_seen_nothing_is_changed() -> None:
    matte = np.zeros((SIDE, SIDE), np.float32)
    matte[40:46, 40:46] = 1
    for what in (matte, None):
        assert depth.of_subject([(seen(dome(), dome(0.0), matte=what), KNOBS)]) == 1.0


def frame(plate: np.ndarray, with_network: bool, knobs: Any = None, **clips: np.ndarray) -> Context:
    """A frame as Analyse gets it."""
    info = FrameInfo.of(plate.shape[1], plate.shape[0])
    packed = {(name, 0): image for name, image in {"Source": plate, **clips}.items()}
    values = {**defaults(TOOL, auto_sky=0.0), **(knobs or {})}
    return Context(values, info, packed, Colour.of("acescg"), session("relight") if with_network else None)


def test_analyse_finds_that_an_evenly_lit_card_is_flatter_than_its_outline_looks_and_finds_it_again() -> None:
    plate, matte = card()
    found = graph("relight").analyse([frame(plate, True, Matte=matte)])
    assert found["subject_relief"] < 0.6
    assert graph("relight").analyse([frame(plate, True, found, Matte=matte)]) == found


def test_a_matte_on_some_frames_of_a_shot_is_enough() -> None:
    plate, matte = card()
    found = graph("relight").analyse([frame(plate, True), frame(plate, True, Matte=matte)])
    assert found["subject_relief"] < 0.6


def test_without_a_network_without_a_matte_and_with_connected_normals_nothing_is_found() -> None:
    plate, matte = card()
    flat = np.zeros_like(plate)
    flat[..., 2] = 1
    for one in (
        frame(plate, False, Matte=matte),
        frame(plate, True),
        frame(plate, True, Matte=matte, Normals=flat),
    ):
        assert graph("relight").analyse([one])["subject_relief"] == 1.0


@pytest.mark.parametrize("version", ["", "classical1"])
def test_subject_relief_leaves_what_is_behind_the_subject_as_deep_as_it_was(version: str) -> None:
    plate, matte = card()
    plate[:, :20, :3] *= np.linspace(0.2, 2, 20)[:, None]
    told = defaults(TOOL, analysed=True, exposure=-2.0)
    shown: dict[str, Any] = {"clips": {"Matte": matte}, "output": "normals", "version": version}
    one, other = (run(TOOL, plate, {**told, "subject_relief": value}, **shown) for value in (1.0, 0.0))
    inside, outside = (slice(40, 80), slice(50, 110)), (slice(0, 120), slice(0, 16))
    assert np.array_equal(one["output"][outside], other["output"][outside])
    assert np.abs(other["output"][inside][..., :2]).max() < 1e-3 < np.abs(one["output"][inside][..., :2]).max()
