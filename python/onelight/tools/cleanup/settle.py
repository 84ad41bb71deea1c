"""The course of a wire through a shot as a whole: faint on every frame, it is plain over many of them.

Frame by frame a faint wire is lost where something else looks more like it, and what is lost stays lost. Here each
frame only says how well every pose of the wire (shifted, tilted, bent about where the set carries it) goes with the
picture, and the likeliest way through all frames is taken at the end (Viterbi 1967; track before detect).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from onelight.tools.cleanup.across import BENDS, TILTS, path, posed, poses, profile, reach_of, scores
from onelight.tools.cleanup.behind import Behind, Seen, motion
from onelight.tools.cleanup.curves import SPACING, Curve, beside, normals, tangents
from onelight.tools.cleanup.follow import Wire, smoothed, surely

REACH = 0.035  # of the picture's diagonal: how far from where the set carries it a wire may swing
SPEED = 8  # px a frame that it may move at most
HASTE, TURNS = 0.01, 0.08  # cost of moving by a pixel (squared), of a step of tilt or bend (squared), in a frame
CALM = (1.0, 2.0, 3.0, 2.0, 1.0)  # weights of the frames around one
LEAST = 0.05  # of such a weight, where nothing is seen
BEYOND = 0.2  # of the diagonal: how much of a wire outside of the picture is carried along


@dataclass(frozen=True)
class Known:
    """The wires that were followed frame by frame, by frame, and px across each by its track: what is behind them."""

    curves: Mapping[int, Sequence[Curve]]
    bars: Mapping[int, float]

    def behind(self, frame: int, here: Seen, there: Seen) -> Behind:
        """What `frame`, which is `here`, shows without its wires, and how that goes on to there."""
        curves = list(self.curves.get(frame, ()))
        return motion(here, there, curves, [self.bars[c.track] for c in curves])


@dataclass(frozen=True)
class _Sight:
    """What one frame shows about a base line [N, 2]: scores [N, K], and which of its points are in the picture."""

    base: np.ndarray
    score: np.ndarray
    inside: np.ndarray
    shape: tuple[int, int]  # of the picture


def settled(
    frames: Mapping[int, np.ndarray],
    order: Sequence[int],
    wires: Sequence[Wire],
    known: Known,
    aims: Sequence[Curve],
    check: Callable[[], None],
) -> list[dict[int, Curve]]:
    """Each of the wires on each of the frames in `order` after the first, where it is as the wire says.

    Where some of `aims`, the wires of a hint on the last frame, lie beside where a wire may be, it ends on one of them.
    """
    seen: list[list[_Sight]] = [[] for _ in wires]
    bases = [_extended(wire, frames[order[0]].shape[:2]) for wire in wires]
    for here, behinds in _around(frames, order, known, check):
        step = behinds[0].steady
        for place, (wire, (base, contrast)) in enumerate(zip(wires, bases, strict=True)):
            base = (base + base @ step[:2] + step[2]).astype(np.float32)
            bases[place] = base, contrast
            seen[place].append(_sight(here, base, contrast, wire.bar, behinds))
    gaps = [abs(frame - last) for last, frame in pairwise(order)]
    found = [_course(wire, sights, aims, gaps, check) for wire, sights in zip(wires, seen, strict=True)]
    return [dict(zip(order[1:], curves, strict=True)) for curves in found]


def _around(
    frames: Mapping[int, np.ndarray], order: Sequence[int], known: Known, check: Callable[[], None]
) -> Iterator[tuple[Seen, list[Behind]]]:
    """Each frame after the first, and what the frames before and after it show behind their wires."""
    before, here = Seen.of(frames[order[0]]), Seen.of(frames[order[1]])
    for place in range(1, len(order)):
        check()
        behinds = [known.behind(order[place - 1], before, here)]
        after = None
        if place + 1 < len(order):
            after = Seen.of(frames[order[place + 1]])
            behinds.append(known.behind(order[place + 1], after, here))
        yield here, behinds
        if after is not None:
            before, here = here, after


def _course(
    wire: Wire, sights: Sequence[_Sight], aims: Sequence[Curve], gaps: Sequence[int], check: Callable[[], None]
) -> list[Curve]:
    """The likeliest course through what frames show that are so many frames apart (`gaps`)."""
    width = sights[0].score.shape[1]
    middle = (width // 2, len(TILTS) // 2, len(BENDS) // 2)
    ends = [pose for aim in aims if (pose := _pose_of(sights[-1].base, wire, aim, width)) is not None]
    tables = []
    for sight in sights:
        check()
        tables.append(poses(sight.score, sight.inside))
    ways = _likeliest(tables, middle, ends, gaps)
    check()
    laid = [_laid(sight, posed(len(sight.base), width, way)) for sight, way in zip(sights, ways, strict=True)]
    calm = _calmed(np.stack([offsets for offsets, _ in laid]), np.stack([plain for _, plain in laid]), wire.usual)
    check()
    return [_drawn(wire, sight, offsets) for sight, offsets in zip(sights, calm, strict=True)]


def _extended(wire: Wire, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The wire's points [N, 2] and contrast [N, 3], gone on with outside of the picture where it leaves that."""
    points, contrast = wire.curve.points, wire.contrast
    more = np.arange(1, round(BEYOND * float(np.hypot(*shape)) / SPACING) + 1)[:, None] * SPACING
    ways = tangents(points)
    if wire.leaves[0]:
        points = np.concatenate([points[0] - more[::-1] * ways[:3].mean(axis=0), points])
        contrast = np.concatenate([np.repeat(contrast[:1], len(more), axis=0), contrast])
    if wire.leaves[1]:
        points = np.concatenate([points, points[-1] + more * ways[-3:].mean(axis=0)])
        contrast = np.concatenate([contrast, np.repeat(contrast[-1:], len(more), axis=0)])
    return points.astype(np.float32), contrast.astype(np.float32)


