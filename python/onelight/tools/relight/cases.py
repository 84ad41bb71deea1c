"""Scenes with a known answer: procedural height fields under two lights, and photographs under known lights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from onelight.errors import RequestError
from onelight.tools.relight.geometry import normalise, slopes
from onelight.tools.relight.light import direction

SIZE = 256
AMBIENT = 0.25  # of the key's irradiance


@dataclass(frozen=True)
class Case:
    """One question: `plate` under `lit_from`, how does it look under `lit_to`? Linear float32 [H, W, 3]."""

    name: str
    split: str
    plate: np.ndarray
    truth: np.ndarray
    lit_from: np.ndarray  # unit vectors: x right, y up, z to camera
    lit_to: np.ndarray
    mask: np.ndarray  # [H, W] bool, where the answer counts
    normals: np.ndarray | None = None  # the true ones [H, W, 3], where known
    ratio: float = (1 + AMBIENT) / AMBIENT  # (key + fill) : fill, where known


def procedural(count: int = 8, seed: int = 20261121) -> Iterator[Case]:
    """Scenes of two kinds, each under one pair of lights: 'objects' (balls on a floor) and 'relief' (a carved wall).

    Lambertian, textured, a point key with shadows marched in the height field, and an even fill. Made for the score
    alone: nothing was ever fitted to them.
    """
    for number in range(count):
        random = np.random.default_rng([seed, number])
        for split in ("objects", "relief"):
            height = _objects(random) if split == "objects" else _relief(random)
            paint = _paint(random)
            first = direction(random.uniform(-70, 70), random.uniform(15, 65))
            second = direction(random.uniform(-70, 70), random.uniform(15, 65))
            right, up = slopes(height)
            normals = normalise(np.dstack([-right, -up, np.ones_like(height)]))
            plate, truth = (paint * _lit(height, normals, towards)[..., None] for towards in (first, second))
            grain = random.normal(0, 0.002, plate.shape).astype(np.float32)
            mask = np.ones(height.shape, bool)
            yield Case(f"{split}_{number:02d}", split, plate + grain, truth, first, second, mask, normals)


def photographed(folder: Path, read: Callable[[Path], np.ndarray]) -> Iterator[Case]:
    """Every ordered pair of lights of every object in `folder`: one folder each with linear `light.NN.*`, `lights.txt`.

    `read` gives the linear float32 pixels [H, W, 3] of a file. Row N of `lights.txt` is the direction of image N (x
    right, y up, z to camera); `mask.*` is optional. RequestError names a folder whose rows and images do not match.
    """
    for place in sorted(path for path in folder.iterdir() if (path / "lights.txt").is_file()):
        images = sorted(place.glob("light.*"))
        directions = np.loadtxt(place / "lights.txt", ndmin=2)
        if len(images) != len(directions) or directions.shape[1] != 3:
            raise RequestError(
                f"{place}: lights.txt has {directions.shape} values for {len(images)} images; "
                "it needs one row x y z for each."
            )
        pixels = [read(path) for path in images]
        mask_file = next(iter(sorted(place.glob("mask.*"))), None)
        mask = np.ones(pixels[0].shape[:2], bool) if mask_file is None else read(mask_file)[..., 0] > 0.5
        units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        for i, plate in enumerate(pixels):
            for j, truth in enumerate(pixels):
                if i != j:
                    yield Case(f"{place.name}_{i:02d}_{j:02d}", place.name, plate, truth, units[i], units[j], mask)


def _objects(random: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    height = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(random.integers(3, 8)):
        centre, axes = random.uniform(30, SIZE - 30, 2), random.uniform(14, 55, 3)
        inside = 1 - ((x - centre[0]) / axes[0]) ** 2 - ((y - centre[1]) / axes[1]) ** 2
        height = np.maximum(height, np.float32(axes[2] * 0.8) * np.sqrt(np.maximum(inside, 0)))
    return cv2.GaussianBlur(height, (0, 0), 0.8)


def _relief(random: np.random.Generator) -> np.ndarray:
    height = np.zeros((SIZE, SIZE), np.float32)
    for octave in range(2, 7):
        cells = 2**octave
        noise = random.normal(0, 1, (cells, cells)).astype(np.float32)
        height += cv2.resize(noise, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) * np.float32(36 / cells)
    return np.abs(height) * 2  # ridges, as in cloth and carving


def _paint(random: np.random.Generator) -> np.ndarray:
    """Dead leaves: discs of one colour, large to small."""
    paint = np.full((SIZE, SIZE, 3), 0.3, np.float32)
    for radius in np.sort(random.uniform(5, 60, 40))[::-1]:
        centre = tuple(int(v) for v in random.integers(0, SIZE, 2))
        cv2.circle(paint, centre, int(radius), [float(v) for v in random.uniform(0.1, 0.8, 3)], -1, cv2.LINE_AA)
    return paint


def _lit(height: np.ndarray, normals: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Irradiance [H, W] of a key from `towards` with its cast shadows, over an even fill."""
    flat = float(np.hypot(towards[0], towards[1]))
    clear = np.ones_like(height)
    for step in range(1, 120):
        move = np.array([[1, 0, towards[0] / flat * step], [0, 1, -towards[1] / flat * step]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        there = cv2.warpAffine(height, move, (SIZE, SIZE), flags=flags, borderMode=cv2.BORDER_CONSTANT)
        clear = np.minimum(clear, np.clip(1 + height + towards[2] / flat * step + 0.5 - there, 0, 1))
    return AMBIENT + np.maximum(normals @ towards.astype(np.float32), 0) * clear
