"""Heads in clay, of people, beasts and birds, and the small helps with which bodies are put together."""

from __future__ import annotations

import numpy as np

from onelight.soundstage.clay import Clay, Solid, at, chain, cylinder, ellipsoid, limb
from onelight.soundstage.surfaces import curve

SKIN, EXTRA = 1, 2
_MIRROR = np.array([-1.0, 1.0, 1.0])


def visage(rng: np.random.Generator, clay: Clay, head: np.ndarray, size: float) -> None:
    """A small head: skull, jaw, nose, brow, sunken eyes, mouth, ears, and hair, beard, bun or hat."""
    clay.join(ellipsoid(head, size * np.array([0.78, 1, 0.9])), 0.02)
    clay.join(ellipsoid(head + size * np.array([0, -0.55, 0.25]), size * np.array([0.5, 0.5, 0.5])), 0.04)
    clay.join(
        limb(head + size * np.array([0, 0.15, 0.8]), head + size * np.array([0, -0.25, 1.05]), 0.1 * size, 0.17 * size),
        0.02,
    )
    for side in (-1, 1):
        eye = head + size * np.array([0.33 * side, 0.1, 0.78])
        clay.cut(ellipsoid(eye + at(0, 0, 0.1 * size), size * np.array([0.25, 0.17, 0.2])), 0.02)
        clay.join(ellipsoid(eye - at(0, 0, 0.02 * size), np.full(3, 0.16 * size)), 0.005)
        clay.join(
            limb(
                eye + size * np.array([-0.2, 0.22, 0.05]),
                eye + size * np.array([0.2, 0.22, 0.05]),
                0.07 * size,
                0.07 * size,
            ),
            0.02,
        )
        clay.join(ellipsoid(head + size * np.array([0.8 * side, 0, 0]), size * np.array([0.1, 0.28, 0.17])), 0.015)
    clay.cut(
        limb(
            head + size * np.array([-0.2, -0.5, 0.78]),
            head + size * np.array([0.2, -0.5, 0.78]),
            0.04 * size,
            0.04 * size,
        ),
        0.015,
    )
    dressed = rng.integers(4)
    if dressed == 0:
        clay.join(cylinder(head + at(0, 0.7 * size, 0), size * rng.uniform(0.8, 1.6), 0.12 * size), 0.02, EXTRA)
        clay.join(
            ellipsoid(head + at(0, 0.9 * size, 0), size * np.array([0.75, rng.uniform(0.4, 1.2), 0.75])), 0.02, EXTRA
        )
    for _ in range(0 if dressed < 2 else int(rng.integers(15, 40))):  # locks of hair, and of beard
        way = unit(rng.normal([0, 0.3, -0.3], [1, 0.6, 0.8]))
        start = head + size * way * [0.8, 1, 0.9]
        clay.join(
            limb(start, start + size * rng.normal([0, -0.4, -0.05], 0.25), 0.16 * size, 0.07 * size), 0.012, EXTRA
        )


def muzzle(rng: np.random.Generator, clay: Clay, head: np.ndarray, size: float, beak: bool = False) -> None:
    """A beast's head: skull, muzzle with a mouth, eyes under brows, ears, perhaps horns; or a bird's with a beak."""
    clay.join(ellipsoid(head, size * np.array([0.85, 0.85, 1.0])), 0.04)
    reach = rng.uniform(0.9, 1.7) * size
    tip = head + at(0, -rng.uniform(0.1, 0.7) * size, reach + 0.3 * size)
    clay.join(
        limb(head + at(0, -0.1 * size, 0.3 * size), tip, 0.6 * size, size * (0.08 if beak else 0.4)),
        0.04,
        EXTRA if beak else SKIN,
    )
    mouth = tip + at(0, -0.12 * size, 0.3 * size)
    for side in (-1, 1):
        clay.cut(limb(mouth, head + at(side * 0.5 * size, -0.45 * size, 0.4 * size), 0.05 * size, 0.04 * size), 0.012)
        eye = head + size * np.array([side * 0.62, 0.28, 0.55])
        clay.cut(ellipsoid(eye, np.full(3, 0.26 * size)), 0.015)
        clay.join(ellipsoid(eye, np.full(3, 0.19 * size)), 0.003, EXTRA)
        if beak:
            continue
        clay.cut(ellipsoid(tip + size * np.array([side * 0.2, 0.15, 0.32]), np.full(3, 0.1 * size)), 0.01)
        ear = head + size * np.array([side * 0.6, 0.6, -0.2])
        end = ear + size * rng.uniform(0.4, 1.1) * unit([side * rng.uniform(0.2, 1.5), 0.8, -0.3])
        clay.join(limb(ear, end, 0.28 * size, 0.08 * size), 0.02)
        clay.cut(limb(ear + at(0, 0.1 * size, 0.25 * size), end + at(0, 0, 0.1 * size), 0.14 * size, 0.03 * size), 0.01)
    if not beak and rng.random() < 0.35:
        horn = (
            np.array([[0.4, 0.6, 0], [1.0, 1.1, -0.2], [1.3, 1.7, 0.2], [1.1, 2.2, 0.5]])
            * size
            * rng.uniform(0.6, 1.2, 3)
        )
        for mirror in (1.0, _MIRROR):
            joined(clay, chain(curve(head + horn * mirror, 9), np.linspace(0.24, 0.06, 9) * size), 0.008, EXTRA)


def joined(clay: Clay, solids: list[Solid], blend: float, part: int = SKIN) -> None:
    """Adds several solids alike."""
    for solid in solids:
        clay.join(solid, blend, part)


def unit(vector: list[float] | np.ndarray) -> np.ndarray:
    """The vector [3] at length 1."""
    return np.asarray(vector, float) / np.linalg.norm(vector)
