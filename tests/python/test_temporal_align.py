"""How the background moves beside and behind what is hidden."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from onelight.temporal import align
from onelight.temporal.flow import positions
from onelight.temporal.views import Coarse
from temporalclips import SIZE, grainy, texture

WIDE, PACE = 30, 9  # px: how wide the hole is, and how far it goes against the background from frame to frame


def stirred(places: np.ndarray) -> np.ndarray:
    """By how much a background that no camera's motion explains has moved at places [H, W, 2] of the second frame."""
    return np.dstack([3 * np.sin(places[..., 1] / 25) + 1.5, 2 * np.cos(places[..., 0] / 40)]).astype(np.float32)


def frame(scene: np.ndarray, time: int, place: int) -> tuple[np.ndarray, np.ndarray]:
    """A frame with an upright beam before it, and where that is."""
    grid = positions(SIZE)
    x, y = cv2.split(grid + time * stirred(grid) + 60)
    plate = grainy(cv2.remap(scene, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT), time + 50)
    hole, left = np.zeros(SIZE, np.float32), place - PACE * time
    hole[:, left : left + WIDE] = 1
    plate[hole > 0] = 0.02
    return plate, hole


def missed(place: int) -> tuple[float, float]:
    """Mean error of the motion in pixels, in a band beside the beam at `place` and behind it."""
    scene = texture(2 * SIZE[0], 2 * SIZE[1], 1)
    (here, hole), (there, gone) = (frame(scene, time, place) for time in (0, 1))
    grid = positions(SIZE)
    landed = grid.copy()
    for _ in range(20):
        landed = grid - stirred(landed)
    found = align.motion(Coarse.of(here, hole), Coarse.of(there, gone)).flow
    error = np.hypot(*(found - (landed - grid)).transpose(2, 0, 1))
    beside = (cv2.dilate(hole, np.ones((61, 61), np.uint8)) > 0) & (hole == 0)
    return float(error[beside].mean()), float(error[hole > 0].mean())


def test_a_wide_beam_that_moves_on_its_own_leads_the_motion_of_the_set_less_astray(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = range(30, 250, 30)
    lent = np.mean([missed(place) for place in places], axis=0)
    monkeypatch.setattr(align, "DEEP", np.inf)  # each picture with its own hole filled smoothly, and nothing else
    alone = np.mean([missed(place) for place in places], axis=0)
    assert lent[0] < 0.95 * alone[0]
    assert lent[1] < 0.9 * alone[1]
