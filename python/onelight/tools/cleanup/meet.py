"""Courses of a wire that were followed from two hints towards each other, made one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from onelight.tools.cleanup.curves import Curve, arc, beside, normals

_AGREE = 1.5  # px by which courses from two hints may differ and be blended; a third of wide strokes
_STRAYED = 64.0  # px by which a course may miss the next hint and be known for the same wire
_DRIFTS = 0.05  # share of its drift that a course gathers even where the wire is plain


def led(course: Mapping[int, list[Curve]], start: int, stop: int, aims: list[Curve]) -> dict[int, list[Curve]]:
    """A course from the hint on frame `start` led to the wires `aims` of the hint on frame `stop`.

    By what it misses these it has drifted on the way: every frame takes its part of it back, the more the less plainly
    the wire was seen up to there. A course that ended before, or arrives nowhere near, stays as it is.
    """
    out = {frame: list(curves) for frame, curves in course.items()}
    if stop not in course:
        return out
    order = sorted(course, reverse=stop < start)
    left = list(aims)
    for arrived in course[stop]:
        sides = [(aim, beside(arrived, aim, _STRAYED)) for aim in left]
        sides = [(aim, side) for aim, side in sides if side.near.mean() > 0.5]
        if not sides:
            continue
        aim, side = min(sides, key=lambda pair: float(np.abs(pair[1].away[pair[1].near]).mean()))
        left = [other for other in left if other is not aim]
        missed = side.away[side.near][:, None] * normals(arrived.points)[side.near]
        where = _part(arrived)[side.near]
        there = {frame: c for frame in order for c in course[frame] if c.track == arrived.track}
        doubt = np.array([0.0, *(1 + _DRIFTS - there[frame].confidence for frame in order[1:] if frame in there)])
        for curve, share in zip(there.values(), np.cumsum(doubt) / doubt.sum(), strict=True):
            back = np.stack([np.interp(_part(curve), where, missed[:, axis]) for axis in (0, 1)], axis=1)
            frame = next(frame for frame in order if there.get(frame) is curve)
            moved = replace(curve, points=(curve.points + share * back).astype(np.float32))
            out[frame] = [moved if c is curve else c for c in out[frame]]
    return out


def _part(curve: Curve) -> np.ndarray:
    """How far along the curve each of its points lies, 0..1."""
    along = arc(curve.points)
    return along / along[-1]


def blended(one: list[Curve], two: list[Curve], share: float) -> list[Curve]:
    """Courses from the hint before and from the hint after; `share` 0..1 says how near the second hint is."""
    near, far = (one, two) if share <= 0.5 else (two, one)
    weight = share if share <= 0.5 else 1 - share
    left = list(far)
    out = []
    for curve in near:
        sides = [(other, beside(curve, other, 4 + float(curve.width.max()))) for other in left]
        sides = [(other, side) for other, side in sides if side.near.mean() > 0.5]
        if not sides:
            out.append(curve)
            continue
        other, side = max(sides, key=lambda pair: pair[1].near.mean())
        left = [c for c in left if c is not other]
        if np.quantile(np.abs(side.away[side.near]), 0.9) > max(_AGREE, 0.3 * float(np.median(curve.width))):
            out += [curve, other]  # nobody can tell which is right: both are covered
            continue
        points = curve.points + (weight * np.where(side.near, side.away, 0))[:, None] * normals(curve.points)
        number = min(curve.track, other.track)
        out.append(replace(curve, points=points.astype(np.float32), track=number))
        if beside(other, curve, 6 + float(curve.width.max())).near.mean() < 0.9:
            out.append(other)
    return out + left
