"""Paint that the plate does not tell, lent from around: where the present key hardly reaches, shading is a guess.

What a plate shows is paint times shading. Where little of the key arrives, an error of the shading that is read off
the picture is large beside it, and light put there would show that error as blotches. So the paint there is what is
seen and what the surroundings wear in the light, each by how sure it is, as the mean of two normal distributions is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from onelight.tools.relight.geometry import FLOOR, blur

REACH = 0.15  # of the longest side: how far around paint is lent from
COARSER = 4  # times smaller is the picture that is looked around in
SAME = 0.1  # stops: paint differs by that much at least
FEW = 0.05  # of the weight that full light has: with less around, the whole picture's paint counts as much
MOST = 4.0  # stops that are lent at most
WHOLE, LEAST = 0.5, 1e-3  # stops by which the shading changes where all of it is lent, and where nothing is


def lent(g: Mapping[str, Any], old: np.ndarray, new: np.ndarray, doubt: float) -> np.ndarray:
    """Stops [h, w] to add where `old` shading [h, w] becomes `new`; exactly 0 where they are equal.

    `g` has the picture's "stops", "sky" and "matte" (or None) at working size; `doubt` is by how much the shading may
    be off, on its own scale: 1 is full light. What a matte separates lends each other nothing, nor does the sky.
    """
    dark = np.log2(old)
    change = np.abs(np.log2(new) - dark) - np.float32(LEAST)
    if change.max(initial=0) <= 0:
        return np.zeros_like(old)
    change = np.clip(change * np.float32(1 / WHOLE), 0, 1) * (1 - g["sky"])
    seen = g["stops"] - dark
    lit = np.square(np.minimum(old, 1)) * (1 - g["sky"])
    lit[g["stops"] <= np.float32(np.log2(FLOOR) + 1)] = 0  # black backing, or nothing but noise
    error = np.float32(doubt) / old
    error *= error * error  # a power more than a variance: lit paint is not to be evened out
    sides = [None] if g["matte"] is None else [g["matte"], 1 - g["matte"]]
    total = np.zeros_like(old)
    for side in sides:
        around, spread = _around(seen, lit if side is None else lit * side)
        mine = (around - seen) * error / (error + spread)
        total += mine if side is None else side * mine
    return np.clip(total, -MOST, MOST) * change


def _around(seen: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is worn around each place [h, w] in stops, and its variance there, by weights [h, w]."""
    total = float(weight.sum())
    if total <= 0:
        return seen, np.ones_like(seen)
    height, width = seen.shape
    middle = np.float32((seen * weight).sum() / total)
    apart = seen - middle
    small = (max(1, width // COARSER), max(1, height // COARSER))  # what is that broad is as exact there
    first = weight * apart
    moments = cv2.resize(cv2.merge([weight, first, first * apart]), small, interpolation=cv2.INTER_AREA)
    share, mean, square = cv2.split(blur(moments, REACH * max(small)))
    share = np.maximum(share, np.float32(1e-9))
    mean, square = mean / share, square / share
    around = mean * share / (share + np.float32(FEW))
    spread = np.maximum(square - around * (2 * mean - around), 0) + np.float32(SAME**2)
    both = cv2.resize(cv2.merge([around + middle, spread]), (width, height), interpolation=cv2.INTER_LINEAR)
    return both[..., 0], both[..., 1]