def _sight(there: Seen, base: np.ndarray, contrast: np.ndarray, bar: float, behinds: Sequence[Behind]) -> _Sight:
    reach = REACH * float(np.hypot(*there.shape)) + bar
    profiles = (profile(there.picture, there.level, base, reach, bar, behind) for behind in behinds)
    score = np.mean([scores(stops, bar, contrast)[0] for stops in profiles], axis=0)
    side = reach_of(reach)
    where = base[:, None] + np.arange(-side, side + 1)[:, None] * normals(base)[:, None]
    shown = ((where >= 0) & (where < np.array(there.shape[::-1], np.float32))).all(axis=2)
    # A place outside of the picture is as likely as the middling one in it, not likelier than those without a wire.
    middling = np.ma.median(np.ma.masked_array(score, ~shown), axis=1).filled(0)[:, None]
    score = np.where(shown, score, middling).astype(np.float32)
    return _Sight(base, score, shown.mean(axis=1) > 0.5, there.shape)


def _pose_of(base: np.ndarray, wire: Wire, aim: Curve, width: int) -> tuple[int, int, int] | None:
    """The pose, as indices, in which the base [N, 2] lies on a curve; None where it is not in reach."""
    reach = (width - 1) / 2
    side = beside(Curve(base, np.full(len(base), wire.bar, np.float32), 1.0), aim, reach)
    if side.near.sum() < 4:
        return None
    at = np.linspace(-1, 1, len(base))
    terms = np.stack([np.ones_like(at), at, at * at - 1 / 3], axis=1)[side.near]
    shift, *others = np.linalg.lstsq(terms, side.away[side.near], rcond=None)[0]
    tilt, bend = (
        int(np.abs(shares * reach - part).argmin()) for shares, part in zip((TILTS, BENDS), others, strict=True)
    )
    return (round(float(shift) + reach), tilt, bend) if abs(shift) < reach else None


