"""Smooth random fields over points in space: spline noise, its octaves, ridges and warps, and cells around seeds.

All fields are plain functions of position once made, so one shape keeps its detail whatever the density of its mesh.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

Floats = NDArray[np.float32]

_LATTICE = 32  # the noise repeats after so many lattice cells; turned octaves hide it
_ORDER = 2  # quadratic: the lowest whose slope is continuous, as shading must be
_SPREAD = np.float32(0.55**1.5)  # standard deviation of a quadratic spline through white noise, in three dimensions


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 up to `low`, 1 from `high`, with a smooth slope between; falls instead where `low` is above `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """A turn [3, 3], evenly spread over all turns."""
    return Rotation.from_quat(rng.normal(size=4)).as_matrix()


class Noise:
    """One random field in many octaves. Points are [N, 3]; values [N] have zero mean and unit variance per octave."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._lattice = rng.standard_normal((_LATTICE,) * 3, dtype=np.float32)
        self._turns = [rotation(rng).astype(np.float32) for _ in range(8)]
        self._offsets = rng.uniform(0, _LATTICE, (8, 3)).astype(np.float32)

    def __call__(self, points: np.ndarray, frequency: float | np.ndarray = 1.0, octave: int = 0) -> Floats:
        """Spline noise with `frequency` lattice cells per metre (one number, or one per axis: stretched noise)."""
        at = np.asarray(points, np.float32) * np.asarray(frequency, np.float32)
        at = at @ self._turns[octave % 8].T + self._offsets[octave % 8]
        values = map_coordinates(self._lattice, at.T, np.float32, _ORDER, "grid-wrap", prefilter=False)
        return np.asarray(values, np.float32) / _SPREAD

    def fractal(self, points: np.ndarray, frequency: float, octaves: int = 4, gain: float = 0.5) -> Floats:
        """Octaves of noise, each of twice the frequency and `gain` times the height (fractional Brownian motion)."""
        height = gain ** np.arange(octaves, dtype=np.float32)
        waves = np.stack([self(points, frequency * 2**i, i) for i in range(octaves)])
        return height @ waves / np.sqrt(np.square(height).sum())

    def billows(self, points: np.ndarray, frequency: float, octaves: int = 3, gain: float = 0.5) -> Floats:
        """Rounded lumps with sharp creases between them, about 0 to 1.5."""
        height = gain ** np.arange(octaves, dtype=np.float32)
        lumps = np.stack([np.abs(self(points, frequency * 2**i, i)) for i in range(octaves)])
        return height @ lumps / height.sum()

    def ridges(self, points: np.ndarray, frequency: float, octaves: int = 3, gain: float = 0.6) -> Floats:
        """Sharp crests that branch, 0 to 1: finer crests grow on coarser ones (ridged multifractal, Musgrave 1994)."""
        total, weight, norm = np.zeros(len(points), np.float32), np.ones(len(points), np.float32), 0.0
        for octave in range(octaves):
            crest = np.exp(-1.6 * np.abs(self(points, frequency * 2**octave, octave)))
            total += gain**octave * weight * crest
            norm += gain**octave
            weight = np.clip(1.5 * crest, 0, 1)
        return total / np.float32(norm)

    def warped(self, points: np.ndarray, frequency: float, amount: float) -> Floats:
        """The points pushed about by `amount` metres (standard deviation per axis), so that regular things go awry."""
        push = [self(points, frequency, octave) for octave in (2, 3, 4)]
        return (np.asarray(points, np.float32) + np.float32(amount) * np.stack(push, 1)).astype(np.float32)

    def patches(self, points: np.ndarray, frequency: float, share: float = 0.5, edge: float = 0.6) -> Floats:
        """Soft-edged regions, 0 outside to 1 inside, that cover about `share` of the points."""
        field = self(points, frequency, 5)
        threshold = float(np.quantile(field[:: max(1, len(field) // 4096)], 1 - share))
        return smoothstep(threshold - edge / 2, threshold + edge / 2, field).astype(np.float32)


def cells(points: np.ndarray, seeds: np.ndarray) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Distances [N] to the nearest and to the second nearest seed [K, 3], and which seed is nearest (Worley 1996)."""
    distance, which = (np.asarray(found) for found in KDTree(seeds).query(points, k=2))
    return distance[:, 0].astype(np.float32), distance[:, 1].astype(np.float32), which[:, 0]


def scattered(rng: np.random.Generator, points: np.ndarray, count: int, evenness: int = 4) -> np.ndarray:
    """`count` of the points, spread out: of `evenness` times as many, those that lie too near to earlier ones go."""
    chosen = points[rng.integers(0, len(points), count * evenness)]
    tree = KDTree(chosen)
    apart = np.asarray(tree.query(chosen, k=2)[0])[:, 1]
    spacing = np.median(apart) * np.sqrt(evenness)
    first = np.ones(len(chosen), bool)
    pairs = tree.query_pairs(float(spacing), output_type="ndarray")
    first[pairs.max(1)] = False  # the later of two near ones; a chain may lose a few more than it must
    spread = chosen[first]
    return spread[:count] if len(spread) >= 3 else chosen[:count]
