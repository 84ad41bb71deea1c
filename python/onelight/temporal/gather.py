"""Real pixels for a hole from other frames of the shot: aligned, matched in exposure, checked, and combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from onelight.errors import RequestError
from onelight.temporal.align import View, mean, pixels, refined, tiles
from onelight.temporal.encode import coded, luminance, middle, spread
from onelight.temporal.flow import between, covered, doubt, positions, resized, seen

RING = 24  # pixels around the hole in which a neighbour is compared with this frame


@dataclass(frozen=True)
class Brought:
    """A neighbour's pixels in this frame's place.

    `pixels` [H, W, 3] scene-linear, `sure` [H, W] in 0..1: known in the hole and a ring around it, 0 elsewhere.
    """

    pixels: np.ndarray
    sure: np.ndarray
    offset: int


def bring(
    here: np.ndarray,
    hole: np.ndarray,
    there: np.ndarray,
    there_hole: np.ndarray | None,
    offset: int,
    vectors: np.ndarray | None = None,
) -> Brought:
    """The pixels of `there` that belong into the hole [H, W] of `here`; both scene-linear [H, W, 3].

    `there_hole` [H, W] is what must not be taken from `there`; None: nothing. `vectors` [H, W, 2], if given, is the
    motion from here to there in pixels and overrules the flow. RequestError where sizes differ.
    """
    size = here.shape[:2]
    for name, image in (("picture", there), ("matte", there_hole), ("vectors", vectors)):
        if image is not None and image.shape[:2] != size:
            raise RequestError(
                f"The {name} of the frame at {offset:+d} is {image.shape[1]} x {image.shape[0]}; the plate is "
                f"{size[1]} x {size[0]}. All frames of a shot must have one size."
            )
    here, hole, there = (np.asarray(image, np.float32) for image in (here, hole, there))
    found = np.zeros(here.shape, np.float32)
    sure = np.zeros(size, np.float32)
    if not (hole > 0).any():
        return Brought(found, sure, offset)
    motion, agreed = _motion(here, hole, there, there_hole, vectors)
    mine, other = View.of(here, hole, middle(here)), View.of(there, there_hole, middle(there))
    around = cv2.dilate(mine.hidden, np.ones((2 * RING + 1, 2 * RING + 1), np.uint8))
    for rows, columns, wide_rows, wide_columns in tiles(mine.hidden):
        along = motion[wide_rows, wide_columns]
        if vectors is None:
            along = refined(mine, other, wide_rows, wide_columns, along)
        target = positions(along.shape, wide_columns.start, wide_rows.start) + along
        moved, usable = pixels(other, target)
        part = np.ascontiguousarray(here[wide_rows, wide_columns])
        free = (1 - mine.hidden[wide_rows, wide_columns]) * usable
        moved = moved * _gain(part, moved, free)
        alike = _alike(mine.stops[wide_rows, wide_columns], moved, free, middle(here))
        certain = alike * usable * agreed[wide_rows, wide_columns]
        inner = (
            slice(rows.start - wide_rows.start, rows.stop - wide_rows.start),
            slice(columns.start - wide_columns.start, columns.stop - wide_columns.start),
        )
        found[rows, columns] = moved[inner]
        sure[rows, columns] = certain[inner] * around[rows, columns]
    return Brought(found, sure, offset)


def _motion(
    here: np.ndarray,
    hole: np.ndarray,
    there: np.ndarray,
    there_hole: np.ndarray | None,
    vectors: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Motion [H, W, 2] of the background, also through the hole, and how far both directions agree on it, [H, W]."""
    size = here.shape[:2]
    free = 1 - covered(cv2.dilate(np.asarray(hole, np.float32), np.ones((5, 5), np.uint8)))
    if vectors is not None:
        return spread(np.asarray(vectors, np.float32), free), np.ones(size, np.float32)
    small, other = seen(here, hole), seen(there, there_hole)
    forward, backward = between(small, other), between(other, small)
    trust = 1 / (1 + (doubt(forward, backward) / np.float32(0.7)) ** 4)
    open_ = (cv2.resize(free, small.shape[::-1], interpolation=cv2.INTER_AREA) > 0.95).astype(np.float32)
    motion = spread(forward, trust * open_)
    agreed = spread(trust, open_)
    return resized(motion, size), cv2.resize(agreed, size[::-1], interpolation=cv2.INTER_LINEAR)