def _likeliest(
    tables: Sequence[np.ndarray], start: tuple[int, int, int], ends: Sequence[tuple[int, int, int]], gaps: Sequence[int]
) -> list[tuple[int, ...]]:
    """The poses, as indices, whose scores in `tables` [K, T, B] less what moving costs are the most together.

    The last is one of `ends`, where some of those can be reached.
    """
    total = np.full(tables[0].shape, -np.inf, np.float32)
    total[start] = 0
    came: list[list[np.ndarray]] = []
    for table, gap in zip(tables, gaps, strict=True):
        steps = []
        for axis, (most, price) in enumerate(((SPEED, HASTE), (1, TURNS), (1, TURNS))):
            total, step = _passed(total, axis, most * gap, price / gap)
            steps.append(step)
        came.append(steps)
        total = total + table
    at: tuple[Any, ...] = max(ends, key=lambda end: float(total[end]), default=start)
    if not ends or not np.isfinite(total[at]):
        at = np.unravel_index(int(total.argmax()), total.shape)
    ways: list[tuple[int, ...]] = []
    for steps in reversed(came):
        ways.append(tuple(int(i) for i in at))
        for axis in (2, 1, 0):
            at = tuple(i - int(steps[axis][at]) if k == axis else i for k, i in enumerate(at))
    return ways[::-1]


def _passed(total: np.ndarray, axis: int, most: int, price: float) -> tuple[np.ndarray, np.ndarray]:
    """The best of `total` from up to `most` indices away along an axis, each step squared at a price; and the step."""
    best, step = total, np.zeros(total.shape, np.int16)
    most = min(most, total.shape[axis] - 1)
    for away in (*range(-most, 0), *range(1, most + 1)):
        other = np.full_like(total, -np.inf)
        to, of = [slice(None)] * 3, [slice(None)] * 3
        to[axis], of[axis] = (
            (slice(away, None), slice(None, -away)) if away > 0 else (slice(None, away), slice(-away, None))
        )
        other[tuple(to)] = total[tuple(of)] - np.float32(price * away * away)
        better = other > best
        best, step = np.where(better, other, best), np.where(better, np.int16(away), step)
    return best, step


def _laid(sight: _Sight, about: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far [N] across the base the picture shows the wire about the pose's columns [N], and how plainly."""
    way, _ = path(sight.score, about)
    return way - (sight.score.shape[1] - 1) / 2, np.maximum(sight.score[np.arange(len(way)), way], 0)


def _calmed(offsets: np.ndarray, plain: np.ndarray, usual: float) -> np.ndarray:
    """Offsets [T, N] averaged over the frames next to each, the plainly seen ones counting most.

    Before the first is the hint itself, at offset 0 and as plain as `usual`; beyond either end the motion goes on.
    """
    series = np.concatenate([np.zeros_like(offsets[:1]), offsets])
    weight = np.concatenate([np.full_like(plain[:1], usual), plain]) + np.float32(LEAST)
    side = min(len(CALM) // 2, len(series) - 1)
    before, after = series[side:0:-1], series[-2 : -2 - side : -1]
    series = np.concatenate([2 * series[:1] - before, series, 2 * series[-1:] - after])
    weight = np.concatenate([weight[side:0:-1], weight, weight[-2 : -2 - side : -1]])
    taps = CALM[len(CALM) // 2 - side : len(CALM) // 2 + side + 1]
    span = len(offsets) + 1
    total = np.sum([tap * (series * weight)[first : first + span] for first, tap in enumerate(taps)], axis=0)
    share = np.sum([tap * weight[first : first + span] for first, tap in enumerate(taps)], axis=0)
    return (total / share)[1:]


def _drawn(wire: Wire, sight: _Sight, offsets: np.ndarray) -> Curve:
    """The wire that lies so far [N] across the base, smooth, where it is in the picture and a point beyond.

    Its confidence is 0 where none of it is in the picture.
    """
    columns = np.rint(offsets + (sight.score.shape[1] - 1) / 2).astype(int).clip(0, sight.score.shape[1] - 1)
    plain = np.maximum(sight.score[np.arange(len(columns)), columns], 0)
    points = smoothed(sight.base, offsets, plain, wire)
    shown = np.flatnonzero(((points >= 0) & (points < sight.shape[::-1])).all(axis=1))
    kept = slice(max(shown[0] - 1, 0), max(shown[-1], 1) + 2) if len(shown) else slice(None)
    sure = surely(plain[sight.inside], wire) if len(shown) else 0.0
    width = np.full(len(points), float(np.median(wire.curve.width)), np.float32)
    return replace(wire.curve, points=points[kept], width=width[kept], confidence=sure)
