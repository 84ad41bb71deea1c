"""The course of a wire through a shot as a whole: faint on every frame, it is plain over many of them.

Frame by frame a faint wire is lost where something else looks more like it, and what is lost stays lost. Here each
frame only says how well every pose of the wire (shifted, tilted, bent about where the set carries it) goes with the
picture, and the likeliest way through all frames is taken at the end (Viterbi 1967; track before detect).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from onelight.tools.cleanup.across import BENDS, TILTS, path, posed, poses, profile, reach_of, scores
from onelight.tools.cleanup.behind import Behind, Seen, motion
from onelight.tools.cleanup.curves import SPACING, Curve, beside, normals, tangents
from onelight.tools.cleanup.follow import Wire, smoothed, surely

REACH = 0.035  # of the picture's diagonal: how far from where the set carries it a wire may swing
SPEED = 8  # px a frame that it may move at most
HASTE, TURNS = 0.01, 0.08  # cost of moving by a pixel (squared), of a step of tilt or bend (squared), in a frame
CALM = np.array([[1], [2], [3], [2], [1]], np.float64)  # weights of the frames around one
LEAST = 0.05  # of such a weight, where nothing is seen
BEYOND = 0.2  # of the diagonal: how much of a wire outside of the picture is carried along


@dataclass(frozen=True)
class _Sight:
    """What one frame shows about a base line [N, 2]: scores [N, K], and which of its points are in the picture."""

    base: np.ndarray
    score: np.ndarray
    inside: np.ndarray


def settled(
    frames: Mapping[int, np.ndarray],
    order: Sequence[int],
    wire: Wire,
    known: Mapping[int, Sequence[Curve]],
    aims: Sequence[Curve],
    check: Callable[[], None],
) -> dict[int, Curve]:
    """The wire on each of the frames in `order` after the first, where it is as `wire` says.

    `known` are the wires that were followed frame by frame: only what is behind them is used. Where one of `aims`, the
    wires of a hint on the last frame, lies beside where this one may be, it ends there.
    """
    sights = list(_sights(frames, order, wire, known, check))
    width = sights[0].score.shape[1]
    middle = (width // 2, len(TILTS) // 2, len(BENDS) // 2)
    end = _pose_of(sights[-1].base, wire, aims, width)
    ways = _likeliest([poses(s.score, s.inside) for s in sights], middle, end)
    found = [_laid(sight, posed(len(sight.base), width, way)) for sight, way in zip(sights, ways, strict=True)]
    calm = _calmed(np.stack([offsets for offsets, _ in found]), np.stack([plain for _, plain in found]))
    return {
        frame: _drawn(wire, sight, offsets, plain)
        for frame, sight, offsets, (_, plain) in zip(order[1:], sights, calm, found, strict=True)
    }


def _sights(
    frames: Mapping[int, np.ndarray],
    order: Sequence[int],
    wire: Wire,
    known: Mapping[int, Sequence[Curve]],
    check: Callable[[], None],
) -> Iterator[_Sight]:
    """What each frame after the first shows about where the set has carried the wire, by the frames on both sides."""
    before, here = None, Seen.of(frames[order[0]])
    reach = REACH * float(np.hypot(*here.shape)) + wire.bar
    base, contrast = _extended(wire, here.shape)
    for place in range(len(order)):
        check()
        after = Seen.of(frames[order[place + 1]]) if place + 1 < len(order) else None
        if before is not None:
            behinds = []
            for near, other in ((-1, before), (1, after)):
                if other is not None:
                    there = list(known.get(order[place + near], ()))
                    behinds.append(motion(other, here, there, [wire.bar] * len(there)))
            step = behinds[0].steady
            base = (base + base @ step[:2] + step[2]).astype(np.float32)
            yield _sight(here, base, contrast, reach, wire.bar, behinds)
        if after is not None:
            before, here = here, after


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


def _sight(
    there: Seen, base: np.ndarray, contrast: np.ndarray, reach: float, bar: float, behinds: Sequence[Behind]
) -> _Sight:
    profiles = (profile(there.picture, there.level, base, reach, bar, behind) for behind in behinds)
    score = np.mean([scores(stops, bar, contrast)[0] for stops in profiles], axis=0)
    side = reach_of(reach)
    where = base[:, None] + np.arange(-side, side + 1)[:, None] * normals(base)[:, None]
    far = np.array(there.shape[::-1], np.float32)
    shown = ((where >= 0) & (where < far)).all(axis=2)
    return _Sight(base, score * shown, shown.mean(axis=1) > 0.5)


def _pose_of(base: np.ndarray, wire: Wire, aims: Sequence[Curve], width: int) -> tuple[int, int, int] | None:
    """The pose, as indices, in which the base [N, 2] lies on the nearest of some curves; None where none is near."""
    reach = (width - 1) / 2
    line = Curve(base, np.full(len(base), wire.bar, np.float32), 1.0)
    best = None
    at = np.linspace(-1, 1, len(base))
    for aim in aims:
        side = beside(line, aim, reach)
        if side.near.sum() < 4:
            continue
        terms = np.stack([np.ones_like(at), at, at * at - 1 / 3], axis=1)[side.near]
        fit = np.linalg.lstsq(terms, side.away[side.near], rcond=None)[0]
        if best is None or abs(fit[0]) < abs(best[0]):
            best = fit
    if best is None or abs(best[0]) > reach:
        return None
    shift = int(np.clip(round(best[0] + reach), 0, width - 1))
    tilt, bend = (
        int(np.abs(shares * reach - part).argmin()) for shares, part in zip((TILTS, BENDS), best[1:], strict=True)
    )
    return shift, tilt, bend


def _likeliest(
    tables: Sequence[np.ndarray], start: tuple[int, int, int], end: tuple[int, int, int] | None
) -> list[tuple[int, ...]]:
    """The poses, as indices, whose scores in `tables` [K, T, B] less what moving costs are the most together."""
    total = np.full(tables[0].shape, -1e6, np.float32)
    total[start] = 0
    came: list[list[np.ndarray]] = []
    for number, table in enumerate(tables):
        steps = []
        for axis, (most, price) in enumerate(((SPEED, HASTE), (1, TURNS), (1, TURNS))):
            total, step = _passed(total, axis, most, price)
            steps.append(step)
        came.append(steps)
        total = total + table
        if number == len(tables) - 1 and end is not None:
            kept = total[end]
            total = np.full_like(total, -1e9)
            total[end] = kept
    at = np.unravel_index(int(total.argmax()), total.shape)
    ways: list[tuple[int, ...]] = []
    for steps in reversed(came):
        ways.append(tuple(int(i) for i in at))
        for axis in (2, 1, 0):
            at = tuple(i - int(steps[axis][at]) if k == axis else i for k, i in enumerate(at))
    return ways[::-1]


def _passed(total: np.ndarray, axis: int, most: int, price: float) -> tuple[np.ndarray, np.ndarray]:
    """The best of `total` from up to `most` indices away along an axis, each step squared at a price; and the step."""
    best, step = total, np.zeros(total.shape, np.int8)
    for away in range(-most, most + 1):
        if away == 0:
            continue
        other = np.full_like(total, -1e9)
        to, of = [slice(None)] * 3, [slice(None)] * 3
        to[axis], of[axis] = (
            (slice(away, None), slice(None, -away)) if away > 0 else (slice(None, away), slice(-away, None))
        )
        other[tuple(to)] = total[tuple(of)] - np.float32(price * away * away)
        better = other > best
        best, step = np.where(better, other, best), np.where(better, np.int8(away), step)
    return best, step


def _laid(sight: _Sight, about: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far [N] across the base the picture shows the wire about the pose's columns [N], and how plainly."""
    way, _ = path(sight.score, about)
    return way - (sight.score.shape[1] - 1) / 2, np.maximum(sight.score[np.arange(len(way)), way], 0)


def _calmed(offsets: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Offsets [T, N] averaged over the frames next to each, the plainly seen ones counting most."""
    weight = plain + np.float32(LEAST)
    total, share = (
        cv2.filter2D(image, -1, CALM, borderType=cv2.BORDER_CONSTANT) for image in (offsets * weight, weight)
    )
    return total / share


def _drawn(wire: Wire, sight: _Sight, offsets: np.ndarray, plain: np.ndarray) -> Curve:
    """The wire that lies so far [N] across the base, smooth, where it is in the picture."""
    points = smoothed(sight.base, offsets, plain, wire)
    sure = surely(plain[sight.inside], wire)
    inside = np.flatnonzero(sight.inside)
    kept = slice(max(inside[0] - 1, 0), inside[-1] + 2) if len(inside) else slice(0, 2)
    width = np.full(len(points), float(np.median(wire.curve.width)), np.float32)
    return replace(wire.curve, points=points[kept], width=width[kept], confidence=sure)