def _gain(here: np.ndarray, moved: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The exposure [h, w, 3] that makes the moved pixels those of this frame, smooth, from where both are seen."""
    weight = free[..., None]
    mine, theirs = (cv2.blur(np.maximum(image, 0) * weight, (65, 65)) for image in (here, moved))
    ours, other = (float((np.maximum(image, 0) * weight).mean()) for image in (here, moved))
    if other <= 0 or ours <= 0:
        return np.ones_like(here)
    faith = np.float32(0.05 * other)
    whole = ours / other
    gain = (mine + faith * np.float32(whole)) / (theirs + faith)
    return np.clip(gain, whole / 1.5, whole * 1.5)


def _alike(stops: np.ndarray, moved: np.ndarray, free: np.ndarray, level: float) -> np.ndarray:
    """How well the moved pixels match around the hole, [h, w] in 0..1, carried into it."""
    theirs = coded(luminance(moved), level)
    total = mean(cv2.merge([free, free * stops, free * stops * stops, free * (stops - theirs) ** 2]))
    share = total[..., 0] + np.float32(1e-4)
    centre, square, missed = (total[..., i] / share for i in (1, 2, 3))
    contrast = np.maximum(square - centre * centre, 0) + np.float32(0.05**2)
    return np.clip(1.6 - 2 * missed / contrast, 0, 1) * (total[..., 0] > 0.02)


def combine(brought: Sequence[Brought]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One picture of several: pixels [H, W, 3], sure [H, W], and the offset that gave most, int8 [H, W] (0: none).

    A weighted median, with the nearest frames weighing most, says what is right; the nearest sure frame that agrees
    with it gives the pixel, so that grain stays as it was shot.
    """
    if not brought:
        raise RequestError("There are no neighbours to combine.")
    order = sorted(brought, key=lambda one: (abs(one.offset), one.offset))
    stack = np.stack([one.pixels for one in order])
    sure = np.stack([one.sure for one in order])
    near = np.array([1 / (1 + abs(one.offset)) ** 0.5 for one in order], np.float32)
    weight = sure * near[:, None, None]
    centre = _median(stack, weight)
    reach = np.float32(0.15) * (np.abs(centre).max(axis=-1) + np.float32(1e-6))
    agrees = 1 / (1 + (np.abs(stack - centre).max(axis=-1) / reach) ** 4)
    worth = sure * agrees * near[:, None, None]
    best = worth.argmax(axis=0)
    peak = worth.max(axis=0)
    share = worth**8 / np.maximum((worth**8).sum(axis=0), 1e-30)
    pixels_ = (share[..., None] * stack).sum(axis=0)
    offsets = np.array([one.offset for one in order], np.int8)[best]
    offsets[peak <= 0] = 0
    certain = np.take_along_axis(sure * agrees, best[None], axis=0)[0]
    return pixels_, certain, offsets


def _median(stack: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted median over the first axis per channel: stack [n, H, W, 3], weight [n, H, W]."""
    order = np.argsort(stack, axis=0, kind="stable")
    ranked = np.take_along_axis(stack, order, axis=0)
    heavy = np.take_along_axis(np.broadcast_to(weight[..., None], stack.shape), order, axis=0)
    rising = np.cumsum(heavy, axis=0)
    index = (rising >= rising[-1:] / 2).argmax(axis=0)
    return np.take_along_axis(ranked, index[None], axis=0)[0]
