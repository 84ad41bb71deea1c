"""What a wire is once it has been found: a smooth line with a width, and the matte that such lines draw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial import KDTree

SPACING = 8.0  # px between the points of a curve
WIDE = 8.0  # px: wider wires keep the outline that was found
_BAND = 2.0  # widths of a wide wire within which its outline may lie
_LIKELY = 0.5
_STRAIGHT = 6.0  # px of a stroke drawn as one straight piece


class Mattes(Protocol):
    """One frame as the detector answers it; `tools.cleanup.detect.Found` is one."""

    @property
    def matte(self) -> np.ndarray: ...  # [H, W] 0..1, how likely the pixel is wire
    @property
    def width(self) -> np.ndarray: ...  # [H, W] px across, 0 where there is none
    @property
    def along(self) -> np.ndarray: ...  # [H, W, 2] the tangent as (cos 2a, sin 2a), a from x to y, y down


@dataclass(frozen=True)
class Curve:
    """A wire in one frame: points about 8 px apart on its centre line, x right, y down, pixel centres at .5."""

    points: np.ndarray  # [N, 2] float32 px, N >= 2
    width: np.ndarray  # [N] float32 px across
    confidence: float  # 0..1, mean over its length
    track: int = -1  # the same wire in other frames has the same number; -1 where nobody followed it

    @property
    def length(self) -> float:
        """Along the points, px."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())

    @cached_property
    def dense(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, KDTree]:
        """Points [M, 2], width [M] and tangents [M, 2] 2 px apart, and the points to look the nearest up in; made when
        first asked for, since a curve is compared with many others."""
        points, width = resampled(self.points, self.width, 2.0)
        return points, width, tangents(points), KDTree(points)


def arc(points: np.ndarray) -> np.ndarray:
    """How far along each of [N, 2] points lies, [N] px from the first, never twice the same."""
    steps = np.linalg.norm(np.diff(np.asarray(points, np.float64), axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-6))])


