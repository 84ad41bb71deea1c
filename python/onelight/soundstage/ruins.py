"""Ruins in the open: broken arcades, columns, fallen drums and rubble, which training never sees."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import arches, cladding, fittings, materials, nature, terrain, textures
from onelight.soundstage.carpentry import Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.noise import rotation
from onelight.soundstage.walls import camera


@family("ruins", kind="exteriors", held_out=True)
def ruins(rng: np.random.Generator, detail: float) -> Built:
    """A nave or cloister without a roof: arcades to both sides, some bays fallen, a gable or columns at the end."""
    bay, bays = rng.uniform(2.6, 4.2), int(rng.integers(3, 7))
    half = rng.uniform(2.5, 5.0)
    height = terrain.relief(rng, rng.uniform(5, 90), rng.uniform(0.05, 0.25))
    level = float(height(np.zeros((1, 3)))[0])
    eye = np.array([rng.uniform(-0.6, 0.6) * half, level + rng.uniform(1.4, 2.0), rng.uniform(0.5, 3.0)])
    target = np.array([rng.uniform(-1, 1) * half, level + rng.uniform(1.0, 2.6), -bay * rng.uniform(1.5, bays)])
    stage = Set(rng, camera(rng, eye, target, 60.0), detail)
    stone = materials.colour(rng, str(rng.choice(["earth", "grey", "pale"], p=[0.6, 0.2, 0.2])))
    stone = np.maximum(stone, 0.15 * stone / stone.max())
    tones = np.stack([nature.foliage_tone(rng, 0.03), materials.colour(rng, "earth"), stone * 0.8])
    terrain.ground(stage, height, tones, 500.0)
    cover = cladding.masonry(rng, rng.uniform(0.4, 0.8), rng.uniform(0.2, 0.4), 0.035, stone)
    opening = (bay * rng.uniform(0.3, 0.38), rng.uniform(1.6, 2.6), 0.0)
    opening = (opening[0], opening[1], opening[0])
    top = opening[1] + opening[2] + rng.uniform(0.6, 2.5)
    pointed = rng.choice([0.0, rng.uniform(0.5, 1.0)])
    for side in (-1, 1):
        for number in range(bays):
            middle = np.array([side * half, level - 0.1, -(number + 0.2) * bay])
            way = np.array([0, 0, float(side)])
            _bay(stage, middle, way, bay, top, opening, cover, pointed)
    end = np.array([0, level - 0.1, -(bays - 0.2) * bay - 1])
    if rng.random() < 0.6:
        _bay(
            stage,
            end,
            np.array([1.0, 0, 0]),
            2 * half,
            top * 1.5,
            (half * 0.45, top * 0.6, half * 0.45),
            cover,
            pointed,
        )
    _columns(stage, end, half, level, stone)
    _rubble(stage, height, half, bays * bay, np.stack([stone, stone * 0.6]))
    return stage.built(sky=True)


def _bay(
    stage: Set, middle: np.ndarray, way: np.ndarray, wide: float, top: float, opening: tuple[float, float, float],
    cover: cladding.Cladding, pointed: float,
) -> None:  # fmt: skip
    """One arch with a broken crown, or the stumps of its piers where it fell."""
    rng = stage.rng
    out = np.cross(way, (0.0, 1.0, 0.0))
    seed, loss = int(rng.integers(0, 2**63)), rng.uniform(0.1, 1.0)
    axes = np.stack([way, np.array([0.0, 1.0, 0.0]), out])

    def bend(points: np.ndarray) -> np.ndarray:
        return middle + points @ axes

    def broken(x: np.ndarray) -> np.ndarray:
        line = np.stack([x, np.zeros_like(x), np.zeros_like(x)], 1)
        return top - loss * np.abs(textures.clouds(np.random.default_rng(seed), line, wide * 0.6))

    if rng.random() < 0.72:
        arches.arched_bay(stage, bend, wide, broken, opening, rng.uniform(0.5, 0.8), cover, pointed)
        return
    tall = opening[1] * rng.uniform(0.3, 1.0, 2)
    pier = wide / 2 - opening[0]
    places = [
        middle + way * side * (wide / 2 - pier / 2) + np.array([0, h / 2, 0])
        for side, h in zip((-1, 1), tall, strict=True)
    ]
    sizes = [(pier, h, 0.65) for h in tall]

    def dye(points: np.ndarray, uv: np.ndarray) -> materials.Look:
        look = cover(points[:, 0] + points[:, 2], points[:, 1]).look
        assert look is not None
        return look

    stage.boxes(np.array(places), np.array(sizes), dye, 0.05, np.stack([way, (0.0, 1.0, 0.0), out], 1))


def _columns(stage: Set, end: np.ndarray, half: float, level: float, stone: np.ndarray) -> None:
    """Columns that stand, broken ones and drums that fell and lie about."""
    rng = stage.rng
    dye = cladding.solid(rng, "stone", 1.0, np.stack([stone, stone * rng.uniform(0.6, 1.2)]))
    radius, flutes = rng.uniform(0.2, 0.4), int(rng.choice([0, 18, 24]))
    for _ in range(int(rng.integers(2, 8))):
        at = np.array([rng.uniform(-0.8, 0.8) * half, level - 0.15, rng.uniform(end[2], -2.5)])
        if np.linalg.norm((at - stage.eye)[[0, 2]]) < 2.2:
            continue
        if rng.random() < 0.5:
            fittings.column(stage, at, rng.uniform(1.2, 4.5), radius, dye, flutes)
        else:
            way = np.array([rng.normal(), 0.05 * rng.normal(), rng.normal()])
            way *= rng.uniform(0.4, 1.2) / np.linalg.norm(way)
            at = at + np.array([0, radius * 0.9, 0])
            stage.tube(np.stack([at - way, at - way * 0.3, at + way * 0.3, at + way]), radius, dye)


def _rubble(stage: Set, height: terrain.Height, half: float, length: float, tones: np.ndarray) -> None:
    """Hewn blocks and stones on the ground, bushes and a tree that grew since."""
    rng = stage.rng
    count = int(rng.integers(10, 40))
    places = np.stack([rng.normal(0, 0.7 * half, count), np.zeros(count), rng.uniform(-length, -1.5, count)], 1)
    places[:, 1] = height(places)
    places = places[np.linalg.norm((places - stage.eye)[:, [0, 2]], axis=1) > 1.6]
    turns = np.stack([rotation(rng) if rng.random() < 0.3 else np.eye(3) for _ in places])
    sizes = rng.uniform(0.2, 0.7, (len(places), 3)) * (1.2, 0.7, 0.8)
    stage.boxes(places + np.array([0, 0.1, 0]), sizes, cladding.solid(rng, "stone", 0.6, tones), 0.03, turns)
    wind = rng.normal(0, 0.02, 3) * (1, 0.2, 1)
    for at in places[: int(rng.integers(2, 7))] + np.array([0.6, 0, 0.3]):
        nature.rock(stage, at, rng.uniform(0.15, 0.5), tones)
    for at in places[-int(rng.integers(2, 9)) :] - (0.5, 0, 0.4):
        nature.bush(stage, at, rng.uniform(0.15, 0.5), wind)
    if rng.random() < 0.5:
        at = np.array([[rng.choice([-1, 1]) * half * rng.uniform(1.5, 2.5), 0, -rng.uniform(0.4, 1.4) * length]])
        nature.tree(stage, at[0] + (0, float(height(at)[0]), 0), rng.uniform(5, 10), wind)
