"""Sub-pixel alignment of a neighbour to this frame around a hole: camera motion, dense residual, local refinement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from onelight.temporal import encode
from onelight.temporal.flow import LONGEST, between, covered, doubt, positions, resized, sample

MATCHED = 1024  # pixels of the longest side, roughly, at which frames are matched
TILE = 64  # pixels a side of the blocks in which the work is done, where there is a hole
RUN = 8  # blocks side by side that are worked on at once: margins that overlap are seen once
FETCHED = 8  # pixels that are looked at to fetch one
MARGIN = 24  # pixels around them that are seen as well
WINDOW = 15  # pixels a side of the windows in which motion is refined, taken twice
STEPS = 2
FLAT = 0.02  # stops a pixel: slopes below it say nothing about motion
STRAY = 0.15  # stops: a difference above it is not held against the motion
SEEN = 0.25  # share of a window that must be seen for it to say how things move
FARTHEST = 3.0  # pixels that refinement may move: beyond it found something else
MISSED = 0.7  # pixels, at the size motion is looked for, that forward and backward motion may miss each other
BESIDE = 13  # pixels, at that size, across which what is hidden disturbs the motion
CORNERS, APART, FEWEST = 400, 8, 12  # corners the camera's motion is read off: how many, how far apart, at least
CLOSE = 0.7  # pixels by which a corner may miss the camera's motion
FREEDOM = 0.97  # share of the difference that must be left by a motion of more freedom
LARGE = 0.1  # stops: detail above it counts no more
FAINT = 0.04  # stops: differences below it do not speak against the camera's motion


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
    free: np.ndarray  # [y, x] 1 where the small picture, in which motion is looked for, shows nothing hidden
    small: np.ndarray  # [y, x] that picture in stops, what is hidden filled smoothly: there is no wire to follow
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
        small = encode.spread(encode.shrink(stops, LONGEST), free)
        detail = np.clip(small - mean(small, 9), -LARGE, LARGE)
        return Coarse(size, factor, level, colour, known, stops, free, small, detail)


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
    def bare(self) -> np.ndarray:
        """`linear`, what is hidden filled smoothly from around it, so that what is fetched beside it does not ring."""
        out = self.linear.copy()
        for block in tiles(self.hidden, FETCHED):
            seen = 1 - self.hidden[block.wide]
            out[block.own] = encode.spread(self.linear[block.wide], seen)[block.inner]
        return out


@dataclass(frozen=True)
class Motion:
    """Motion of the background from here to there on the grid of matching, in its pixels: `flow` [h, w, 2].

    `agreed` [h, w] in 0..1 says how far both directions agree.
    """

    flow: np.ndarray
    agreed: np.ndarray


def motion(here: Coarse, there: Coarse, vectors: np.ndarray | None = None, forward: np.ndarray | None = None) -> Motion:
    """How the background moves, through what is hidden as well, to about half a pixel.

    Dense flow in both directions; through the hole it goes on as the camera's motion (a homography) plus whatever
    departs from it around the hole. `vectors` [H, W, 2], in full-size pixels, overrule it. `forward` is the flow
    between the two small pictures, where it is known already.
    """
    height, width = here.stops.shape
    if vectors is not None:
        given = encode.blocks(np.asarray(vectors, np.float32), here.factor) / np.float32(here.factor)
        known = cv2.erode(here.known, np.ones((3, 3), np.uint8))
        return Motion(encode.spread(given, known), np.ones((height, width), np.float32))
    forward = between(here.small, there.small) if forward is None else forward
    backward = between(there.small, here.small)
    trust = here.free / (1 + np.square(np.square(doubt(forward, backward) / np.float32(MISSED))))
    camera = _camera(here, there, forward, trust)
    steady = _explained(here, there, camera, forward)
    trust = np.maximum(trust, here.free * steady)
    departs = (forward - camera) * (1 - steady)[..., None]
    whole = camera + encode.spread(departs, trust)
    # what was filled in either frame pulls at the motion beside it, so agreement is read off a little farther away
    shown = sample(there.free, positions(forward.shape) + whole, cv2.INTER_LINEAR)
    clear = cv2.erode(np.minimum(here.free, shown), np.ones((BESIDE, BESIDE), np.uint8))
    agreed = np.minimum(2 * encode.spread(trust, clear), 1)
    return Motion(resized(whole, (height, width)), cv2.resize(agreed, (width, height), interpolation=cv2.INTER_LINEAR))


def _camera(here: Coarse, there: Coarse, flow: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """The flow [h, w, 2] of the camera alone: none, a similarity or a homography, whichever explains most.

    More freedom is taken only where it helps: corners that follow the noise of a bare wall agree on anything.
    """
    grid, best = positions(flow.shape), np.zeros_like(flow)
    picture = cv2.normalize(here.small, np.empty(0), 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    corners = cv2.goodFeaturesToTrack(picture, CORNERS, 0.01, APART, mask=(trust > 0.5).astype(np.uint8))
    if corners is None or len(corners) < FEWEST:
        return best
    points = corners.reshape(-1, 2)
    x, y = points.astype(np.int64).T
    moved = points + flow[y, x]
    # OpenCV draws the same samples in every call: RANSAC gives the same answer whatever ran before
    similar, _ = cv2.estimateAffinePartial2D(points, moved, None, cv2.RANSAC, CLOSE)
    free, _ = cv2.findHomography(points, moved, cv2.RANSAC, CLOSE, maxIters=500, confidence=0.999)
    least = _unexplained(here, there, best)
    for found in (None if similar is None else np.vstack([similar, (0, 0, 1)]), free):
        if found is not None:
            whole = (
                cv2.perspectiveTransform(grid.reshape(-1, 1, 2), found).reshape(flow.shape).astype(np.float32) - grid
            )
            missed = _unexplained(here, there, whole)
            if missed < FREEDOM * least:
                best, least = whole, missed
    return best


def _unexplained(here: Coarse, there: Coarse, flow: np.ndarray) -> float:
    """How far the detail of the small pictures differs along a flow, in stops; strong edges count like faint ones."""
    target = positions(flow.shape) + flow
    weight = here.free * sample(there.free, target, cv2.INTER_LINEAR, outside=0)
    error = np.abs(here.detail - sample(there.detail, target, cv2.INTER_LINEAR))
    return float((weight * error).sum() / (weight.sum() + 1))


def _explained(here: Coarse, there: Coarse, camera: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Where the camera's motion explains the picture as well as a free flow does, [h, w] in 0..1.

    On a bare wall a free flow follows the noise.
    """
    grid, missed, bias = positions(flow.shape), [], None
    for candidate in (camera, flow):
        moved = grid + candidate
        weight = here.free * sample(there.free, moved, cv2.INTER_LINEAR, outside=0)
        error = here.small - sample(there.small, moved, cv2.INTER_LINEAR)
        bias = np.float32(np.median(error)) if bias is None else bias
        error -= bias
        total, share = cv2.split(mean(cv2.merge([weight * error * error, weight]), BESIDE))
        missed.append(total / (share + np.float32(1e-3)))
    return np.clip(2 - missed[0] / (2 * missed[1] + np.float32(FAINT**2)), 0, 1)


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


