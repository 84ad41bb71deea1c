"""Fine relief that any surface can wear: grain, creases, cobbles, cracks, wrinkles, hair, pores, carved lines, scales.

Each style gives heights [N] in metres at points [N, 3] of a subject of radius about 1; `width` is how wide one of its
grooves or bumps is. Heights go with widths so that slopes look like those of cut stone, cast metal, skin and cloth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from onelight.soundstage.noise import Floats, Noise, cells, rotation, scattered, smoothstep

Style = Callable[[np.random.Generator, Noise, np.ndarray, float], np.ndarray]


def grain(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Rough stone or plaster: noise down to the finest scale."""
    return 0.12 * width * noise.fractal(points, 0.7 / width, 3, rng.uniform(0.45, 0.7))


def crests(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Sharp branching crests, or with the sign turned, branching creases."""
    return rng.choice([-1, 1]) * 1.3 * width * noise.ridges(points, 0.3 / width, 3)


def lumps(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Rounded lumps that meet in creases, like muscle, dough or cauliflower."""
    return 0.9 * width * noise.billows(noise.warped(points, 0.2 / width, 0.5 * width), 0.3 / width, 3)


def cobbles(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Packed pebbles, curls or beads of about one size."""
    near, next_near, _ = cells(noise.warped(points, 0.3 / width, 0.3 * width), _seeds(rng, points, 2.2 * width))
    return rng.uniform(0.4, 0.9) * width * np.sqrt(np.clip(1 - (near / np.maximum(next_near, 1e-6)) ** 2, 0, 1))


def cracks(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Narrow grooves between plates, some deeper than others."""
    near, next_near, _ = cells(noise.warped(points, 0.3 / width, 0.6 * width), _seeds(rng, points, 8 * width))
    depth = 0.5 + 0.5 * noise.patches(points, 0.1 / width)
    return -0.9 * width * depth * (1 - smoothstep(0, 1.2 * width, next_near - near))


def wrinkles(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Roughly parallel folds, rounded above and sharp below, that come and go."""
    awry = noise.warped(points, rng.uniform(0.08, 0.2) / width, rng.uniform(0.8, 2.0) * width) @ rotation(rng)[0]
    fold = np.abs(np.sin(awry * (np.pi / (2.4 * width)) + noise(points, 0.1 / width, 6)))
    sharp = rng.uniform(0.5, 1.2)
    return 0.75 * width * fold**sharp * (0.3 + 0.7 * noise.patches(points, 0.12 / width, 0.6, 1.0))


def folds(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Drapery: long rounded folds that hang down, with sharp valleys, splitting and joining as they go."""
    hang = noise.warped(points, 0.1 / width, rng.uniform(0.5, 2) * width) @ _tilted(rng, 0.35)
    stretch = np.array([1, rng.uniform(0.1, 0.3), 1]) * 0.33 / width
    return 1.1 * width * (np.abs(noise(hang, stretch, 1)) ** 0.8 + 0.3 * np.abs(noise(hang, 2 * stretch, 2)))


def hair(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Strands side by side that follow a wandering direction: fur, hair, bark, brushed clay."""
    flow = noise.warped(points, rng.uniform(0.04, 0.1) / width, rng.uniform(1, 3) * width) @ rotation(rng)
    stretch = np.array([1, 1, rng.uniform(0.06, 0.2)]) * 0.55 / width
    strands = noise(flow, stretch, 2) + 0.5 * noise(flow, 2.0 * stretch, 3)
    return 0.3 * width * (strands + 0.7 * np.abs(strands))


def pores(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Round dimples of several sizes, apart from each other."""
    seeds = _seeds(rng, points, rng.uniform(3, 6) * width)
    near, _, which = cells(points, seeds)
    size = width * rng.uniform(0.5, 1.3, len(seeds))[which]
    return -0.8 * size * np.sqrt(np.clip(1 - (near / size) ** 2, 0, 1))


def carved(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Winding engraved lines of one width: the level lines of a smooth field."""
    frequency, levels = rng.uniform(0.05, 0.12) / width, rng.uniform(0.6, 1.5)
    phase = noise(points, frequency) * levels
    # A small step along each axis tells how steep the field is, and so how far from a line a point lies.
    step = 0.2 * width
    slope = [noise(points + step * axis, frequency) * levels - phase for axis in np.eye(3, dtype=np.float32)]
    away = np.abs(phase - np.round(phase)) / np.maximum(np.linalg.norm(slope, axis=0) / step, 0.5)
    return -0.7 * width * (1 - smoothstep(0.2 * width, 0.9 * width, away))


def terraces(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Soft steps along the level lines of a field, like weathered strata or carved layers."""
    level = noise.fractal(points, 0.12 / width, 2, 0.35) * 1.6
    floor = np.floor(level)
    return 0.9 * width * (floor + smoothstep(0.55, 1.0, level - floor) - level * rng.uniform(0.2, 1))


def scales(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Overlapping scales, each higher at one end, like a fish's, a roof's or feathers."""
    seeds = _seeds(rng, points, 2.6 * width)
    near, next_near, which = cells(points, seeds)
    along = np.einsum("ij,j->i", points - seeds[which], rotation(rng)[0])
    return 0.35 * along + 0.25 * width * smoothstep(0, 0.8 * width, next_near - near)


def weave(rng: np.random.Generator, noise: Noise, points: np.ndarray, width: float) -> np.ndarray:
    """Crossed threads of coarse cloth, basketry or chain mail."""
    x, y, z = (noise.warped(points, 0.1 / width, 0.6 * width) @ rotation(rng)).T * (np.pi / (1.5 * width))
    return 0.2 * width * (np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x))


ROUGH: tuple[Style, ...] = (grain, crests, lumps, cobbles, cracks, pores, terraces)
STYLES: tuple[Style, ...] = (*ROUGH, folds, wrinkles, hair, hair, carved, scales, weave)


def worn(
    rng: np.random.Generator,
    points: np.ndarray,
    styles: Sequence[Style] = STYLES,
    strength: float = 1.0,
    bare: float = 0.2,
) -> Floats:
    """Heights [N] of one to three styles, each on its own part of the surface; with the chance `bare`, next to none.

    Some styles cover all, most come in patches: photographs of things hold smooth areas beside detailed ones.
    """
    noise = Noise(rng)
    points = np.asarray(points, np.float32)
    total = np.zeros(len(points), np.float32)
    if rng.random() < bare:
        return np.float32(0.004 * rng.random()) * noise.fractal(points, 6, 2)
    for _ in range(int(rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))):
        width = float(np.exp(rng.uniform(np.log(0.022), np.log(0.1))))
        style = styles[int(rng.integers(len(styles)))]
        height = style(rng, Noise(rng), points, width) * strength * rng.uniform(0.35, 1.1)
        if rng.random() < 0.7:
            share = rng.uniform(0.25, 0.75)
            height = height * noise.patches(points, rng.uniform(0.6, 2.0), share, rng.uniform(0.2, 0.8))
        total += height.astype(np.float32)
    return total


def _tilted(rng: np.random.Generator, angle: float) -> np.ndarray:
    """A turn [3, 3] by about `angle` radians, so that upright stays nearly so."""
    return Rotation.from_rotvec(rng.normal(0, angle, 3)).as_matrix()


def _seeds(rng: np.random.Generator, points: np.ndarray, spacing: float) -> np.ndarray:
    """Seeds about `spacing` apart on the surface; how many that takes is judged by the size of the whole."""
    extent = np.sort(np.ptp(points, axis=0))[::-1]
    area = 2.2 * (extent[0] * extent[1] + 0.5 * extent[1] * extent[2])
    # A generator of its own: how many seeds a mesh gets varies with its density, what is drawn after them must not.
    own = np.random.default_rng(rng.integers(1 << 62))
    return scattered(own, points, int(np.clip(area / spacing**2, 8, 6000)))
