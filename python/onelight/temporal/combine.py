"""One picture of the pixels that several frames gave: what most of them say, with the grain of the nearest."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from onelight.errors import RequestError
from onelight.temporal.encode import luminance
from onelight.temporal.gather import SMOOTH, Brought
from onelight.temporal.views import mean, picked, placed, tiles

HEARD = 0.1  # of the say of who has most: frames that have less are not heard
SLACK = np.float32(0.1)  # share of the light by which a pixel may lie beyond what any frame shows


def combine(brought: Sequence[Brought]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One picture of several: pixels [H, W, 3], sure [H, W], and the offset that gave most, int8 [H, W] (0: none).

    A weighted median of the smoothed neighbours says what is right; of those that agree with it the nearest frame
    gives the grain and the finest detail, all together what is coarser: no seams, and nothing that jumps in time.
    """
    if not brought:
        raise RequestError("There are no neighbours to combine.")
    order = sorted(brought, key=lambda one: (abs(one.offset), one.offset))
    offsets = np.array([one.offset for one in order], np.int8)
    near = np.array([1 / (1 + abs(one.offset)) ** 0.5 for one in order], np.float32)
    size = order[0].sure.shape
    pixels, sure, source = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32), np.zeros(size, np.int8)
    wanted = np.maximum.reduce([one.sure for one in order]) > 0
    for block in tiles(wanted, SMOOTH):
        parts = [(one.pixels[block.wide], one.sure[block.wide]) for one in order]
        made, certain, which = (image[block.inner] for image in _combine_block(parts, near))
        pixels[block.own], sure[block.own] = made, certain
        source[block.own] = np.where(certain > 0, offsets[which], 0)
    return pixels, sure, source


def _combine_block(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], near: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`combine` of one block: parts (pixels [h, w, 3], sure [h, w]), nearest first; the index of the main source."""
    total, other = np.full(parts[0][1].shape, 1e-12, np.float32), np.zeros_like(parts[0][0])
    for (image, certain), one in zip(parts, near, strict=True):
        total += certain * one
        other += image * cv2.merge([certain * one] * 3)
    other /= cv2.merge([total] * 3)
    some = total > 1e-6
    at, seen = np.flatnonzero(some), mean(some.astype(np.float32), 3) + np.float32(1e-6)
    # What a neighbour does not show the others complete: a mean of one side of an edge only would lean to that side.
    smooth = [mean(other + (image - other) * cv2.merge([certain] * 3), 3) for image, certain in parts]
    shares = picked(seen, at)[:, None]
    known = [(picked(image, at), picked(certain, at)) for image, certain in parts]
    chosen = _chosen(known, [picked(image, at) / shares for image in smooth], near)
    made, sure, which = (placed(image, at, some.shape) for image in chosen)
    return made, sure, which


def _chosen(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], coarse: Sequence[np.ndarray], near: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`combine` of single pixels: parts (pixels [m, 3], sure [m]) and what is coarse of them, [m, 3] each."""
    sure = np.stack([certain for _, certain in parts])
    grey = np.stack([luminance(image[None])[0] for image in coarse])
    middle = _median(grey, sure * near[:, None])
    scale = np.abs(middle) + np.float32(1e-3) * np.abs(grey).max(initial=0)
    agrees = 1 / (1 + np.square(np.square((grey - middle) / (np.float32(0.12) * scale + np.float32(1e-30)))))
    worth = sure * agrees
    left, share = np.ones_like(middle), []
    for one in worth:
        take = np.clip(one * 4 - 1.4, 0, 1)
        share.append(left * take)
        left = left * (1 - take)
    blend = worth * near[:, None]
    blend /= blend.sum(axis=0) + np.float32(1e-12)
    portion = np.stack(share) + left * blend
    made = np.zeros_like(parts[0][0])
    for (image, _), even, fine, all_ in zip(parts, coarse, portion, blend, strict=True):
        made += fine[:, None] * (image - even) + all_[:, None] * even
    made = _within(made, [image for image, _ in parts], blend)
    together = worth.sum(axis=0) / (sure.sum(axis=0) + np.float32(1e-12))
    certain = worth.max(axis=0) * together  # where half of them say otherwise, what is around knows as much
    return made, certain, portion.argmax(axis=0)


def _within(made: np.ndarray, images: Sequence[np.ndarray], blend: np.ndarray) -> np.ndarray:
    """Pixels [m, 3] held to what the frames that have a say (`blend` [n, m]) show there, and a little for the grain.

    Detail of one frame upon the coarse of all goes below black beside a highlight that lies a fraction of a pixel off.
    """
    most = HEARD * blend.max(axis=0)
    low, high = np.full_like(made, np.inf), np.full_like(made, -np.inf)
    for image, share in zip(images, blend, strict=True):
        heard = ((share > 0) & (share >= most))[:, None]
        np.minimum(low, image, out=low, where=heard)
        np.maximum(high, image, out=high, where=heard)
    some = low <= high
    for bound, way in ((low, -SLACK), (high, SLACK)):
        np.add(bound, np.abs(bound) * way, out=bound, where=some)
    return np.where(some, np.clip(made, low, high), made)


def _median(stack: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted median over the first axis: both [n, m]."""
    order = np.argsort(stack, axis=0, kind="stable")
    ranked, heavy = (np.take_along_axis(values, order, axis=0) for values in (stack, weight))
    rising = np.cumsum(heavy, axis=0)
    index = (rising >= rising[-1:] / 2).argmax(axis=0)
    return np.take_along_axis(ranked, index[None], axis=0)[0]
