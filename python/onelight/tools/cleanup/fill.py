"""Puts together what goes where the wires were: other frames' pixels, a clean plate's, interpolation; says which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from scipy.spatial import KDTree

from onelight.colour import LUMINANCE
from onelight.imaging import mend
from onelight.stages import Session
from onelight.temporal.gather import Brought, combine
from onelight.temporal.grain import Grain
from onelight.tools.cleanup import leftovers, matching
from onelight.tools.cleanup.curves import Curve, tangents

FAINT = 1 / 256  # matte below this shows no wire: the plate stays
MARGIN = 24  # px around a hole that are looked at
GRID = 32  # boxes begin at multiples of this, so that a box that grows by a pixel changes nothing inside
BESIDE = 4.0  # px beside a wire that still are its matte
CEILING = 2.0**20  # times the middle level: beyond it there is an overflow, not light
GUESS = 0.5  # how sure an interpolated pixel is at the rim


class From(IntEnum):
    """Where a pixel of the result came from."""

    PLATE = 0
    NEIGHBOUR = 1
    CLEAN = 2
    ACROSS = 3  # interpolated across a thin leftover
    MADE = 4  # a wide leftover
    PAINT = 5  # left as shot: needs paint


@dataclass(frozen=True)
class Filled:
    """A cleaned frame; `pixels` equals the plate bit for bit outside the matte and where paint is needed."""

    pixels: np.ndarray  # [H, W, 3] linear
    source: np.ndarray  # [H, W] uint8 of From: what most of the pixel came from
    offset: np.ndarray  # [H, W] int8: of the frame that gave most, where the source is NEIGHBOUR
    sure: np.ndarray  # [H, W] in 0..1


@dataclass(frozen=True)
class _Taken:
    """What one source of real pixels offers in a box: coded pixels, and how sure they are."""

    code: np.ndarray
    sure: np.ndarray


def fill(
    plate: np.ndarray,
    matte: np.ndarray,
    neighbours: Sequence[Brought],
    clean: Brought | None,
    *,
    protect: np.ndarray | None,
    wardrobe: bool,
    curves: Sequence[Curve],
    session: Session | None,
    level: float,
    grain: Grain | None,
    regrain: float,
    seed: int,
    check: Callable[[], None],
) -> Filled:
    """Fills the matte [H, W] (0..1) of the plate [H, W, 3], scene-linear ACEScg with the middle level `level`.

    Taken in this order: `neighbours`, pixels of other frames; `clean`, of a clean plate; then what is interpolated
    along the edges that run into the hole. Each goes over softly into the next. `protect` [H, W] (0..1) marks a
    performer: there only pixels of the shot are used, with `wardrobe` thin interpolation too, and what remains stays
    as shot. `curves` tell which way wires run. Interpolated pixels get `regrain` (0..1) of the shot's `grain`, new for
    each `seed`. `check` raises Cancelled when nobody waits any more.
    """
    hole = matte > FAINT
    out = Filled(
        plate.copy(), np.zeros(hole.shape, np.uint8), np.zeros(hole.shape, np.int8), np.ones(hole.shape, np.float32)
    )
    if not hole.any():
        return out
    near = combine(neighbours) if neighbours else None
    directions = _directions(curves)
    for box in _boxes(hole):
        check()
        found = None if near is None else _offered(near[0][box], near[1][box], level)
        other = None if clean is None else _offered(clean.pixels[box], clean.sure[box], level)
        guarded = np.zeros(hole[box].shape, bool) if protect is None else protect[box] > FAINT
        sound, _ = mend(plate[box])
        code = leftovers.coded(np.clip(sound, -CEILING * level, CEILING * level), level)
        along = directions(hole[box], box)
        mix = _mixed(code, hole[box], found, other, guarded, wardrobe, along)
        patch = leftovers.decoded(mix.code, level)
        if grain is not None and regrain > 0 and mix.new.any():
            origin = (box[1].start, box[0].start)
            field = grain.field(mix.new.shape, seed, np.maximum(cv2.transform(patch, LUMINANCE[None]), 0), origin)
            patch += field * (mix.new * np.float32(regrain))[..., None]
        done = hole[box] & (mix.source != From.PAINT)
        amount = matte[box][done][:, None]
        within = np.where(amount < 1, sound[done] * (1 - amount) + patch[done] * amount, patch[done])
        out.pixels[box][done] = within
        out.source[box][hole[box]] = mix.source[hole[box]]
        out.sure[box][hole[box]] = mix.sure[hole[box]]
        if near is not None:
            given = mix.source == From.NEIGHBOUR
            out.offset[box][given] = near[2][box][given]
    return out


@dataclass(frozen=True)
class _Mix:
    """A filled box: coded pixels [h, w, 3]; where each came from, how sure it is, and its share of new grain."""

    code: np.ndarray
    source: np.ndarray
    sure: np.ndarray
    new: np.ndarray


def _mixed(
    code: np.ndarray,
    hole: np.ndarray,
    found: _Taken | None,
    other: _Taken | None,
    guarded: np.ndarray,
    wardrobe: bool,
    along: np.ndarray,
) -> _Mix:
    """Fills the hole of a box [h, w] from what is offered, in order."""
    code = code.copy()
    left = hole.astype(np.float32)  # how much of each pixel nobody has given yet
    known = ~hole
    sure = np.where(hole, 0, 1).astype(np.float32)
    most = np.zeros(hole.shape, np.float32)
    source = np.where(hole, From.PAINT, From.PLATE).astype(np.uint8)
    mixed = np.where(hole[..., None], 0, code)
    for name, taken in ((From.NEIGHBOUR, found), (From.CLEAN, other)):
        if taken is None or not (left > 0).any():
            continue
        usable = taken.sure if name == From.NEIGHBOUR else np.where(guarded, 0, taken.sure)
        real = matching.matched(code, known, taken.code, usable)
        share = matching.share(usable)
        if not wardrobe:  # nothing may be made there to go over into
            share = np.where(guarded, usable > matching.BAD, share)
        given = left * share
        mixed += given[..., None] * real
        sure += given * usable
        source[given > most] = name
        most = np.maximum(most, given)
        left = left - given
        complete = hole & (left <= 0)
        code[complete] = mixed[complete]
        known = known | complete
    rest = left > 0
    if rest.any():
        made, reached = _made(code, rest, known, guarded, wardrobe, along)
        depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
        mixed += np.where(reached, left, 0)[..., None] * made
        own = rest & reached & (left >= most)
        source[own] = np.where(_wide(depth), From.MADE, From.ACROSS)[own]
        sure += np.where(reached, left, 0) * np.float32(GUESS) / (1 + depth / np.float32(leftovers.THICK))
        lacking = rest & ~reached
        source[lacking], sure[lacking], left[lacking] = From.PAINT, 0, 0
    new = np.sqrt(np.maximum(1 - (1 - left) ** 2, 0))  # what real pixels bring of their own grain stays
    return _Mix(mixed, source, sure, np.where(hole, new, 0).astype(np.float32))


def _made(
    code: np.ndarray, rest: np.ndarray, known: np.ndarray, guarded: np.ndarray, wardrobe: bool, along: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is interpolated of the rest [h, w], and where anything could be.

    Beside a performer the background goes on: it is not made of what is guarded, unless nothing else is in reach.
    """
    reached = np.zeros(rest.shape, bool)
    depth = cv2.distanceTransform(rest.astype(np.uint8), cv2.DIST_L2, 5)
    turns = [(rest & ~guarded, known & ~guarded)]
    if guarded.any():
        turns += [(rest & ~guarded, known), (rest & guarded & ~_wide(depth) & wardrobe, known)]
    for hole, seen in turns:
        hole = _in_reach(hole & ~reached, seen)
        if hole.any():
            code = leftovers.interpolated(leftovers.Gap(code, hole, seen, along))
            reached |= hole
    return code, reached


