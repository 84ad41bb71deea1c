"""Lays curves onto what the picture shows: a detector says that there is a wire, its picture says exactly where.

Along a curve the picture is straightened to a strip. A wire is the band in it that differs from both sides in the same
way all along; what is behind it changes. The band's way through the strip is the one that collects most, found by
dynamic programming (Amini et al. 1990), for several widths at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.polynomial import Polynomial
from scipy.interpolate import make_smoothing_spline

from onelight.temporal import encode
from onelight.tools.cleanup.curves import SPACING, WIDE, Curve, arc, normals, resampled, sample
from onelight.tools.cleanup.hands import at_once

STEP, FINE = 4.0, 0.5  # px between the strip's columns, along the curve, and between its rows, across
ALONG = 6.0  # px over which the strip is averaged along the curve
RATIOS = (0.4, 0.5, 0.63, 0.8, 1.0, 1.25)  # of the width that was found: widths that are tried
REACH = 4.0  # px that a curve may move
LOPSIDED = np.float32(1.5)  # by how much plainer one side counts than the other
GAP, BESIDE = 0.5, (1.5, 4.0)  # px between band and sides, and how broad these are (half the wire's width, within)
HALF = 0.4  # stops of difference that count half: more than plain is not plainer
LIKELY = 0.3  # what the detector's own answer weighs
BEND = 60.0  # px: what is shorter than this along a wire is noise, not its form
STEEP = 0.5  # what a row up or down, from one column to the next, costs
FEWEST = 6  # columns: on less there is nothing to see


def snapped(curves: Sequence[Curve], picture: np.ndarray, level: float, likely: np.ndarray) -> list[Curve]:
    """The curves, each narrow one laid on the band that the picture shows beside or under it, as wide as that is.

    `picture` [H, W, 3] is scene-linear with the middle level `level`, `likely` [H, W] in 0..1 what the detector says.
    How sure a curve is does not change.
    """
    return at_once(lambda curve: _snapped(curve, picture, level, likely), curves)


@dataclass(frozen=True)
class _Strip:
    """The picture along a curve: running sums across [S, R + 1, 3], what is likely [S, M], and the rows' places."""

    sums: np.ndarray
    likely: np.ndarray
    rows: np.ndarray  # [M] rows of the strip in which a wire's middle may lie
    offsets: np.ndarray  # [M] px across from the curve, of these

    def mean(self, first: float, last: float) -> np.ndarray:
        """Means [S, M, 3] over the rows from `first` to `last` around each."""
        most = self.sums.shape[1] - 1
        begin = np.clip(np.rint(self.rows + first).astype(int), 0, most - 1)
        end = np.clip(np.rint(self.rows + last).astype(int) + 1, begin + 1, most)
        return (self.sums[:, end] - self.sums[:, begin]) / (end - begin)[None, :, None].astype(np.float32)


def _snapped(curve: Curve, picture: np.ndarray, level: float, likely: np.ndarray) -> Curve:
    points, width = resampled(curve.points, curve.width, STEP)
    usual = float(np.median(width))
    if len(points) < FEWEST or usual > WIDE:  # a wide wire is lit unevenly: its middle is not its plainest
        return curve
    across = normals(points).astype(np.float32)
    strip = _straightened(points, across, usual, picture, level, likely)
    widths = np.maximum(usual * np.array(RATIOS), 1.0)
    plain = np.stack([_plain(strip, wide) for wide in widths])  # [K, S, M]
    half = max(HALF, float(np.median(plain.max(axis=(0, 2)))))  # a plain wire has to be met in full
    scored = plain / (plain + np.float32(half)) + np.float32(LIKELY) * strip.likely
    which, path = _best(scored)
    columns = np.arange(len(points))
    moved = points + strip.offsets[path][:, None] * across
    weight = np.maximum(scored[which, columns, path], 0.05).astype(np.float64)
    along = arc(moved)
    stiff = len(along) / float(along[-1]) * (BEND * np.sqrt(widths[which] / 4 + 0.5) / (2 * np.pi)) ** 4
    # A hanging wire is a parabola, near enough: what is smoothed is how it departs from one.
    hanging = _cubic(along, moved, weight)
    spline = make_smoothing_spline(along, moved - hanging(along), w=weight, lam=stiff)
    count = max(2, round(float(along[-1]) / SPACING) + 1)
    at = np.linspace(0, along[-1], count)
    even = (hanging(at) + spline(at)).astype(np.float32)
    return replace(curve, points=even, width=np.full(count, widths[which], np.float32))


