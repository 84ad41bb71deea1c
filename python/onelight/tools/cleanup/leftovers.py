"""What no frame shows is interpolated from around it, along the edges that run into the hole.

An anisotropic diffusion brought to rest: Weickert's coherence-enhancing diffusion (1999) as an interpolation, with the
structure tensor of what is known first and of the filled picture itself then. The directions come from the surround, so
edges go on through a hole; where the surround shows none, a pixel listens to the two sides of its wire rather than to
what is further along it. Wide holes are begun at half their size, as often as they need it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.sparse import csr_matrix

from onelight.temporal.encode import spread

TOE = 0.25  # of the middle level: the coding is linear below it, so that noise about black counts little
LINKS = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))  # (down, right): 22.5 degrees apart
REACH = 2  # pixels that a link spans at most
FAR = 0.5  # what a link of a knight's move weighs, of one of its length
STRICT = 20.0  # how much less goes across a clear edge than along it, as a power of e
LEAK = 1e-3  # what goes across the clearest edge, so that no pixel is left alone
FLAT = 0.002  # (stops per pixel) squared: slopes below it have no direction
SPREAD = 2.5  # pixels over which directions are averaged
ACROSS = 0.7  # where there is no direction: how much less goes along the wire than across it, as a power of e
THICK = 12.0  # a hole that is deeper than this is begun at half the size
DEEP = 2 * THICK  # px from the rim beyond which the finer picture has nothing to add
HELD, LEAST_MOST = 1.0, (0.2, 100.0)  # how much a rim's pixel keeps to itself, per slope over grain; bounds
GRAINY = 2.0  # times its variance: slopes squared that may be grain
ROUNDS = 2  # how often directions are taken from the filled picture
STEPS, CLOSE = 64, 1e-4  # of the solver: at most, and the mean change in stops at which it ends


@dataclass(frozen=True)
class Gap:
    """A picture with a hole, all of one size."""

    code: np.ndarray  # [H, W, 3] float32 as `coded`; anything in the hole
    hole: np.ndarray  # [H, W] bool: to be filled
    known: np.ndarray  # [H, W] bool: what may be looked at, none of it in the hole
    along: np.ndarray  # [H, W, 2] the direction a of the wire as (cos 2a, sin 2a); 0 where nobody knows it
    noise: np.ndarray | None = None  # [H, W] variance of the grain; None: no grain


def coded(linear: np.ndarray, level: float) -> np.ndarray:
    """Linear light [..., C] as float32 stops about `level`: logarithmic above the toe, linear and signed below it."""
    light = np.asarray(linear, np.float32)
    return np.arcsinh(light * np.float32(0.5 / (TOE * level))) / np.float32(np.log(2))


def decoded(code: np.ndarray, level: float) -> np.ndarray:
    """The inverse of `coded`."""
    return np.sinh(code * np.float32(np.log(2))) * np.float32(2 * TOE * level)


def per_stop(linear: np.ndarray, level: float) -> np.ndarray:
    """How much linear light one coded stop is, at linear light [...]."""
    return np.hypot(linear, np.float32(2 * TOE * level)) * np.float32(np.log(2))


def interpolated(gap: Gap) -> np.ndarray:
    """The code [H, W, 3] with the hole filled. Where nothing is known at all, or in reach, the hole stays as it is."""
    if not gap.hole.any() or not gap.known.any():
        return gap.code
    depth = cv2.distanceTransform(gap.hole.astype(np.uint8), cv2.DIST_L2, 5)
    filled, seen = gap.code, gap.known
    if depth.max() > THICK and min(gap.hole.shape) > 4:
        filled, seen = _from_coarser(gap), gap.known | gap.hole
        gap = replace(gap, hole=gap.hole & (depth <= DEEP), known=gap.known | (depth > DEEP), code=filled)
        start = filled[gap.hole]
    else:
        start = _guessed(gap)
    graph, filled = _Graph.of(gap), filled.copy()
    for _ in range(ROUNDS):
        start = graph.diffused(_tensor(filled, seen), start)
        filled[gap.hole] = start
        seen = gap.known | gap.hole
    return filled


def _guessed(gap: Gap) -> np.ndarray:
    """What the hole's pixels [N, 3] are about: what is known around them, smoothly."""
    share = _halved(gap.known.astype(np.float32))
    small = _halved(gap.code * gap.known[..., None]) / np.maximum(share, np.float32(1e-6))[..., None]
    rows, columns = np.nonzero(gap.hole)
    return spread(small, np.minimum(share * 4, 1))[rows // 2, columns // 2]


def _from_coarser(gap: Gap) -> np.ndarray:
    """The code with the hole filled as half the picture's size shows it."""
    height, width = gap.hole.shape
    weight = gap.known.astype(np.float32)
    share, hidden = _halved(weight), _halved(gap.hole.astype(np.float32))
    code = _halved(gap.code * weight[..., None]) / np.maximum(share, np.float32(1e-6))[..., None]
    hole = (hidden > 0) & (share < 0.5)
    less = interpolated(Gap(code, hole, (share > 0) & ~hole, _halved(gap.along)))
    up = cv2.resize(less, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return np.where(gap.hole[..., None], up, gap.code)


def _tensor(code: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The structure tensor (xx, xy, yy) of what is seen, averaged and carried over what is not.

    At half the size [(H + 1) // 2, (W + 1) // 2, 3]: it is smooth, and four times as fast.
    """
    grey = cv2.transform(code, np.full((1, 3), 1 / 3, np.float32))
    x, y = (cv2.Scharr(grey, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0))
    inner = cv2.erode(seen.astype(np.float32), np.ones((3, 3), np.uint8))
    x, y = x * inner, y * inner
    half = cv2.merge([_halved(image) for image in (x * x, x * y, y * y, inner)])
    total = cv2.GaussianBlur(half, (0, 0), SPREAD / 2, borderType=cv2.BORDER_REFLECT_101)
    return total[..., :3] / np.maximum(total[..., 3:], np.float32(1e-6))


def _halved(image: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels, the last row and column held where their number is odd."""
    height, width = image.shape[:2]
    even = (
        cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        if height % 2 | width % 2
        else image
    )
    return cv2.resize(even, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class _Graph:
    """The pixels of a hole and its rim [N] and those around it, the band [B], linked on the ways of `LINKS`.

    The rim is brought to rest with the hole, held to what was shot as far as it is not grain: a hole that begins at
    single grains would be streaked by them, and streaks change from frame to frame.
    """

    band: tuple[np.ndarray, np.ndarray]  # rows and columns [B]
    mine: np.ndarray  # [N] places of the hole's and the rim's pixels in the band
    own: np.ndarray  # [N] bool: those of the hole itself
    noise: np.ndarray  # [B] variance of the grain
    there: np.ndarray  # [N, 16] place in the band that each is linked to, on each way and back
    usable: np.ndarray  # [N, 16] float32, 1 where there is something to listen to
    inner: np.ndarray  # [N, 16] float32, 1 where that is in the hole itself
    order: np.ndarray  # [N, 16] which of the hole's pixels it is then
    values: np.ndarray  # [B, 3] code
    along: np.ndarray  # [B, 2]

    @staticmethod
    def of(gap: Gap) -> _Graph:
        """The graph of a gap's hole."""
        link = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
        rim = gap.hole
        if gap.noise is not None:
            rim = gap.hole | ((cv2.dilate(gap.hole.astype(np.uint8), link) > 0) & gap.known)
        band = cv2.dilate(rim.astype(np.uint8), link) > 0
        rows, columns = np.nonzero(band)
        number = np.full((band.shape[0] + 2 * REACH, band.shape[1] + 2 * REACH), -1, np.int32)
        number[rows + REACH, columns + REACH] = np.arange(len(rows), dtype=np.int32)
        hole, free = gap.hole[rows, columns], rim[rows, columns]
        usable = hole | gap.known[rows, columns]
        mine = np.flatnonzero(free)
        own, values = hole[mine], np.where(hole[:, None], 0, gap.code[rows, columns])
        noise = np.zeros(len(rows), np.float32) if gap.noise is None else gap.noise[rows, columns]
        order = np.zeros(len(rows), np.int32)
        order[mine] = np.arange(len(mine), dtype=np.int32)
        down, right = np.array([*LINKS, *(-np.array(LINKS))]).T
        stride = number.shape[1]
        start = (rows[mine] + REACH) * stride + columns[mine] + REACH
        there = number.ravel()[start[:, None] + (down * stride + right)]
        inside = there >= 0
        return _Graph(
            (rows, columns),
            mine,
            own,
            noise,
            there,
            (inside & usable[there]).astype(np.float32),
            (inside & free[there]).astype(np.float32),
            order[there],
            values,
            gap.along[rows, columns],
        )

    def diffused(self, tensor: np.ndarray, start: np.ndarray) -> np.ndarray:
        """The hole's pixels [n, 3] brought to rest, from `start`, as the structure tensor leads."""
        from onelight.tools.cleanup.kernels import at_rest

        leads = tensor[self.band[0] // 2, self.band[1] // 2]
        ways = self._conductance(leads, np.float32(FLAT) + self.noise * np.float32(GRAINY))
        both = np.concatenate([ways, ways], axis=1)
        weight = (both[self.mine] + np.take_along_axis(both, self.there, axis=0)) * self.usable
        total = weight.sum(axis=1)
        pointers = np.arange(len(self.mine) + 1, dtype=np.int32) * weight.shape[1]
        size = len(self.mine), len(self.values)
        outer = csr_matrix(
            ((weight * (1 - self.inner)).ravel(), np.maximum(self.there, 0).ravel(), pointers), shape=size
        )
        mine = self.values[self.mine]
        slope, grains = (leads[:, 0] + leads[:, 2])[self.mine], np.maximum(self.noise[self.mine], np.float32(1e-12))
        held = np.where(self.own, 0, total * np.clip(HELD * slope / grains - 1, *LEAST_MOST))
        begin = mine.copy()
        begin[self.own] = start
        given = outer @ self.values + held[:, None] * mine
        total = total + held
        close = np.float32(CLOSE**2) * total.sum()
        return at_rest(self.order, weight * self.inner, total, given, begin, STEPS, close)[self.own]

    def _conductance(self, tensor: np.ndarray, flat: np.ndarray) -> np.ndarray:
        """How well each pixel of the band passes values on each way of `LINKS`, [B, 8], for its tensor [B, 3].

        Slopes squared below `flat` [B] have no direction.
        """
        down, right = np.array(LINKS, np.float32).T
        length = down * down + right * right
        turned = np.stack([right * right - down * down, 2 * down * right]) / length  # of each way: its 2a as a unit
        lean = np.stack([tensor[:, 0] - tensor[:, 2], 2 * tensor[:, 1]], axis=1)
        slope = np.sqrt((lean * lean).sum(axis=1))
        clear = (slope / (tensor[:, 0] + tensor[:, 2] + flat)) ** 2
        # squared cosines between each way and the slope, and the wire, as (1 + cos 2a) / 2
        strict, across = np.float32(STRICT / 2) * clear, np.float32(ACROSS / 2) * (1 - clear)
        turn = lean * (strict / np.maximum(slope, np.float32(1e-20)))[:, None] + self.along * across[:, None]
        known = np.sqrt((self.along * self.along).sum(axis=1))
        refused = (strict + across * known)[:, None] + turn @ turned
        return np.where(length > 2, FAR, 1).astype(np.float32) / length * (np.exp(-refused) + np.float32(LEAK))