def _in_reach(hole: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The connected parts of the hole [h, w] that something seen lies beside."""
    _, labels = cv2.connectedComponents(hole.astype(np.uint8), connectivity=8)
    beside = cv2.dilate(seen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    good = np.zeros(int(labels.max()) + 1, bool)
    good[labels[hole & beside]] = True
    return hole & good[labels]


def _wide(depth: np.ndarray) -> np.ndarray:
    """Where a hole is too wide to interpolate across, by the distance [h, w] to its rim."""
    size = 2 * round(leftovers.THICK) + 1
    return cv2.dilate((depth > leftovers.THICK).astype(np.uint8), np.ones((size, size), np.uint8)) > 0


def _offered(pixels: np.ndarray, sure: np.ndarray, level: float) -> _Taken:
    return _Taken(leftovers.coded(np.clip(pixels, -CEILING * level, CEILING * level), level), sure)


def _directions(curves: Sequence[Curve]) -> Callable[[np.ndarray, tuple[slice, slice]], np.ndarray]:
    """A function that says, for a hole [h, w] and its box, which way the wire runs: (cos 2a, sin 2a), 0 if unknown."""
    if not curves:
        return lambda hole, box: np.zeros((*hole.shape, 2), np.float32)
    tree = KDTree(np.concatenate([curve.points for curve in curves]))
    width = np.concatenate([curve.width for curve in curves])
    turn = 2 * np.concatenate([np.arctan2(*tangents(curve.points).T[::-1]) for curve in curves])

    def along(hole: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        out = np.zeros((*hole.shape, 2), np.float32)
        rows, columns = np.nonzero(cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)))
        points = np.stack([columns + box[1].start, rows + box[0].start], axis=1) + 0.5
        distance, nearest = tree.query(points)
        near = distance <= np.hypot(width[nearest] / 2 + BESIDE, 8)  # points lie about 8 px apart
        chosen = nearest[near]
        out[rows[near], columns[near]] = np.stack([np.cos(turn[chosen]), np.sin(turn[chosen])], axis=1)
        return out

    return along


def _boxes(hole: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Boxes around the hole [H, W] and its surround that do not overlap, from the top."""
    around = cv2.dilate(hole.astype(np.uint8), np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(around, connectivity=8)
    found = [(y // GRID * GRID, x // GRID * GRID, y + h, x + w) for x, y, w, h, _ in stats[1:].tolist()]
    done: list[tuple[int, int, int, int]] = []
    while found:
        top, left, bottom, right = found.pop()
        for other in done:
            if other[0] < bottom and top < other[2] and other[1] < right and left < other[3]:
                done.remove(other)
                found.append((min(top, other[0]), min(left, other[1]), max(bottom, other[2]), max(right, other[3])))
                break
        else:
            done.append((top, left, bottom, right))
    for top, left, bottom, right in sorted(done):
        yield slice(top, bottom), slice(left, right)
