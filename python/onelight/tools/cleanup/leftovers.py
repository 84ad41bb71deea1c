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

TOE = 2.0**-5  # of the middle level: below it the coding is linear, so that noise about black counts little
LINKS = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))  # (down, right): 22.5 degrees apart
REACH = 2  # pixels that a link spans at most
FAR = 0.5  # what a link of a knight's move weighs, of one of its length
STRICT = 20.0  # how much less goes across a clear edge than along it, as a power of e
FLAT = 0.002  # (stops per pixel) squared: slopes below it have no direction
SPREAD = 2.5  # pixels over which directions are averaged
ACROSS = 0.7  # where there is no direction: how much less goes along the wire than across it, as a power of e
THICK = 7.0  # a hole that is deeper than this is begun at half the size
DEEP = 3 * THICK  # px from the rim beyond which the finer picture has nothing to add
ROUNDS = 2  # how often directions are taken from the filled picture
STEPS, CLOSE = 24, 1e-3  # of the solver: at most, and where it stops


@dataclass(frozen=True)
class Gap:
    """A picture with a hole, all of one size."""

    code: np.ndarray  # [H, W, 3] float32 as `coded`; anything in the hole
    hole: np.ndarray  # [H, W] bool: to be filled
    known: np.ndarray  # [H, W] bool: what may be looked at, none of it in the hole
    along: np.ndarray  # [H, W, 2] the direction a of the wire as (cos 2a, sin 2a); 0 where nobody knows it


def coded(linear: np.ndarray, level: float) -> np.ndarray:
    """Linear light [..., C] as float32 stops about `level`: logarithmic above the toe, linear and signed below it."""
    return np.arcsinh(linear * np.float32(0.5 / (TOE * level))) / np.float32(np.log(2))


def decoded(code: np.ndarray, level: float) -> np.ndarray:
    """The inverse of `coded`."""
    return np.sinh(code * np.float32(np.log(2))) * np.float32(2 * TOE * level)


def interpolated(gap: Gap) -> np.ndarray:
    """The code [H, W, 3] with the hole filled. Where nothing is known at all, or in reach, the hole stays as it is."""
    if not gap.hole.any() or not gap.known.any():
        return gap.code
    depth = cv2.distanceTransform(gap.hole.astype(np.uint8), cv2.DIST_L2, 5)
    if depth.max() > THICK and min(gap.hole.shape) > 4:
        filled, directions = _from_coarser(gap), False
        gap = replace(gap, hole=gap.hole & (depth <= DEEP), known=gap.known | (depth > DEEP), code=filled)
    else:
        filled, directions = _diffused(gap, np.zeros((int(gap.hole.sum()), 3)), None), True
    for turn in range(ROUNDS):
        seen = gap.known if directions and turn == 0 else gap.known | gap.hole
        start = filled[gap.hole]
        filled = _diffused(replace(gap, code=filled), start, _tensor(filled, seen))
    return filled


def _from_coarser(gap: Gap) -> np.ndarray:
    """The code with the hole filled as half the picture's size shows it."""
    height, width = gap.hole.shape
    down, right = height % 2, width % 2
    size = ((width + 1) // 2, (height + 1) // 2)

    def half(image: np.ndarray) -> np.ndarray:
        even = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REPLICATE)
        return cv2.resize(even, size, interpolation=cv2.INTER_AREA)

    weight = gap.known.astype(np.float32)
    share, hidden = half(weight), half(gap.hole.astype(np.float32))
    code = half(gap.code * weight[..., None]) / np.maximum(share, np.float32(1e-6))[..., None]
    hole = (hidden > 0) & (share < 0.5)
    less = interpolated(Gap(code, hole, (share > 0) & ~hole, half(gap.along)))
    up = cv2.resize(less, (size[0] * 2, size[1] * 2), interpolation=cv2.INTER_LINEAR)[:height, :width]
    return np.where(gap.hole[..., None], up, gap.code)


