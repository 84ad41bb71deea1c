"""Patterns in space (clouds, veins, rings, stripes, courses of brick) and drawn sheets (dead leaves, cloth, print)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates

from onelight.soundstage.noise import Floats, rotation, smoothstep

_VOXELS = 96  # edge of the volumes that hold ready noise: one look-up costs as much as one octave would
_SHEET = 512  # edge of a drawn sheet, pixels

Pattern = Callable[[np.random.Generator, np.ndarray, float], Floats]
Sheet = Callable[[np.random.Generator, np.ndarray], Floats]


@lru_cache(maxsize=2)
def _volume(fractal: bool) -> Floats:
    """Noise that repeats at its borders, zero mean and unit variance: a sum of octaves, or one narrow band.

    It is the same in every process; places and turns, which come from the scene's generator, make the variety.
    """
    white = np.random.default_rng(0).standard_normal((_VOXELS,) * 3, np.float32)
    cycles = fft.fftfreq(_VOXELS, 1 / _VOXELS).astype(np.float32)
    distance = np.sqrt(cycles[:, None, None] ** 2 + cycles[:, None] ** 2 + cycles[: _VOXELS // 2 + 1] ** 2)
    if fractal:
        gain = np.where(distance < 3, 0, np.maximum(distance, 1) ** -2.7) * np.exp(-((distance / 36) ** 2))
    else:
        gain = np.exp(-(((distance - 10) / 4) ** 2))
    volume = np.asarray(fft.irfftn(fft.rfftn(white) * gain, s=white.shape), np.float32)  # pyright: ignore[reportArgumentType, reportCallIssue]
    volume = (volume - volume.mean()) / volume.std()
    volume.flags.writeable = False
    return volume


def _looked_up(
    rng: np.random.Generator, points: np.ndarray, voxels_per_metre: float, fractal: bool, order: int = 1
) -> Floats:
    turn, offset = rotation(rng).astype(np.float32), rng.uniform(0, _VOXELS, 3).astype(np.float32)
    at = np.asarray(points, np.float32) @ (turn.T * np.float32(voxels_per_metre)) + offset
    return np.asarray(
        map_coordinates(_volume(fractal), at.T, np.float32, order, "grid-wrap", prefilter=False), np.float32
    )


def clouds(rng: np.random.Generator, points: np.ndarray, size: float, smooth: bool = False) -> Floats:
    """Fractal noise [N] at points [N, 3], zero mean and unit variance; its largest lumps measure `size` metres.

    `smooth` has no creases, at twice the cost: for shapes, whose shading would show them.
    """
    return _looked_up(rng, points, _VOXELS / 8 / size, True, 2 if smooth else 1)


def grains(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """Noise [N] of one size of lump, `size` metres, at points [N, 3]; zero mean and unit variance."""
    return _looked_up(rng, points, _VOXELS / 20 / size, False)


# ---- patterns: 0 to 1 at points [N, 3], for features of about `size` metres


def veins(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """Thin branching lines where fractal noise crosses zero."""
    return np.exp(-np.abs(clouds(rng, points, size * 2)) / np.float32(rng.uniform(0.04, 0.2)))


def marble(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """Bands along a random axis that noise has bent (Perlin 1985)."""
    axis = rotation(rng)[0] * (2 * np.pi / size)
    return (0.5 + 0.5 * np.sin(points @ axis + rng.uniform(1, 3.5) * clouds(rng, points, size * 2))).astype(np.float32)


def rings(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """Year rings about an axis outside or inside the thing: slow rise, quick fall, with grain along the axis."""
    turn = rotation(rng)
    local = points @ turn.T
    across = local[:, :2] + rng.normal(0, 4 * size, 2)
    distance = np.hypot(*across.T) / (size * 0.35) + 0.25 * clouds(rng, local * (1, 1, 0.25), size * 3)
    return ((distance % 1.0) ** rng.uniform(1, 3) * 0.85).astype(np.float32)


def speckle(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """Separate specks, few or many."""
    threshold = rng.uniform(0.4, 1.8)
    return smoothstep(threshold - 0.15, threshold + 0.15, grains(rng, points, size * 0.3)).astype(np.float32)


def stains(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """Regions with ragged borders, soft or crisp."""
    threshold, edge = rng.uniform(-0.5, 1.0), rng.uniform(0.05, 0.8)
    return smoothstep(threshold - edge, threshold + edge, clouds(rng, points, size * 3)).astype(np.float32)


def stripes(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """Straight or slightly wandering stripes across a random axis, or round the upright one as on thrown pots."""
    axis = rotation(rng)[0] if rng.random() < 0.6 else np.array([0.0, 1.0, 0.0])
    phase = points @ axis / size
    if rng.random() < 0.4:
        phase = phase + 0.15 * clouds(rng, points, size * 4)
    share = rng.uniform(0.15, 0.6)
    return smoothstep(share - 0.04, share + 0.04, np.abs(phase % 1.0 - 0.5) * 2).astype(np.float32)


def checks(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """A chequered block in space, with crisp borders."""
    local = points @ rotation(rng).T / size
    sign = np.sin(np.pi * local).prod(1)
    return smoothstep(-0.1, 0.1, sign).astype(np.float32)


def dots(rng: np.random.Generator, points: np.ndarray, size: float) -> Floats:
    """Balls on a lattice, each a little out of its place: polka dots, pebbles in terrazzo."""
    local = points @ rotation(rng).T / size
    cell = np.floor(local)
    shift = (hashed(cell[:, 0], cell[:, 1] + 31 * cell[:, 2])[:, None] - 0.5) * rng.uniform(0, 0.5)
    radius = rng.uniform(0.2, 0.4)
    return smoothstep(radius + 0.04, radius - 0.04, np.linalg.norm(local - cell - 0.5 + shift, axis=1)).astype(
        np.float32
    )


PATTERNS: dict[str, Pattern] = {
    pattern.__name__: pattern for pattern in (veins, marble, rings, speckle, stains, stripes, checks, dots)
}


def hashed(a: np.ndarray, b: np.ndarray, salt: float = 0.0) -> Floats:
    """A number in 0..1 for each pair of whole numbers, as good as random."""
    return (np.abs(np.sin(a * 12.9898 + b * 78.233 + salt * 37.719) * 43758.5453) % 1.0).astype(np.float32)


def courses(
    u: np.ndarray, v: np.ndarray, width: float, height: float, joint: float, stagger: float = 0.5
) -> tuple[Floats, Floats]:
    """Bricks, slabs or planks at places (u, v), metres: a number in 0..1 for each, and 1 inside, 0 in the joint."""
    row = np.floor(v / height)
    along = u / width + row * stagger
    column = np.floor(along)
    edge = np.minimum(0.5 - np.abs(along - column - 0.5), 1) * width
    edge = np.minimum(edge, (0.5 - np.abs(v / height - row - 0.5)) * height)
    return hashed(column, row), smoothstep(joint * 0.4, joint * 0.9, edge).astype(np.float32)


# ---- sheets: pictures [512, 512, 3], linear, drawn from a palette [K, 3]


def _softened(sheet: np.ndarray) -> Floats:
    """The sheet with edges about as soft as a lens draws them."""
    return np.asarray(cv2.GaussianBlur(sheet, (0, 0), 1.0), np.float32)


def dead_leaves(rng: np.random.Generator, palette: np.ndarray) -> Floats:
    """Discs and polygons of all sizes that hide one another: edges at every scale, as in photographs (Lee 2001)."""
    sheet = np.empty((_SHEET, _SHEET, 3), np.float32)
    sheet[:] = palette[0]
    count, smallest = 700, rng.uniform(4, 12)
    # Sizes fall with the cube, which makes the picture look the same at every magnification.
    radius = 1 / np.sqrt(rng.uniform(1 / 160**2, 1 / smallest**2, count))
    centre = rng.uniform(0, _SHEET, (count, 2)).astype(int)
    colours = np.clip(palette[rng.integers(0, len(palette), count)] * rng.lognormal(0, 0.25, (count, 1)), 0.02, 0.9)
    corners, turn = rng.integers(3, 9, count), rng.uniform(0, 2 * np.pi, count)
    flat = rng.uniform(0.3, 1, count)
    for i in range(count):
        colour = tuple(float(value) for value in colours[i])
        if corners[i] > 6:
            size = (max(1, int(radius[i])), max(1, int(radius[i] * flat[i])))
            cv2.ellipse(sheet, centre[i].tolist(), size, float(np.degrees(turn[i])), 0, 360, colour, -1)
        else:
            angle = turn[i] + np.arange(corners[i]) * (2 * np.pi / corners[i])
            shape = centre[i] + radius[i] * np.stack([np.cos(angle), flat[i] * np.sin(angle)], 1)
            cv2.fillConvexPoly(sheet, shape.astype(np.int32), colour)
    return _softened(sheet)


def tartan(rng: np.random.Generator, palette: np.ndarray) -> Floats:
    """Cloth woven of coloured threads: the same order of stripes along and across."""
    period = int(rng.integers(24, 128))
    borders = np.sort(rng.integers(0, period, int(rng.integers(2, 9))))
    order = np.searchsorted(borders, np.arange(_SHEET) % period)
    threads = palette[rng.integers(0, len(palette), len(borders) + 1)][order]
    twill = ((np.arange(_SHEET)[:, None] + np.arange(_SHEET)) // 3 % 2)[..., None].astype(np.float32) * 0.4 + 0.3
    return _softened((threads[:, None] * twill + threads[None] * (1 - twill)).astype(np.float32))


def motif(rng: np.random.Generator, palette: np.ndarray) -> Floats:
    """Printed cloth or wallpaper: a small figure of a few discs and polygons, mirrored and repeated."""
    edge = int(rng.choice([32, 64, 128]))
    tile = np.empty((edge, edge, 3), np.float32)
    tile[:] = palette[0]
    for _ in range(int(rng.integers(2, 7))):
        colour = tuple(float(value) for value in palette[rng.integers(0, len(palette))])
        shape = rng.uniform(0, edge, 2) + rng.normal(0, edge / 5, (int(rng.integers(3, 7)), 2))
        if rng.random() < 0.5:
            cv2.circle(tile, rng.integers(0, edge, 2).tolist(), int(edge * rng.uniform(0.05, 0.3)), colour, -1)
        else:
            cv2.fillConvexPoly(tile, cv2.convexHull(shape.astype(np.int32)), colour)
    tile = np.concatenate([tile, tile[:, ::-1]], 1)
    tile = np.concatenate([tile, tile[::-1]], 0)
    times = _SHEET // len(tile)
    return _softened(np.tile(tile, (times, times, 1)))


def label(rng: np.random.Generator, palette: np.ndarray) -> Floats:
    """Print as on packets and posters: a ground, a few big shapes, headlines and lines of small type."""
    sheet = np.empty((_SHEET, _SHEET, 3), np.float32)
    sheet[:] = palette[0]
    for _ in range(int(rng.integers(2, 6))):
        colour = tuple(float(value) for value in palette[rng.integers(0, len(palette))])
        low = rng.integers(0, _SHEET, 2)
        if rng.random() < 0.5:
            cv2.rectangle(sheet, low.tolist(), (low + rng.integers(20, 400, 2)).tolist(), colour, -1)
        else:
            cv2.circle(sheet, low.tolist(), int(rng.integers(15, 140)), colour, -1)
    ink = tuple(float(value) for value in palette[-1])
    top = int(rng.integers(0, 60))
    while top < _SHEET:
        height = int(rng.choice([5, 7, 10, 28, 50], p=[0.35, 0.25, 0.2, 0.12, 0.08]))
        left, end = int(rng.integers(10, 60)), int(rng.integers(200, _SHEET))
        while left < end and rng.random() < 0.97:
            word = int(height * rng.uniform(0.8, 4))
            cv2.rectangle(sheet, (left, top), (min(left + word, end), top + height), ink, -1)
            left += word + max(2, height // 2)
        top += height * 2 + int(rng.integers(0, 40) ** 2 // 20)
    return _softened(sheet)


SHEETS: dict[str, Sheet] = {sheet.__name__: sheet for sheet in (dead_leaves, tartan, motif, label)}


def projected(sheet: np.ndarray, uv: np.ndarray) -> Floats:
    """The sheet's colours [N, 3] at places uv [N, 2], in sheets; beyond its borders it is mirrored."""
    columns = 256  # remap takes places as a picture, whose sides stay below 32768
    rows = -(-len(uv) // columns)
    at = np.zeros((rows * columns, 2), np.float32)
    at[: len(uv)] = np.asarray(uv, np.float32) * _SHEET
    # OpenCV mirrors border after border; folding first keeps places far out exact.
    at = (_SHEET - 1) - np.abs(at % (2 * _SHEET) - (_SHEET - 1))
    found = cv2.remap(sheet, at.reshape(rows, columns, 2), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return found.reshape(-1, 3)[: len(uv)]