def resampled(points: np.ndarray, width: np.ndarray, spacing: float = SPACING) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 2] and width [N] at even distances of about `spacing` px on the cubic through them, ends kept."""
    along = arc(points)
    count = max(2, round(float(along[-1]) / spacing) + 1)
    at = np.linspace(0, along[-1], count)
    even = CubicSpline(along, points)(at) if len(points) > 2 else _linear(at, along, points)
    return even.astype(np.float32), np.interp(at, along, width).astype(np.float32)


def tangents(points: np.ndarray) -> np.ndarray:
    """Unit directions at each of [N, 2] points."""
    along = np.gradient(np.asarray(points, np.float64), axis=0)
    return along / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]


def normals(points: np.ndarray) -> np.ndarray:
    """Unit normals at each of [N, 2] points: the tangent turned by 90 degrees, from x to y."""
    along = tangents(points)
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


def sample(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """An image [H, W] or [H, W, C] at [..., 2] points, bilinear, the edge held; pixel centres at .5."""
    x, y = (np.asarray(points, np.float32)[..., axis].reshape(1, -1) - np.float32(0.5) for axis in (0, 1))
    rows = 16384  # OpenCV's remap takes no side of 32768 or more
    parts = [
        cv2.remap(image, x[:, s : s + rows], y[:, s : s + rows], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for s in range(0, x.shape[1], rows)
    ]
    values = np.concatenate(parts, axis=1)[0] if parts else np.zeros((0, *image.shape[2:]), image.dtype)
    return values.reshape(*np.shape(points)[:-1], *image.shape[2:])


def matte_of(
    curves: Iterable[Curve],
    shape: tuple[int, int],
    *,
    grow: float = 0.0,
    soften: float = 0.0,
    found: Mattes | None = None,
    add: np.ndarray | None = None,
    keep: np.ndarray | None = None,
) -> np.ndarray:
    """The matte [H, W] in 0..1 of curves: strokes as wide as the wire plus `grow` px on each side, edges
    one pixel soft, or `soften` px where that is more. `found`: wide wires keep the outline that was found. `add`
    [H, W] is in the matte as it is, whatever its form; `keep` [H, W] is never in it.
    """
    height, width = shape
    matte = np.zeros((height, width), np.float32)
    curves = list(curves)
    for curve in curves:
        _stroke(matte, curve, grow, soften)
    wide = [c for c in curves if found is not None and float(np.median(c.width)) > WIDE]
    if found is not None and wide:
        np.maximum(matte, _outline(found, wide, grow, soften), out=matte)
    if add is not None:
        np.maximum(matte, np.clip(add, 0, 1), out=matte)
    if keep is not None:
        matte *= 1 - np.clip(keep, 0, 1)
    return matte


def _outline(found: Mattes, curves: Iterable[Curve], grow: float, soften: float) -> np.ndarray:
    """What was found of wide wires [H, W], grown and softened, not further from their middle than `_BAND` widths."""
    likely = np.asarray(found.matte, np.float32)
    near = np.zeros(likely.shape, np.float32)
    for curve in curves:
        _stroke(near, replace(curve, width=curve.width * np.float32(_BAND)), grow, soften)
    inside = ((likely > _LIKELY) & (near > 0.5)).astype(np.uint8)
    outside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    edge = np.float32(max(1.0, soften))
    return np.clip(np.float32(0.5) - (outside - np.float32(0.5 + grow)) / edge, 0, 1) * near


def _stroke(matte: np.ndarray, curve: Curve, grow: float, soften: float) -> None:
    """Draw one curve into the matte: the largest of what was there and its own coverage."""
    height, width = matte.shape
    points, across = resampled(curve.points, curve.width, _STRAIGHT)
    half, edge = across / 2 + np.float32(grow), np.float32(max(1.0, soften))
    wa, wb = half[:-1, None, None], half[1:, None, None]
    reach = np.maximum(half[:-1], half[1:])[:, None] + edge / 2
    ends = np.sort(np.stack([points[:-1], points[1:]]), axis=0)
    first = np.maximum((ends[0] - reach).astype(np.int64), 0)  # of the boxes around the pieces: x, y
    last = np.minimum((ends[1] + reach).astype(np.int64) + 1, (width, height))
    seen = (first < last).all(axis=1)
    if not seen.any():
        return
    # All pieces in boxes of the largest one's size: what is too much of them is cut off where they are drawn.
    columns, rows = (last - first)[seen].max(axis=0)
    ax, ay = (points[:-1, axis, None, None] for axis in (0, 1))
    dx, dy = (np.diff(points[:, axis])[:, None, None] for axis in (0, 1))
    left, top = (first[:, axis, None, None].astype(np.float32) for axis in (0, 1))
    x = left + np.arange(columns, dtype=np.float32)[None, None] + np.float32(0.5) - ax
    y = top + np.arange(rows, dtype=np.float32)[None, :, None] + np.float32(0.5) - ay
    t = np.clip((x * dx + y * dy) / np.maximum(dx * dx + dy * dy, np.float32(1e-9)), 0, 1)
    inside = wa + t * (wb - wa) - np.hypot(x - t * dx, y - t * dy)
    # A wire thinner than a pixel covers as much of one as it is wide.
    covers = np.clip(np.float32(0.5) + inside / edge, 0, np.minimum(1, wa + wb))
    for piece in np.flatnonzero(seen):
        (x1, y1), (x2, y2) = first[piece], last[piece]
        block = matte[y1:y2, x1:x2]
        np.maximum(block, covers[piece, : y2 - y1, : x2 - x1], out=block)


def _linear(at: np.ndarray, along: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=1)


def scaled(curves: Iterable[Curve], factor: float) -> list[Curve]:
    """The curves of a picture that is `factor` times as large."""
    return [replace(c, points=c.points * np.float32(factor), width=c.width * np.float32(factor)) for c in curves]


def shifted(curves: Iterable[Curve], right: float, down: float) -> list[Curve]:
    """The curves moved by so many px."""
    return [replace(c, points=c.points + np.array([right, down], np.float32)) for c in curves]


@dataclass(frozen=True)
class Beside:
    """How one curve lies beside another, for each of its points."""

    away: np.ndarray  # [N] px across, positive towards `normals(points)`; as measured from the point
    near: np.ndarray  # [N] bool: the other one runs there too, in the same direction, within reach
    width: np.ndarray  # [N] px across the other


def beside(curve: Curve, other: Curve, reach: float) -> Beside:
    """Where `other` runs along `curve`: nearest points within `reach` px, tangents within about 25 degrees."""
    lowest, highest = other.points.min(axis=0), other.points.max(axis=0)
    outside = np.maximum(np.maximum(lowest - curve.points, curve.points - highest), 0)
    if (np.hypot(outside[:, 0], outside[:, 1]) > 2 * reach + SPACING).all():
        count = len(curve.points)
        return Beside(np.zeros(count), np.zeros(count, bool), np.zeros(count, np.float32))
    dense, width, ways, tree = other.dense
    distance, index = tree.query(curve.points)
    gap = dense[index] - curve.points
    own = tangents(curve.points)
    away = gap[:, 1] * own[:, 0] - gap[:, 0] * own[:, 1]
    turn = np.abs((own * ways[index]).sum(axis=1))
    # Past the end of the other its nearest point lies along the tangent, not across it.
    runs = np.sqrt(np.maximum(distance**2 - away**2, 0)) < np.maximum(4.0, 0.5 * np.abs(away))
    return Beside(away, runs & (np.abs(away) < reach) & (turn > 0.9), width[index])
