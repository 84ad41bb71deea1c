"""Sub-pixel alignment of a neighbour to this frame around a hole: refined flow, matched exposure, and a check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from onelight.temporal.encode import coded, luminance
from onelight.temporal.flow import covered, fetch, positions, sample

TILE = 128  # pixels a side of the blocks in which the work is done, where there is a hole
MARGIN = 24  # pixels around them that are seen as well
WINDOW = 17  # pixels a side of the windows in which motion is refined, taken twice
STEPS = 2
FLAT = 0.02  # stops a pixel: slopes below it say nothing about motion
STRAY = 0.15  # stops: a difference above it is not held against the motion


@dataclass(frozen=True)
class View:
    """A frame for alignment: scene-linear [H, W, 3], its luminance in stops [H, W], 1 where it must not be used."""

    linear: np.ndarray
    stops: np.ndarray
    hidden: np.ndarray

    @staticmethod
    def of(linear: np.ndarray, hole: np.ndarray | None, level: float) -> View:
        hidden = np.zeros(linear.shape[:2], np.float32) if hole is None else covered(hole)
        return View(linear, coded(luminance(linear), level), hidden)


def tiles(hole: np.ndarray) -> Iterator[tuple[slice, slice, slice, slice]]:
    """Blocks (rows, columns) that hold a part of the hole [H, W], and the same with their margin."""
    height, width = hole.shape
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            inner = (slice(top, min(top + TILE, height)), slice(left, min(left + TILE, width)))
            if hole[inner].any():
                yield (
                    *inner,
                    slice(max(top - MARGIN, 0), min(top + TILE + MARGIN, height)),
                    slice(max(left - MARGIN, 0), min(left + TILE + MARGIN, width)),
                )


def mean(image: np.ndarray) -> np.ndarray:
    for _ in range(2):
        image = cv2.blur(image, (WINDOW, WINDOW), borderType=cv2.BORDER_REPLICATE)
    return image


def refined(here: View, there: View, rows: slice, columns: slice, flow: np.ndarray) -> np.ndarray:
    """The flow [h, w, 2] of a block made exact to a fraction of a pixel, from what is around the hole in both frames.

    Lucas & Kanade 1981 in smooth windows, with the offset in exposure as a third unknown taken out first, weights
    against what does not match (Black & Anandan 1996), and slopes of both pictures (Benhimane & Malis 2004).
    """
    target = positions(flow.shape, columns.start, rows.start)
    seen = here.stops[rows, columns]
    free = 1 - here.hidden[rows, columns]
    for _ in range(STEPS):
        moved, usable = sampled(there, target + flow)
        weight = free * usable
        differs = seen - moved
        differs = differs - mean(weight * differs) / (mean(weight) + np.float32(1e-4))
        weight = weight / (1 + (differs / np.float32(STRAY)) ** 2)
        both = (seen + moved) / 2
        right = cv2.Scharr(both, -1, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
        down = cv2.Scharr(both, -1, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
        x, y = weight * right, weight * down
        total = mean(cv2.merge([x * right, x * down, y * down, x * differs]))
        last = mean(cv2.merge([y * differs, weight]))
        damping = np.float32(FLAT**2) * last[..., 1] + np.float32(1e-9)
        a, b, c = total[..., 0] + damping, total[..., 1], total[..., 2] + damping
        p, q = total[..., 3], last[..., 0]
        scale = 1 / (a * c - b * b)
        step = cv2.merge([(c * p - b * q) * scale, (a * q - b * p) * scale])
        flow = flow + np.clip(step, -1.5, 1.5)
    return flow


def sampled(there: View, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stops of the other frame at positions [h, w, 2], and 1 where they are inside the frame and not hidden."""
    moved = sample(there.stops, target, cv2.INTER_CUBIC)
    hidden = sample(there.hidden, target, cv2.INTER_LINEAR, outside=1)
    return moved, (hidden < 0.01).astype(np.float32)


def pixels(there: View, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scene-linear pixels [h, w, 3] of the other frame at positions [h, w, 2], and 1 where they may be used."""
    height, width = there.stops.shape
    left, top = (int(np.floor(target[..., i].min())) - 8 for i in (0, 1))
    right, bottom = (int(np.ceil(target[..., i].max())) + 9 for i in (0, 1))
    left, top = (int(np.clip(v, 0, n - 1)) for v, n in ((left, width), (top, height)))
    right, bottom = (int(np.clip(v, low + 1, n)) for v, low, n in ((right, left, width), (bottom, top, height)))
    moved, _ = fetch(there.linear[top:bottom, left:right], target - np.array([left, top], np.float32))
    return moved, sampled(there, target)[1]
