"""Real pixels for a hole from other frames of the shot: aligned, matched in exposure, and checked."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from onelight.errors import RequestError
from onelight.temporal import encode
from onelight.temporal.align import motion, refined
from onelight.temporal.encode import luminance
from onelight.temporal.flow import fetch, positions, sample
from onelight.temporal.views import Block, Coarse, View, known, mean, picked, placed

MOST = 30000  # pixels fetched at a time: OpenCV takes no image wider than 32767
SMOOTH = 5  # pixels a side of the windows (taken twice) in which pictures are compared, free of most grain
EVEN = 0.06  # stops: differences of smooth pictures below it are grain
SHADE = 65  # pixels a side of the windows in which exposure is matched
RANGE = 1.3  # by which exposure may differ within the frame
DIM, FEWEST = 2.0**-4, 32  # of the middle level: below it there is no ratio to take; of so many places at least


@dataclass(frozen=True)
class Brought:
    """A neighbour's pixels in this frame's place.

    `pixels` [H, W, 3] scene-linear and `sure` [H, W] in 0..1 are known in the hole and a ring around it, 0 elsewhere.
    """

    pixels: np.ndarray
    sure: np.ndarray
    offset: int

    def packed(self) -> Packed:
        """Only where something is known: a wire and the ring around it are a fraction of the picture."""
        at = np.flatnonzero(self.sure > 0).astype(np.int32)
        return Packed(self.sure.shape, at, picked(self.pixels, at), picked(self.sure, at), self.offset)


@dataclass(frozen=True)
class Packed:
    """A `Brought` as it is kept: `pixels` [n, 3] and `sure` [n] where something is known, at `at` [n] of H x W."""

    size: tuple[int, ...]
    at: np.ndarray
    pixels: np.ndarray
    sure: np.ndarray
    offset: int

    def unpacked(self) -> Brought:
        """What was packed."""
        pixels, sure = (placed(values, self.at, self.size) for values in (self.pixels, self.sure))
        return Brought(pixels, sure, self.offset)


def bring(
    here: np.ndarray | View,
    hole: np.ndarray,
    there: np.ndarray | View,
    there_hole: np.ndarray | None,
    offset: int,
    vectors: np.ndarray | None = None,
) -> Brought:
    """The pixels of `there` that belong into the hole [H, W] of `here`; both scene-linear [H, W, 3], or a `View`.

    `there_hole` [H, W] is what must not be taken from `there`; None: nothing. `vectors` [H, W, 2], if given, is the
    motion from here to there in pixels and overrules the flow. RequestError where sizes differ.
    """
    size = hole.shape[:2]
    there_linear = there.linear if isinstance(there, View) else there
    for name, image in (("picture", there_linear), ("matte", there_hole), ("vectors", vectors)):
        if image is not None and image.shape[:2] != size:
            raise RequestError(
                f"The {name} of the frame at {offset:+d} is {image.shape[1]} x {image.shape[0]}; the plate is "
                f"{size[1]} x {size[0]}. All frames of a shot must have one size."
            )
    mine = here if isinstance(here, View) else View(here, hole)
    other = there if isinstance(there, View) else View(there, there_hole)
    found, sure = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32)
    if mine.hidden.any():
        moved = motion(mine.coarse, other.coarse, vectors)
        exposure = _Exposure.between(mine.coarse, other.coarse, moved.flow)
        for block in mine.blocks:
            along = moved.flow[block.wide]
            if vectors is None:
                along = refined(mine.coarse, other.coarse, block.wide, along)
            _bring_block(mine, other, block, along, moved.agreed, exposure, found, sure)
    return Brought(found, sure, offset)


def _bring_block(
    here: View,
    there: View,
    block: Block,
    along: np.ndarray,
    agreed: np.ndarray,
    exposure: _Exposure,
    found: np.ndarray,
    sure: np.ndarray,
) -> None:
    """Fills a block of `found` and `sure` where this frame wants it; `along` is the flow of its wide version."""
    mine, other = here.coarse, there.coarse
    rows, columns = block.wide
    target = positions(along.shape, columns.start, rows.start) + along
    usable = known(other, target)
    seen = mine.known[block.wide] * usable
    moved = sample(other.colour, target, cv2.INTER_CUBIC)
    gain = exposure.local(mine.colour[block.wide], moved, seen)
    theirs = encode.coded(luminance(moved * gain), mine.level)
    certain = _alike(mine.stops[block.wide], theirs, seen) * agreed[block.wide]
    factor = mine.factor
    full = tuple(slice(part.start * factor, part.stop * factor) for part in block.own)
    size = here.around[full].shape
    wanted = np.flatnonzero(here.around[full])
    along, gain, certain = (_grown(image, factor, block.inner, size) for image in (along, gain, certain))
    points = picked(positions(size, full[1].start, full[0].start) + along * np.float32(factor), wanted)
    gain, certain = picked(gain, wanted), picked(certain, wanted)
    fetched, inner = np.empty((len(points), 3), np.float32), picked(here.hidden[full], wanted) > 0
    # Beside the hole pixels are only compared and averaged: two of a side make one there, and they may be as close to
    # the wire as this frame's own.
    for how, shut, which in ((cv2.INTER_LANCZOS4, there.near, inner), (cv2.INTER_LINEAR, there.hidden, ~inner)):
        places = np.flatnonzero(which)
        for first in range(0, len(places), MOST):
            part = places[first : first + MOST]
            fetched[part], inside = (image[0] for image in fetch(there.linear, points[part][None], how))
            clear = sample(shut, points[part][None], cv2.INTER_LINEAR, outside=1)[0] < 0.01
            certain[part] *= inside & clear
    found[full], sure[full] = placed(fetched * gain, wanted, size), placed(certain, wanted, size)


def _grown(image: np.ndarray, factor: int, part: tuple[slice, slice], shape: tuple[int, ...]) -> np.ndarray:
    """A part of an image on the grid of matching at full size, cut to `shape` where the frame ends within a block."""
    if factor > 1:
        size = (image.shape[1] * factor, image.shape[0] * factor)
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    rows, columns = (slice(own.start * factor, own.start * factor + n) for own, n in zip(part, shape, strict=True))
    return image[rows, columns]


@dataclass(frozen=True)
class _Exposure:
    """How the exposure of the whole frame differs, per channel [3]: `ratio` of here over there, `light` of there."""

    ratio: np.ndarray
    light: np.ndarray

    @staticmethod
    def between(here: Coarse, there: Coarse, flow: np.ndarray) -> _Exposure:
        """The median ratio over what both frames show, along the flow [h, w, 2]."""
        sparse = np.s_[::4, ::4]
        target = np.ascontiguousarray((positions(flow.shape) + flow)[sparse])
        moved, mine = sample(there.colour, target, cv2.INTER_LINEAR), here.colour[sparse]
        seen = (here.known[sparse] * known(there, target)) > 0
        ratio, light = np.ones(3, np.float32), np.full(3, there.level, np.float32)
        for channel in range(3):
            one, two = mine[..., channel], moved[..., channel]
            lit = seen & (one > here.level * DIM) & (two > there.level * DIM)
            if np.count_nonzero(lit) >= FEWEST:
                ratio[channel] = np.median(one[lit] / two[lit])
                light[channel] = two[lit].mean()
        return _Exposure(ratio, light)

    def local(self, here: np.ndarray, moved: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """The gain [h, w, 3] that makes the moved pixels those of this frame, smooth, from where both show."""
        half = np.s_[::2, ::2]
        weight = cv2.merge([seen[half]] * 3)
        size = (SHADE // 2 | 1, SHADE // 2 | 1)
        mine, theirs = (cv2.blur(np.maximum(image, 0) * weight, size) for image in (here[half], moved[half]))
        faith = self.light / 8  # where little is seen, or all is dark, the exposure of the whole frame holds
        gain = (mine + faith * self.ratio) / (theirs + faith)
        gain = np.clip(gain, self.ratio / np.float32(RANGE), self.ratio * np.float32(RANGE))
        return cv2.resize(gain, here.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _alike(mine: np.ndarray, theirs: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How well both match around the hole in stops [h, w], smoothed against grain; 0..1, carried into the hole."""
    share, one, two = cv2.split(mean(cv2.merge([seen, seen * mine, seen * theirs]), SMOOTH))
    share = share + np.float32(1e-4)
    one, missed = one / share, (one - two) / share
    total, first, second, third = cv2.split(
        mean(cv2.merge([seen, seen * one, seen * one * one, seen * missed * missed]))
    )
    total = total + np.float32(1e-4)
    contrast = np.maximum(second / total - (first / total) ** 2, 0) + np.float32(EVEN**2)
    return encode.spread(np.clip(2 - 4 * third / total / contrast, 0, 1), np.minimum(total * 20, 1))
