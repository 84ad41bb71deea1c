"""A frame as alignment looks at it, as small as that is exact enough, and the blocks in which it is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from onelight.temporal import encode
from onelight.temporal.flow import LONGEST, covered, sample

MATCHED = 1024  # pixels of the longest side, roughly, at which frames are matched
RING = 16  # pixels around the hole that are brought as well, for what has to be matched to this frame
TILE = 64  # pixels a side of the blocks in which the work is done, where there is a hole
RUN = 8  # blocks side by side that are worked on at once: margins that overlap are seen once
MARGIN = 24  # pixels around them that are seen as well
WINDOW = 15  # pixels a side of the windows in which motion is refined, taken twice
LARGE = 0.1  # stops: detail above it counts no more


@dataclass(frozen=True)
class Coarse:
    """A frame as it is matched: means of `factor` pixels a side ([h, w]), for which large frames are exact enough.

    Small enough to be kept for every frame of a shot that is at hand.
    """

    size: tuple[int, int]  # of the frame: height and width
    factor: int
    level: float  # the middle level of what is seen
    colour: np.ndarray  # [h, w, 3] scene-linear
    known: np.ndarray  # [h, w] 1 where nothing is hidden
    stops: np.ndarray  # [h, w] of the luminance over the frame's own level
    plain: np.ndarray  # [y, x] the small picture in stops, all that is seen in it: wires move as they do
    free: np.ndarray  # [y, x] 1 where the small picture shows nothing hidden
    small: np.ndarray  # [y, x] that picture, what is hidden filled smoothly: there is no wire to follow
    detail: np.ndarray  # [y, x] what it has of edges and texture, the strong ones cut off

    @staticmethod
    def of(linear: np.ndarray, hidden: np.ndarray | None) -> Coarse:
        """Of a scene-linear frame [H, W, 3], of which `hidden` [H, W] (0 or 1) must not be compared nor used."""
        size = linear.shape[0], linear.shape[1]
        factor = max(1, round(max(size) / MATCHED))
        colour = encode.blocks(np.asarray(linear, np.float32), factor)
        luminance = encode.luminance(colour)
        known = np.ones(luminance.shape, np.float32) if hidden is None else 1 - covered(encode.blocks(hidden, factor))
        level = encode.middle(luminance, known)
        stops = encode.coded(luminance, level)
        narrow = cv2.erode(known, np.ones((5, 5), np.uint8))
        free = (encode.shrink(narrow, LONGEST) > 0.98).astype(np.float32)
        plain = encode.shrink(stops, LONGEST)
        small = encode.spread(plain, free)
        detail = np.clip(small - mean(small, 9), -LARGE, LARGE)
        return Coarse(size, factor, level, colour, known, stops, plain, free, small, detail)


class View:
    """A frame as alignment looks at it: `coarse`, and at full size what is only needed where there is a hole.

    `linear` [H, W, 3] scene-linear; `hidden` [H, W] is 1 where the frame must neither be compared nor used.
    """

    def __init__(self, linear: np.ndarray, hole: np.ndarray | None, coarse: Coarse | None = None) -> None:
        """`coarse` is the frame's own with at least that `hole` [H, W] hidden, where it is known already."""
        self.linear = np.ascontiguousarray(linear, np.float32)
        self.size = self.linear.shape[0], self.linear.shape[1]
        self.hidden = np.zeros(self.size, np.float32) if hole is None else covered(np.asarray(hole, np.float32))
        self.coarse = coarse or Coarse.of(self.linear, self.hidden)

    @cached_property
    def near(self) -> np.ndarray:
        """1 where a pixel or one beside it is hidden, [H, W]: what is fetched there would have a trace of it."""
        return cv2.dilate(self.hidden, np.ones((3, 3), np.uint8))

    @cached_property
    def around(self) -> np.ndarray:
        """What is hidden and a ring around it, [H, W] bool."""
        return cv2.dilate(self.hidden.astype(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)) > 0

    @cached_property
    def blocks(self) -> list[Block]:
        """Blocks of the coarse picture in which something of that is."""
        return list(tiles(encode.blocks(self.around.astype(np.float32), self.coarse.factor)))


@dataclass(frozen=True)
class Block:
    """A block of a picture to work on: its `rows` and `columns`, and `wide`, the same with a margin."""

    rows: slice
    columns: slice
    wide: tuple[slice, slice]

    @staticmethod
    def alone(rows: slice, columns: slice) -> Block:
        """A block without a margin."""
        return Block(rows, columns, (rows, columns))

    @property
    def own(self) -> tuple[slice, slice]:
        return self.rows, self.columns

    @property
    def inner(self) -> tuple[slice, slice]:
        """Where the block lies in its wide version."""
        first, left = self.wide[0].start, self.wide[1].start
        return (
            slice(self.rows.start - first, self.rows.stop - first),
            slice(self.columns.start - left, self.columns.stop - left),
        )


def tiles(wanted: np.ndarray, margin: int = MARGIN) -> Iterator[Block]:
    """Blocks of a picture in which something of a matte [H, W] is wanted: tiles, those side by side as one."""
    height, width = wanted.shape
    for top in range(0, height, TILE):
        rows = slice(top, min(top + TILE, height))
        wide = slice(max(top - margin, 0), min(rows.stop + margin, height))
        for left, right in _runs(np.asarray(wanted[rows].any(axis=0))):
            columns = slice(left, min(right, width))
            yield Block(rows, columns, (wide, slice(max(left - margin, 0), min(columns.stop + margin, width))))


def _runs(wanted: np.ndarray) -> Iterator[tuple[int, int]]:
    """From where to where the tiles reach in which some of the columns [W] are wanted, `RUN` tiles at most at once."""
    first = None
    for left in range(0, len(wanted) + TILE, TILE):
        some = wanted[left : left + TILE].any()
        if first is not None and (not some or left - first >= RUN * TILE):
            yield first, left
            first = None
        if some and first is None:
            first = left


def mean(image: np.ndarray, size: int = WINDOW) -> np.ndarray:
    """Smooth windowed mean: a box twice."""
    for _ in range(2):
        image = cv2.blur(image, (size, size), borderType=cv2.BORDER_REPLICATE)
    return image


def known(there: Coarse, target: np.ndarray) -> np.ndarray:
    """1 where positions [h, w, 2] are inside the other frame and not hidden there, else 0."""
    return (sample(there.known, target, cv2.INTER_LINEAR, outside=0) > 0.99).astype(np.float32)


def picked(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Pixels [n(, C)] of an image [H, W(, C)] at places [n] of it flattened: faster than by a mask of bools."""
    return np.take(image.reshape(-1, *image.shape[2:]), at, axis=0)


def placed(values: np.ndarray, at: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An image [H, W(, C)] of a `shape` (H, W) with values [n(, C)] at places [n] of it flattened, 0 elsewhere."""
    out = np.zeros((*shape, *values.shape[1:]), values.dtype)
    out.reshape(-1, *values.shape[1:])[at] = values
    return out