def refined(here: Coarse, there: Coarse, wide: tuple[slice, slice], flow: np.ndarray) -> np.ndarray:
    """The flow [h, w, 2] of a block made exact to a fraction of a pixel, from what is around the hole in both frames.

    Lucas & Kanade 1981 in smooth windows, local differences of exposure taken out, weights against what does not
    match (Black & Anandan 1996), slopes of the mean of both pictures.
    """
    rows, columns = wide
    start, support, target = flow, np.zeros(0), positions(flow.shape, columns.start, rows.start)
    seen, free = here.stops[wide], here.known[wide]
    for _ in range(STEPS):
        moved = sample(there.stops, target + flow, cv2.INTER_CUBIC)
        weight = free * known(there, target + flow)
        differs = seen - moved
        around = mean(cv2.merge([weight, weight * differs]))
        differs = differs - around[..., 1] / (around[..., 0] + np.float32(1e-4))
        weight = weight / (1 + (differs / np.float32(STRAY)) ** 2)
        both = (seen + moved) / 2
        right = cv2.Scharr(both, -1, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
        down = cv2.Scharr(both, -1, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
        x, y = weight * right, weight * down
        a, b, c, p = cv2.split(mean(cv2.merge([x * right, x * down, y * down, x * differs])))
        q, support = cv2.split(mean(cv2.merge([y * differs, weight])))
        damping = np.float32(FLAT**2) * support + np.float32(1e-9)
        a, c = a + damping, c + damping
        scale = 1 / (a * c - b * b)
        flow = flow + np.clip(cv2.merge([(c * p - b * q) * scale, (a * q - b * p) * scale]), -1.5, 1.5)
    if support.min() < SEEN:  # in the middle of a wide hole, or beyond it, a few pixels say less than what is around
        flow = start + encode.spread(flow - start, np.minimum(np.square(support * np.float32(1 / SEEN)), 1))
    stray = np.hypot(flow[..., 0] - start[..., 0], flow[..., 1] - start[..., 1]) > FARTHEST
    flow[stray] = start[stray]
    return flow


def known(there: Coarse, target: np.ndarray) -> np.ndarray:
    """1 where positions [h, w, 2] are inside the other frame and not hidden there, else 0."""
    return (sample(there.known, target, cv2.INTER_LINEAR, outside=0) > 0.99).astype(np.float32)
