"""What Relight is measured against: a grade that knows the answer, a flat card, an inflated outline with shading."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from scipy.optimize import least_squares

from onelight.colour import LUMINANCE
from onelight.imaging import Grid
from onelight.stages import FrameInfo
from onelight.tools.relight import geometry, score
from onelight.tools.relight.cases import Case

SAMPLE = 4000  # pixels that a grade is fitted to
SLOPE, OFFSET, POWER = (0.0, 30.0), (-1.0, 1.0), (0.2, 5.0)


def best_cdl(plate: np.ndarray, truth: np.ndarray, logarithmic: bool) -> Callable[[np.ndarray], np.ndarray]:
    """The grade (plate x slope + offset) ^ power per channel that brings pixels [n, 3] closest to the truth's.

    An oracle, for it knows the answer: no global grade comes closer, in linear light or (`logarithmic`) in the stops of
    `score.log_psnr`. ASC CDL 1.2 without saturation, with both pictures over their own white.
    """
    white, new_white = score.peak_of(plate), score.peak_of(truth)
    step = max(1, len(plate) // SAMPLE)
    found = []
    for channel in range(3):
        x = np.maximum(plate[::step, channel].astype(np.float64) / white, 0)
        y = np.maximum(truth[::step, channel].astype(np.float64) / new_white, 0)
        answer = np.log2(y + score.FLOOR) if logarithmic else y

        def off(p: np.ndarray, x: np.ndarray = x, answer: np.ndarray = answer) -> np.ndarray:
            graded = _graded(x, p)
            return (np.log2(graded + score.FLOOR) if logarithmic else graded) - answer

        gain = float(np.clip(score.best_gain(x, y), *SLOPE))
        found.append(least_squares(off, [gain, 0.0, 1.0], bounds=tuple(zip(SLOPE, OFFSET, POWER, strict=True))).x)

    def grade(picture: np.ndarray) -> np.ndarray:
        channels = [_graded(picture[..., i] / np.float32(white), p) for i, p in enumerate(found)]
        return (np.stack(channels, axis=-1) * new_white).astype(np.float32)

    return grade


def _graded(values: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.maximum(values * p[0] + p[1], 1e-6) ** p[2]


def flat(case: Case) -> np.ndarray:
    """Normals [H, W, 3] of a card that faces the camera."""
    return np.broadcast_to(np.array([0, 0, 1], np.float32), case.plate.shape)


def inflated(case: Case) -> np.ndarray:
    """Normals [H, W, 3] from the outline blown up, tilted by linear shape from shading under the present light.

    Given what is known: the matte (where there is a subject) and the light. See `geometry.inflate` and `.tilted`.
    """
    height, width = case.plate.shape[:2]
    grid = Grid.of(FrameInfo.of(width, height))
    working = np.maximum(grid.shrink(case.plate), 0)
    level = geometry.middle(cv2.transform(working, LUMINANCE[None])[..., 0])
    surface = geometry.surface_stops(working / np.float32(level), geometry.stops_of(working, level))
    slope = geometry.tilted(surface, case.lamp.towards, case.lamp.told(gentle=True))
    if case.matte is not None:
        slope = slope + np.dstack(geometry.slopes(geometry.inflate(grid.shrink(case.matte))))
    normals = geometry.normalise(np.dstack([-slope, np.ones(slope.shape[:2], np.float32)]))
    return cv2.resize(normals, (width, height), interpolation=cv2.INTER_LINEAR)
