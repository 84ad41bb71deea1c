"""The curves of a frame in the light of its neighbours': lost stretches come back, flashes go, positions are calm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from onelight.tools.cleanup.curves import SPACING, Beside, Curve, beside, normals, sample

SIDES = ((-1, 1), (-1, 2), (-2, 1))  # frames on both sides of at most two lost ones, nearest first
_MOVES = 12.0  # px a frame that a wire may move against its background, and twice that on a picture of 4000
_ALIKE = 3.0  # px within which it is the same wire in the same place
_SHORTEST = 10.0  # px of a lost stretch worth bringing back
_FLASH = 0.9  # a curve this likely stays though no neighbour has it
_CALM = 1.5  # px: the furthest that stiffness moves a curve


def steadied(
    curves_by_offset: Mapping[int, Sequence[Curve]],
    flows: Mapping[int, np.ndarray],
    size: tuple[int, int],
    *,
    stiffness: float = 0.5,
) -> list[Curve]:
    """Frame 0's curves given its neighbours'. `flows[k]` [h, w, 2]: frame 0 at x is frame k at x + flow, px, y down.

    `size` is the frame's height and width, of which flows may be smaller pictures; they are in pixels of their own.

    A stretch that is lost here and up to one frame further, but was found on both sides, is put where it was between
    (times 0.8 of its likelihood). A curve of which neither the frame before nor the one after knows anything is
    dropped unless it is very likely. `stiffness` 0..1 draws the rest towards the mean of where frames as far before as
    after have them. Neighbours that are missing (clip ends, cuts) change nothing.
    """
    own = list(curves_by_offset[0])
    moved = {
        k: [_brought(c, flows[k], size) for c in curves]
        for k, curves in curves_by_offset.items()
        if k != 0 and k in flows and abs(k) <= 2
    }
    reach = _MOVES * max(1.0, float(np.hypot(*size)) / 2200)
    if -1 in moved and 1 in moved:
        around = [*moved[-1], *moved[1]]
        own = [c for c in own if c.confidence >= _FLASH or any(_known(c, other, reach) for other in around)]
    kept = own + _lost(own, moved, reach)
    return [_calm(c, moved, reach, stiffness) for c in kept] if stiffness > 0 else kept


def _brought(curve: Curve, flow: np.ndarray, size: tuple[int, int]) -> Curve:
    """A neighbour's curve where the background has carried it from: x + flow(x) is the neighbour's point."""
    scale = np.array([flow.shape[1] / size[1], flow.shape[0] / size[0]], np.float32)
    points = curve.points.copy()
    for _ in range(4):
        points = curve.points - sample(flow, points * scale) / scale
    return replace(curve, points=points.astype(np.float32))


def _known(curve: Curve, other: Curve, reach: float) -> bool:
    return bool(beside(curve, other, reach + float(curve.width.max())).near.mean() > 0.3)


def _lost(own: Sequence[Curve], moved: Mapping[int, Sequence[Curve]], reach: float) -> list[Curve]:
    """Stretches that frames on both sides have and this one lost."""
    found: list[Curve] = []
    for before, after in SIDES:
        frames = after - before
        for first in moved.get(before, ()):
            pair = _partner(first, moved.get(after, ()), reach * frames)
            if pair is None:
                continue
            other, side = pair
            share = -before / frames
            points = first.points + (share * np.where(side.near, side.away, 0))[:, None] * normals(first.points)
            width = np.maximum(first.width, np.where(side.near, side.width, 0))
            sure = 0.8 * min(first.confidence, other.confidence)
            between = Curve(points.astype(np.float32), width.astype(np.float32), sure, first.track)
            there = side.near.copy()
            for known in [*own, *found]:
                there &= ~beside(between, known, _ALIKE + float(known.width.max()) / 2 + 0.3 * reach).near
            found += _stretches(between, there)
    return found


def _partner(curve: Curve, others: Sequence[Curve], reach: float) -> tuple[Curve, Beside] | None:
    """The one of the others that runs beside the curve, and nearest to it."""
    best = None
    for other in others:
        side = beside(curve, other, reach + float(curve.width.max()))
        if side.near.mean() < 0.2:
            continue
        mean = float(np.abs(side.away[side.near]).mean()) / float(side.near.mean())
        if best is None or mean < best[0]:
            best = (mean, other, side)
    return None if best is None else best[1:]


def _stretches(curve: Curve, there: np.ndarray) -> list[Curve]:
    """The parts of a curve for which `there` [N] holds, one point further at each end so that strokes overlap."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(np.int8), [0]])))
    parts = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        part = slice(max(start - 1, 0), min(stop + 1, len(there)))
        piece = replace(curve, points=curve.points[part], width=curve.width[part])
        if (stop - start) * SPACING >= _SHORTEST and len(piece.points) > 1:
            parts.append(piece)
    return parts


def _calm(curve: Curve, moved: Mapping[int, Sequence[Curve]], reach: float, stiffness: float) -> Curve:
    """The curve drawn towards the mean of frames as far before as after, so that steady motion is not held back."""
    shift, width, total = np.zeros(len(curve.points)), np.zeros(len(curve.points)), np.full(len(curve.points), 1e-9)
    for frames in (1, 2):
        first, second = (_partner(curve, moved.get(k, ()), reach * frames) for k in (-frames, frames))
        if first is None or second is None:
            continue
        before, after = first[1], second[1]
        weight = (before.near & after.near) / frames
        shift += weight * (before.away + after.away) / 2
        width += weight * (before.width + after.width) / 2
        total += weight
    # The neighbours' mean is as good a measurement as this frame's own two: at full stiffness it counts two thirds.
    shift = np.clip(shift / total, -3 * _CALM, 3 * _CALM) * (stiffness * 2 / 3)
    shift = np.clip(_even(shift), -_CALM, _CALM)
    seen = total > 1e-6
    calm = np.where(seen, curve.width + (width / total - curve.width) * (stiffness * 2 / 3), curve.width)
    points = curve.points + shift[:, None] * normals(curve.points)
    return replace(curve, points=points.astype(np.float32), width=_even(calm).astype(np.float32))


def _even(values: np.ndarray) -> np.ndarray:
    """A running mean over five points, so that a curve that is drawn aside stays smooth."""
    size = min(5, len(values) - 1 + len(values) % 2)
    if size < 3:
        return values
    return np.convolve(np.pad(values, size // 2, mode="edge"), np.full(size, 1 / size), mode="valid")


def numbered(curves_by_frame: Mapping[int, Sequence[Curve]]) -> dict[int, list[Curve]]:
    """The curves with a number for each wire, the same on every frame that has it.

    Numbers that curves have already stay; the others continue the wire of the frame before that runs beside them.
    """
    known = [c.track for curves in curves_by_frame.values() for c in curves]
    spare = max(known, default=-1) + 1
    last: list[Curve] = []
    out: dict[int, list[Curve]] = {}
    for frame in sorted(curves_by_frame):
        free = list(last)
        here: list[Curve] = []
        for curve in curves_by_frame[frame]:
            if curve.track < 0:
                found = _partner(curve, free, 2 * _MOVES)
                free = [c for c in free if found is None or c is not found[0]]
                curve = replace(curve, track=spare if found is None else found[0].track)
                spare += found is None
            here.append(curve)
        out[frame] = last = here
    return out
