"""How deep Relight takes the estimated surface to be: as deep as leaves the paint under it evenest."""

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
from onelight.tools.relight.spec import TOOL
from stagerun import defaults, session

SIDE = 96
KNOBS = defaults(TOOL, analysed=True, present_azimuth=40.0, present_elevation=35.0, present_ratio=5.0)


def dome(gain: float = 1.0) -> np.ndarray:
    """Normals [SIDE, SIDE, 3] of a bump that fills the picture, its slopes times `gain`."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)  # type: ignore[misc]
    return normalise(np.dstack([x * gain, -y * gain, np.ones_like(x)]))


def seen(normals: np.ndarray, shaded: np.ndarray, paint: float | np.ndarray = 0.0, **more: Any) -> dict[str, Any]:
    """A decomposed plate: `normals` are what was found, `shaded` those that it was lit on."""
    present = lit.present_light(KNOBS)
    shape = lit.key_shape(shaded, present.key, present.softness)
    whole, none = np.ones((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    stops = np.log2(present.fill_level + present.key_level * shape) + paint
    parts = {"stops": stops.astype(np.float32), "normals": normals, "visibility": whole, "shadow": none}
    return {**parts, "matte": whole, **more}


def test_a_surface_that_explains_its_shading_stays_as_deep_as_it_was_found() -> None:
    assert depth.relief([(seen(dome(), dome()), KNOBS)]) == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("true", [0.5, 1.5])
def test_one_that_was_found_too_flat_or_too_deep_is_taken_as_deep_as_its_shading(true: float) -> None:
    motley = np.where(np.random.default_rng(1).random((SIDE, SIDE)) < 0.2, -0.7, 0.0)
    assert depth.relief([(seen(dome(), dome(true), motley), KNOBS)]) == pytest.approx(true, abs=0.15)


def test_a_flat_thing_that_was_taken_for_round_is_flat() -> None:
    assert depth.relief([(seen(dome(), dome(0.0)), KNOBS)]) == pytest.approx(0.0, abs=0.1)


def test_all_frames_of_a_shot_have_a_say() -> None:
    frames = [(seen(dome(), dome(true)), KNOBS) for true in (0.75, 1.25)]
    assert 0.75 < depth.relief(frames) < 1.25


def test_where_hardly_anything_of_a_subject_is_seen_nothing_is_changed() -> None:
    matte = np.zeros((SIDE, SIDE), np.float32)
    matte[40:46, 40:46] = 1
    for what in (matte, None):
        assert depth.relief([(seen(dome(), dome(0.0), matte=what), KNOBS)]) == 1.0


def frame(plate: np.ndarray, with_network: bool, **clips: np.ndarray) -> Context:
    """A frame as Analyse gets it."""
    info = FrameInfo.of(plate.shape[1], plate.shape[0])
    packed = {(name, 0): image for name, image in {"Source": plate, **clips}.items()}
    knobs = defaults(TOOL, relief=1.7, auto_sky=0.0)
    return Context(knobs, info, packed, Colour.of("acescg"), session("relight") if with_network else None)


def card() -> tuple[np.ndarray, np.ndarray]:
    """An evenly lit card [120, 160, 4] with spots of paint, and its matte."""
    plate = np.full((120, 160, 4), 0.02, np.float32)
    plate[20:100, 30:130, :3] = 0.4
    for row, column in np.random.default_rng(2).integers(30, 90, (12, 2)):
        plate[row : row + 6, column + 20 : column + 26, :3] = 0.2
    plate[..., 3] = 1
    matte = np.zeros_like(plate)
    matte[20:100, 30:130] = 1
    return plate, matte


def test_analyse_finds_that_an_evenly_lit_card_is_flatter_than_its_outline_looks() -> None:
    plate, matte = card()
    assert graph("relight").analyse([frame(plate, True, Matte=matte)])["relief"] < 0.6


def test_analyse_leaves_relief_alone_without_a_network_without_a_matte_and_with_connected_normals() -> None:
    plate, matte = card()
    flat = np.zeros_like(plate)
    flat[..., 2] = 1
    assert graph("relight").analyse([frame(plate, False, Matte=matte)])["relief"] == 1.7
    assert graph("relight").analyse([frame(plate, True)])["relief"] == 1.7
    assert graph("relight").analyse([frame(plate, True, Matte=matte, Normals=flat)])["relief"] == 1.7
