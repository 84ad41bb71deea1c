"""Puts together what goes where the wires were: other frames' pixels, a clean plate's, interpolation; says which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial

import cv2
import numpy as np

from onelight.imaging import mend
from onelight.temporal.combine import combine
from onelight.temporal.gather import Brought
from onelight.temporal.grain import Grain
from onelight.temporal.views import Block
from onelight.tools.cleanup import calm, holes, leftovers, matching
from onelight.tools.cleanup import regrain as regrain_
from onelight.tools.cleanup.curves import Curve
from onelight.tools.cleanup.hands import at_once

FAINT = 1 / 256  # matte below this shows no wire: the plate stays
CEILING = 2.0**20  # times the middle level: beyond it there is an overflow, not light
CARRIED = 0.25  # variance of the surround's grain that is left in what is made of it, a pixel from the rim
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
    directions = holes.directions(curves)

    def piece(block: Block) -> None:
        check()
        box = block.wide
        others = [replace(one, pixels=one.pixels[box], sure=one.sure[box]) for one in neighbours]
        near = combine(others) if others else None
        found = None if near is None else _offered(near[0], near[1], level)
        other = None if clean is None else _offered(clean.pixels[box], clean.sure[box], level)
        guarded = np.zeros(hole[box].shape, bool) if protect is None else protect[box] > FAINT
        cut = plate[box].astype(np.float32)
        sound, _ = mend(np.where(np.abs(cut) < CEILING * level, cut, np.nan))
        code = leftovers.coded(sound, level)
        along = directions(hole[box], box)
        noise = None if grain is None else regrain_.noise(grain, sound, code, hole[box], level)
        shown = [(one.pixels, one.sure) for one in others]
        rim = partial(calm.calmed, code, ~hole[box], shown, noise, partial(_coded, level=level))
        mix = _mixed(code, hole[box], found, other, guarded, wardrobe, along, noise, rim)
        patch = leftovers.decoded(mix.code, level)
        if grain is not None and regrain > 0 and mix.new.any():
            origin = (box[1].start, box[0].start)
            patch += regrain_.new(patch, sound, hole[box], mix.new * np.float32(regrain), grain, seed, origin)
        mine = np.zeros(hole[box].shape, bool)
        mine[block.inner] = hole[block.own]
        done = mine & (mix.source != From.PAINT)
        amount = matte[box][done][:, None]
        within = np.where(amount < 1, sound[done] * (1 - amount) + patch[done] * amount, patch[done])
        out.pixels[box][done] = within
        out.source[box][mine] = mix.source[mine]
        out.sure[box][mine] = mix.sure[mine]
        if near is not None:
            given = mine & (mix.source == From.NEIGHBOUR)
            out.offset[box][given] = near[2][given]

    largest_first = sorted(holes.boxes(hole), key=lambda block: -int(np.count_nonzero(hole[block.own])))
    at_once(piece, largest_first)  # no large one is left for the end, when one thread has nothing to do
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
    noise: np.ndarray | None,
    rim: Callable[[], tuple[np.ndarray, np.ndarray]],
) -> _Mix:
    """Fills the hole of a box [h, w] from what is offered, in order; `rim` gives what is `calmed`."""
    code = code.copy()
    left = hole.astype(np.float32)  # how much of each pixel nobody has given yet
    known = ~hole
    sure = np.where(hole, 0, 1).astype(np.float32)
    most = np.zeros(hole.shape, np.float32)
    source = np.where(hole, From.PAINT, From.PLATE).astype(np.uint8)
    mixed = code.copy()
    mixed[hole] = 0
    for name, taken in ((From.NEIGHBOUR, found), (From.CLEAN, other)):
        if taken is None or not (left > 0).any():
            continue
        usable = taken.sure if name == From.NEIGHBOUR else np.where(guarded, 0, taken.sure)
        real = matching.matched(code, known, taken.code, usable)
        share = matching.share(usable)
        if not wardrobe:  # nothing may be made there to go over into
            share = np.where(guarded, usable > matching.BAD, share)
        given = left * share
        some = given > 0
        mixed[some] += given[some][:, None] * real[some]
        sure += given * usable
        source[given > most] = name
        most = np.maximum(most, given)
        left = left - given
        complete = hole & (left <= 0)
        code[complete] = mixed[complete]
        known = known | complete
    rest, depth = left > 0, cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    if rest.any():
        steady, less = rim()
        gap = leftovers.Gap(np.where(hole[..., None], code, steady), rest, known, along, noise)
        made, reached = _made(gap if noise is None else replace(gap, noise=noise * less), guarded, wardrobe)
        mixed[reached] += left[reached][:, None] * made[reached]
        own = rest & reached & (left >= most)
        source[own] = np.where(holes.wide(depth), From.MADE, From.ACROSS)[own]
        sure += np.where(reached, left, 0) * np.float32(GUESS) / (1 + depth / np.float32(leftovers.THICK))
        lacking = rest & ~reached
        nearly = lacking & (left < 0.5)  # most is real, and there is nothing to go over into
        mixed[nearly] /= 1 - left[nearly][:, None]
        left[nearly], lacking = 0, lacking & ~nearly
        source[lacking], sure[lacking], left[lacking] = From.PAINT, 0, 0
    brought = (1 - left) ** 2 + left**2 * np.float32(CARRIED) / np.maximum(depth, 1)  # variance of grain there is
    return _Mix(mixed, source, sure, np.where(hole, np.sqrt(np.clip(1 - brought, 0, 1)), 0).astype(np.float32))


def _made(gap: leftovers.Gap, guarded: np.ndarray, wardrobe: bool) -> tuple[np.ndarray, np.ndarray]:
    """The code with what is interpolated of the gap's hole [h, w], and where anything could be.

    Beside a performer the background goes on: it is not made of what is guarded, unless nothing else is in reach.
    """
    code, reached = gap.code, np.zeros(gap.hole.shape, bool)
    turns = [(gap.hole & ~guarded, gap.known & ~guarded)]
    if guarded.any():
        turns.append((gap.hole & ~guarded, gap.known))
        if wardrobe:
            depth = cv2.distanceTransform(gap.hole.astype(np.uint8), cv2.DIST_L2, 5)
            turns.append((gap.hole & guarded & ~holes.wide(depth), gap.known))
    for hole, seen in turns:
        hole = holes.in_reach(hole & ~reached, seen)
        if hole.any():
            code = leftovers.interpolated(replace(gap, code=code, hole=hole, known=seen))
            reached |= hole
    return code, reached


def _offered(pixels: np.ndarray, sure: np.ndarray, level: float) -> _Taken:
    return _Taken(_coded(pixels, level), sure)


def _coded(linear: np.ndarray, level: float) -> np.ndarray:
    return leftovers.coded(np.clip(linear, -CEILING * level, CEILING * level), level)
