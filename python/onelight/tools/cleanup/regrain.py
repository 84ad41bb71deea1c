"""The shot's grain where pixels are made: as strong as it was measured, and never stronger than beside the hole."""

from __future__ import annotations

import cv2
import numpy as np

from onelight.temporal.encode import luminance
from onelight.temporal.grain import Grain
from onelight.tools.cleanup import leftovers

FINE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6  # blind to slopes and to straight edges
NEAR = 10.0  # px around a pixel in which the surround is asked
RIM = 2  # px beside the hole that may show the wire's soft edge


def new(
    patch: np.ndarray,
    plate: np.ndarray,
    hole: np.ndarray,
    amount: np.ndarray,
    grain: Grain,
    seed: int,
    origin: tuple[int, int],
) -> np.ndarray:
    """Grain [H, W, 3] to add to the linear patch; `amount` [H, W] says how much, `origin` (x, y) where the box lies.

    Grain is measured over the whole frame, and where a level is seen in texture only, texture is taken for grain. So
    what the plate around the hole [H, W] bool shows of finest detail is the most that is added.
    """
    level = np.maximum(luminance(patch), 0)
    field = grain.field(hole.shape, seed, level, origin)
    beside = cv2.dilate(hole.astype(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) == 0
    fine = [
        np.sqrt(np.sqrt(np.abs(cv2.filter2D(luminance(image), -1, FINE)))) for image in (plate, field)
    ]  # edges: few
    known = cv2.merge([*(image * beside for image in fine), beside.astype(np.float32)])
    height, width = hole.shape
    quarter = cv2.resize(known, ((width + 3) // 4, (height + 3) // 4), interpolation=cv2.INTER_AREA)
    around = cv2.GaussianBlur(quarter, (0, 0), NEAR / 4)
    shown, added, share = cv2.split(cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR))
    most = np.where(share > 0.01, np.minimum((shown / np.maximum(added, np.float32(1e-20))) ** 4, 1), 1)
    return field * (amount * most)[..., None]


def noise(grain: Grain | None, level: float) -> leftovers.Noise | None:
    """The strength of the shot's grain, in coded stops; None where it has none, or nobody measured it."""
    if grain is None or not grain.sigma.any():
        return None

    def sigma(code: np.ndarray) -> np.ndarray:
        light = np.maximum(luminance(leftovers.decoded(code, level)[None]), 0)
        return grain.strength(light)[0].mean(axis=1) / leftovers.per_stop(light[0], level)

    return sigma