def _tensor(code: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The structure tensor (xx, xy, yy) [H, W, 3] of what is seen, averaged and carried over what is not."""
    x, y = (cv2.Scharr(code, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0))
    inner = cv2.erode(seen.astype(np.float32), np.ones((3, 3), np.uint8))
    one = np.ones((1, 3), np.float32)
    raw = cv2.merge([cv2.transform(a, one) for a in (x * x, x * y, y * y)] + [np.ones_like(inner)]) * inner[..., None]
    total = cv2.GaussianBlur(raw, (0, 0), SPREAD, borderType=cv2.BORDER_REFLECT_101)
    return total[..., :3] / np.maximum(total[..., 3:], np.float32(1e-6))


def _diffused(gap: Gap, start: np.ndarray, tensor: np.ndarray | None) -> np.ndarray:
    """The code with the hole [N pixels] brought to rest, from `start` [N, 3]; no tensor: evenly in all directions."""
    band = cv2.dilate(gap.hole.astype(np.uint8), np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)) > 0
    rows, columns = np.nonzero(band)
    number = np.full((band.shape[0] + 2 * REACH, band.shape[1] + 2 * REACH), -1, np.int32)
    number[rows + REACH, columns + REACH] = np.arange(len(rows), dtype=np.int32)
    unknown = gap.hole[band]
    usable = unknown | gap.known[band]
    mine = np.flatnonzero(unknown)
    ways = _conductance(band, tensor, gap.along)
    order = np.full(len(rows), -1, np.int32)
    order[mine] = np.arange(len(mine), dtype=np.int32)
    values = gap.code[band]
    here = rows[mine] + REACH, columns[mine] + REACH
    between, where = [], []
    total, given = np.zeros(len(mine), np.float32), np.zeros((len(mine), 3), np.float32)
    for way, (down, right) in enumerate(LINKS):
        for sign in (1, -1):
            there = number[here[0] + sign * down, here[1] + sign * right]
            weight = (ways[mine, way] + ways[there, way]) * ((there >= 0) & usable[there])
            total += weight
            open_ = unknown[there] & (weight > 0)
            between.append(np.where(open_, weight, 0))
            where.append(np.where(open_, order[there], 0))
            given += np.where(open_, 0, weight)[:, None] * values[there]
    links = np.ascontiguousarray(np.stack(between, axis=1)).ravel()
    columns_of = np.ascontiguousarray(np.stack(where, axis=1)).ravel()
    pointers = np.arange(len(mine) + 1, dtype=np.int32) * (2 * len(LINKS))
    inner = csr_matrix((links, columns_of, pointers), shape=(len(mine), len(mine)))
    out = gap.code.copy()
    out[gap.hole] = _solved(inner, total, given, start.astype(np.float32))
    return out


def _conductance(band: np.ndarray, tensor: np.ndarray | None, along: np.ndarray) -> np.ndarray:
    """How well each pixel of the band passes values on each way of `LINKS`, [B, 8]."""
    down, right = np.array(LINKS, np.float32).T
    length = down * down + right * right
    base = np.where(length > 2, FAR, 1) / length
    if tensor is None:
        return np.broadcast_to(base.astype(np.float32), (int(band.sum()), len(LINKS)))
    turned = np.stack([(right * right - down * down) / length, 2 * down * right / length])  # of each way: 2a as a unit
    xx, xy, yy = tensor[band].T
    lean = np.stack([xx - yy, 2 * xy], axis=1)
    slope = np.linalg.norm(lean, axis=1)
    clear = (slope / (xx + yy + np.float32(FLAT))) ** 2
    uphill = (1 + lean @ turned / np.maximum(slope, np.float32(1e-20))[:, None]) / 2  # squared cosines
    lengthways = (np.linalg.norm(along[band], axis=1)[:, None] + along[band] @ turned) / 2
    refused = STRICT * clear[:, None] * uphill + ACROSS * (1 - clear[:, None]) * lengthways
    return (base * np.exp(-refused)).astype(np.float32)


def _solved(inner: csr_matrix, total: np.ndarray, given: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Solves total x - inner @ x = given for [N, 3] by conjugate gradients, preconditioned by the diagonal."""
    scale = (1 / np.maximum(total, np.float32(1e-12)))[:, None]
    rest = given - (total[:, None] * x - inner @ x)
    goal = np.float32(CLOSE**2) * np.maximum((given * scale * given).sum(axis=0), np.float32(1e-20))
    nearer = scale * rest
    way, energy = nearer, (rest * nearer).sum(axis=0)
    for _ in range(STEPS):
        if (energy <= goal).all():
            break
        pushed = total[:, None] * way - inner @ way
        step = energy / np.maximum((way * pushed).sum(axis=0), np.float32(1e-20))
        x, rest = x + step * way, rest - step * pushed
        nearer = scale * rest
        left = (rest * nearer).sum(axis=0)
        way, energy = nearer + left / np.maximum(energy, np.float32(1e-20)) * way, left
    return x