def _cubic(along: np.ndarray, points: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The cubic [.., 2] that comes nearest to the points [S, 2] along a curve."""
    fits = [Polynomial.fit(along, points[:, axis], 3, w=np.sqrt(weight)) for axis in (0, 1)]
    return lambda at: np.stack([fit(at) for fit in fits], axis=-1)


def _straightened(
    points: np.ndarray, across: np.ndarray, width: float, picture: np.ndarray, level: float, likely: np.ndarray
) -> _Strip:
    beyond = REACH + width * max(RATIOS) / 2 + GAP + BESIDE[1] + 1
    rows, middle = int(np.ceil(beyond / FINE)), int(REACH / FINE)
    offsets = np.arange(-rows, rows + 1, dtype=np.float32) * np.float32(FINE)
    where = points[:, None] + offsets[None, :, None] * across[:, None]
    kernel = cv2.getGaussianKernel(2 * round(3 * ALONG / STEP) + 1, ALONG / STEP).astype(np.float32)
    straight = encode.coded(sample(picture, where), level), sample(likely, where)
    strip, sure = (cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE) for image in straight)
    sums = np.concatenate([np.zeros_like(strip[:, :1]), np.cumsum(strip, axis=1)], axis=1)
    inner = np.arange(rows - middle, rows + middle + 1)
    return _Strip(sums, sure[:, inner], inner, offsets[inner])


def _plain(strip: _Strip, width: float) -> np.ndarray:
    """By how many stops [S, M] a band differs from both of its sides, in the same way."""
    half, gap = width / 2 / FINE, GAP / FINE
    side = float(np.clip(width / 2, *BESIDE)) / FINE
    band = strip.mean(0.5 - half, half - 0.5) if half > 1 else strip.mean(0, 0)
    differs = [band - strip.mean(first, first + side) for first in (-half - gap - side, half + gap)]
    alike = (differs[0] * differs[1]).mean(axis=-1)
    less, more = (np.sqrt(which(*((one * one).mean(axis=-1) for one in differs))) for which in (np.minimum, np.maximum))
    capped = np.minimum(more, LOPSIDED * less)  # an edge has one plain side only
    return np.sqrt(np.maximum(alike, 0) * capped / np.maximum(more, np.float32(1e-6)))


def _best(scored: np.ndarray) -> tuple[int, np.ndarray]:
    """Of the ways through [K, S, M] from column to column, a row up or down at a cost, the one that collects most.

    Its K, and its rows [S].
    """
    count, columns, rows = scored.shape
    total, came = scored[:, 0].copy(), np.zeros((columns, count, rows), np.int8)
    padded = np.full((count, rows + 2), -np.inf, np.float32)
    for column in range(1, columns):
        padded[:, 1:-1] = total
        choices = np.stack([padded[:, 1:-1], padded[:, :-2] - np.float32(STEEP), padded[:, 2:] - np.float32(STEEP)])
        chosen = choices.argmax(axis=0)
        came[column] = np.array([0, -1, 1], np.int8)[chosen]
        total = choices.max(axis=0) + scored[:, column]
    which, row = np.unravel_index(int(total.argmax()), total.shape)
    path = np.empty(columns, np.int64)
    for column in range(columns - 1, -1, -1):
        path[column] = row
        row = row + came[column, which, row]
    return int(which), path
