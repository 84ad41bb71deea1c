"""Makes pixels from elsewhere belong: matched in colour to the ring around the hole, taken over without a seam."""

from __future__ import annotations

import cv2
import numpy as np

from onelight.temporal.encode import spread

SMOOTH = 4.0  # px over which the ring's difference is averaged: finer than this it is grain, or a detail that moved
ALIKE = 0.1  # coded stops: what differs more from the ring around it says nothing about colour
REPEATS = 2  # until outliers have no say
FAITH = 0.02  # share of a window that has to be ring for its colour to count in full
BAD, GOOD = 0.25, 0.6  # of `sure`: not used below, used in full above
FEATHER = 3.0  # px from what is not used to where a source has it all


def matched(code: np.ndarray, known: np.ndarray, other: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """`other` [H, W, 3] in the colour of `code` around the hole; both as `leftovers.coded`, so a gain is an offset.

    `known` [H, W] bool is where `code` is the truth, `sure` [H, W] where `other` is. The difference of the two along
    the hole's rim, free of grain and outliers, is carried into the hole as a membrane (Perez et al. 2003, with what is
    low in frequency only: a thin hole would otherwise be filled with its rim's grain), at half the size: it is smooth.
    """
    ring = (known & (sure > GOOD)).astype(np.float32)
    if not ring.any():
        return other
    size, half = ring.shape[::-1], tuple(max(1, side // 2) for side in ring.shape[::-1])
    share = cv2.resize(ring, half, interpolation=cv2.INTER_AREA)
    differs = cv2.resize((code - other) * ring[..., None], half, interpolation=cv2.INTER_AREA)
    differs /= np.maximum(share, np.float32(1e-6))[..., None]
    middle = np.median(differs[share > 0], axis=0)
    smooth, _ = _averaged(np.clip(differs, middle - 3 * ALIKE, middle + 3 * ALIKE), share)
    behind = share
    for _ in range(REPEATS):
        missed = cv2.transform((differs - smooth) ** 2, np.full((1, 3), 1 / 3, np.float32))
        smooth, behind = _averaged(differs, share / (1 + missed * np.float32(ALIKE**-2)) ** 2)
    return other + cv2.resize(spread(smooth, share * behind), size, interpolation=cv2.INTER_LINEAR)


def _averaged(image: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means over windows [h, w, 3], and in 0..1 how much stands behind each [h, w], at half the size."""
    total = cv2.GaussianBlur(cv2.merge([*cv2.split(image * weight[..., None]), weight]), (0, 0), SMOOTH / 2)
    return total[..., :3] / (total[..., 3:] + np.float32(1e-6)), np.minimum(total[..., 3] / np.float32(FAITH), 1)


def share(sure: np.ndarray) -> np.ndarray:
    """How much of each pixel [H, W] is taken from a source that is `sure` in 0..1: soft towards where it is not."""
    depth = cv2.distanceTransform((sure > BAD).astype(np.uint8), cv2.DIST_L2, 5)
    rise = np.clip((sure - np.float32(BAD)) / np.float32(GOOD - BAD), 0, 1)
    return rise * rise * (3 - 2 * rise) * np.minimum(depth / np.float32(FEATHER), 1)
