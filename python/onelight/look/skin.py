"""The skin locus: where skin lies in colour and in level, from an artist's mask, as aggregates that identify nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onelight.errors import RequestError
from onelight.look.numbers import WIDTH, Untold, plain, pooled
from onelight.look.tone import GREY
from onelight.temporal.encode import luminance

FEWEST = 4096  # pixels of skin: fewer could point at one small mark of one face
TILE = 16  # pixels a side of what counts as one independent look at skin
FEWEST_TILES = 12
ROUND = 0.01  # stops: nothing finer is kept
INSIDE = 0.5  # of the mask
DARKEST, BRIGHTEST = 2.0**-7, 2.0**4  # of middle grey: noise below, highlights above


@dataclass(frozen=True)
class Skin:
    """`colour`: mean log2(R/G), log2(B/G) in ACEScg, stops; `spread`: their standard deviations; `tilt`: correlation.

    `level`: 10th, 50th, 90th percentile of luminance in stops from middle grey. `*_error`: half widths of 95 %
    intervals. `pixels` is rounded to thousands.
    """

    colour: tuple[float, float]
    colour_error: tuple[float, float]
    spread: tuple[float, float]
    tilt: float
    level: tuple[float, float, float]
    level_error: tuple[float, float, float]
    pixels: int


@dataclass(frozen=True)
class Seen:
    """Sums over one frame's skin, and what its tiles say; no pixel is kept."""

    pixels: int
    means: np.ndarray  # [tiles, 3]: log2(R/G), log2(B/G), level
    total: np.ndarray  # [5]: sums of a, b, a a, b b, a b
    levels: np.ndarray  # [3] percentiles


def observe(linear: np.ndarray, mask: np.ndarray) -> Seen | None:
    """Sums over a scene-linear ACEScg frame [H, W, 3] where the mask [H, W] is above a half. RequestError on shapes."""
    if mask.shape[:2] != linear.shape[:2]:
        sizes = f"{mask.shape[1]} x {mask.shape[0]}, the frame {linear.shape[1]} x {linear.shape[0]}"
        raise RequestError(f"The skin mask is {sizes}: a mask of the frame's size was expected.")
    mask = mask if mask.ndim == 2 else mask[..., 0]
    light = luminance(linear) / np.float32(GREY)
    inside = (mask > INSIDE) & (light > DARKEST) & (light < BRIGHTEST) & (linear.min(axis=2) > 0)
    rows, columns = np.nonzero(inside)
    if not len(rows):
        return None
    pixels = linear[rows, columns].astype(np.float64)
    a, b = np.log2(pixels[:, 0] / pixels[:, 1]), np.log2(pixels[:, 2] / pixels[:, 1])
    level = np.log2(light[rows, columns].astype(np.float64))
    tile = rows // TILE * (linear.shape[1] // TILE + 1) + columns // TILE
    names, index, count = np.unique(tile, return_inverse=True, return_counts=True)
    full = count >= TILE * TILE // 4
    means = np.stack([np.bincount(index, v, len(names)) / count for v in (a, b, level)], axis=1)[full]
    total = np.array([a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()])
    return Seen(len(rows), means, total, np.percentile(level, (10, 50, 90)))


def conclude(clips: Sequence[Sequence[Seen | None]]) -> Skin:
    """Aggregates over clips, each a list of frames; Untold where there is too little skin to stay anonymous."""
    every = [[one for one in frames if one is not None] for frames in clips]
    every = [frames for frames in every if frames and max(len(one.means) for one in frames) > 1]
    found = [one for frames in every for one in frames]
    if not any(one is not None for frames in clips for one in frames):
        raise Untold("No skin mask was given: skin is measured only where an artist says it is.")
    pixels = sum(one.pixels for one in found)
    tiles = max((len(one.means) for one in found), default=0)
    if pixels < FEWEST or tiles < FEWEST_TILES:
        raise Untold(f"The skin mask holds {pixels} usable pixels; {FEWEST} are needed so that nobody is identified.")
    sums = np.sum([one.total for one in found], axis=0) / pixels
    mean = sums[:2]
    variance = np.maximum(sums[2:4] - mean**2, 0)
    tilt = (sums[4] - mean[0] * mean[1]) / max(float(np.sqrt(variance.prod())), 1e-12)
    middle, error = pooled(*(np.array(rows) for rows in zip(*map(_clip, every), strict=True)))
    return Skin(
        colour=_rounded(middle[:2]),
        colour_error=_rounded(error[:2] + ROUND / 2),
        spread=_rounded(np.sqrt(variance)),
        tilt=_rounded([np.clip(tilt, -1, 1)])[0],
        level=_rounded(middle[2:]),
        level_error=_rounded(error[2:] + ROUND / 2),
        pixels=round(pixels, -3),
    )


def _clip(frames: Sequence[Seen]) -> tuple[np.ndarray, np.ndarray]:
    """One clip's colour and level percentiles [5] and their errors."""
    pixels = sum(one.pixels for one in frames)
    colour = np.sum([one.total[:2] for one in frames], axis=0) / pixels
    level = np.average([one.levels for one in frames], axis=0, weights=[one.pixels for one in frames])
    # Tiles beside each other are alike and the same face is in every frame, so that one frame's tiles, four to a
    # patch, are what is independent.
    tiles = max(len(one.means) for one in frames)
    scatter = np.concatenate([one.means for one in frames]).std(axis=0) * WIDTH / np.sqrt(max(tiles / 4, 2))
    return np.concatenate([colour, level]), scatter[[0, 1, 2, 2, 2]]


def _rounded(values: object) -> tuple:
    return plain(np.round(np.asarray(values, np.float64) / ROUND) * ROUND)
