"""The surround of a hole with less of its grain: what other frames show there too is averaged with what this one does.

Whatever is interpolated from a rim goes on with the grain of that rim, drawn out to streaks and blots which no grain
laid on top can hide, and which are others in every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from onelight.temporal.views import picked, placed, tiles

SMOOTH = 5  # pixels a side of the windows in which pictures are compared
EVEN = 0.06  # coded stops: what differs more, smoothly, is another thing or has moved
BESIDE = 12  # pixels from the hole beyond which nothing is taken for what is in it
GRAINS = 0.3  # of its deviation: what is left of two pictures' grain in a window


def calmed(
    code: np.ndarray,
    known: np.ndarray,
    others: Sequence[tuple[np.ndarray, np.ndarray]],
    noise: np.ndarray | None,
    coded: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """The coded picture [H, W, 3] averaged with `others` where it is known, and what is left of its grain's variance.

    `known` [H, W] bool; `others` are other frames in this one's place: (scene-linear [H, W, 3], how sure [H, W] in
    0..1), and `coded` codes their pixels [n, 3]. `noise` [H, W] is the variance of the grain. The second result [H, W]
    is 1 where no other frame agrees.
    """
    beside = known & (cv2.dilate((~known).astype(np.uint8), np.ones((2 * BESIDE + 1, 2 * BESIDE + 1), np.uint8)) > 0)
    even = np.full(known.shape, EVEN**2, np.float32) + (0 if noise is None else noise * np.float32(GRAINS**2))
    steady, left = code.copy(), np.ones(known.shape, np.float32)
    for block in tiles(beside, SMOOTH):
        near = [(other[block.wide], np.where(beside[block.wide], sure[block.wide], 0)) for other, sure in others]
        mean, less = _averaged(code[block.wide], near, even[block.wide], coded)
        steady[block.own], left[block.own] = mean[block.inner], less[block.inner]
    return steady, left


def _averaged(
    code: np.ndarray,
    others: Sequence[tuple[np.ndarray, np.ndarray]],
    even: np.ndarray,
    coded: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """The code [h, w, 3] of a block averaged with what agrees with it to `even` [h, w], and what variance is left."""
    total, heavy, squares = code.copy(), np.ones(even.shape, np.float32), np.ones(even.shape, np.float32)
    for other, seen in others:
        at = np.flatnonzero(seen > 0)
        if not len(at):
            continue
        theirs, shown = coded(picked(other, at)), picked(seen, at)
        grey = placed((theirs - picked(code, at)).mean(axis=1) * shown, at, seen.shape)
        missed = picked(_windowed(grey), at) / np.maximum(picked(_windowed(seen), at), np.float32(1e-3))
        weight = shown / (1 + (missed * missed / picked(even, at)) ** 2)
        total.reshape(-1, 3)[at] += weight[:, None] * theirs
        heavy.ravel()[at] += weight
        squares.ravel()[at] += weight * weight
    return total / heavy[..., None], squares / (heavy * heavy)


def _windowed(image: np.ndarray) -> np.ndarray:
    return cv2.blur(image, (SMOOTH, SMOOTH), borderType=cv2.BORDER_REPLICATE)
