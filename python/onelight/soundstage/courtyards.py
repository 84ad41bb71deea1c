"""Courtyards and gardens: walls, fences and hedges about a yard, with washing, tables, pots and trees."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import cellars, cladding, facades, fittings, furniture, materials, nature
from onelight.soundstage.boxes import turned_by
from onelight.soundstage.carpentry import Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.fittings import Spot
from onelight.soundstage.walls import camera, clad, openings, wall


@family("courtyard", kind="exteriors")
def courtyard(rng: np.random.Generator, detail: float) -> Built:
    """A yard some paces wide: a house or a wall at its end, fences and hedges beside, things of daily use in it."""
    w, d = rng.uniform(6, 13), rng.uniform(6, 14)
    eye = np.array([rng.uniform(-0.35, 0.35) * w, rng.uniform(1.3, 2.1), rng.uniform(0.0, 2.5)])
    target = np.array([rng.uniform(-0.3, 0.3) * w, rng.uniform(0.7, 1.8), -d * rng.uniform(0.4, 1)])
    stage = Set(rng, camera(rng, eye, target, 60.0), detail)
    tones = np.stack([nature.foliage_tone(rng, 0.03), materials.colour(rng, "earth")])
    slabs = materials.colour(rng, "earth") * rng.lognormal(0, 0.15, (5, 1))
    covers = [
        lambda: cladding.ground(rng, tones, 0.02),
        lambda: cladding.ground(rng, rough=0.015),
        lambda: cladding.masonry(rng, 0.2, 0.14, 0.012),
        lambda: cladding.tiles(rng, rng.uniform(0.3, 0.6), "stone", slabs),
    ]
    stage.panel((-w / 2 - 3, 0, 6), (w + 6, 0, 0), (0, 0, -d - 8), *clad(covers[rng.integers(0, 4)]()), part=0)
    stage.boxes((0, -0.6, -60), (300, 1.0, 260), materials.plain(rng, "clay", tones[0]), part=0, most=8)
    if rng.random() < 0.6:
        facades.house(stage, np.array([-w / 2 - 1, 0, -d]), np.array([w + 2, 0, 0.0]), 7)
    else:
        _border(stage, np.array([-w / 2, 0, -d]), np.array([w, 0, 0.0]))
    for side in (-1, 1):
        start, along = np.array([side * w / 2, 0, 0.5]), np.array([0, 0, -d])
        if rng.random() < 0.85:
            _border(stage, *((start + along, -along) if side > 0 else (start, along)))
    wind = rng.normal(0, 0.02, 3) * (1, 0.2, 1)
    _life(stage, (w, d), wind)
    return stage.built(sky=True)


def _border(stage: Set, start: np.ndarray, along: np.ndarray) -> None:
    """A wall of stone or plaster, a fence of boards or stakes, or a hedge; its front looks along × up."""
    rng = stage.rng
    length = float(np.linalg.norm(along))
    way, up = along / length, np.array([0.0, 1.0, 0.0])
    turn = np.stack([way, up, np.cross(way, up)], 1)
    what, tall = rng.random(), rng.uniform(0.9, 2.6)
    if what < 0.4:
        width, height, rough = [(0.24, 0.08, 0.008), (0.5, 0.25, 0.03)][rng.integers(0, 2)]
        cover = cladding.masonry(rng, width, height, rough) if rng.random() < 0.7 else cladding.plaster(rng)
        trim = materials.plain(rng, "stone")
        holes = openings(rng, length, tall) if tall > 2.4 else []
        wall(stage, start, along, tall, cover, (cover, 0.0), holes, trim)
        stage.boxes(start + along / 2 + up * tall, [(length, 0.08, 0.4)], trim, 0.02, turn)
    elif what < 0.75:
        gap, wide = rng.uniform(0, 0.08), rng.uniform(0.05, 0.16)
        at = np.arange(wide / 2, length, wide + gap)
        height = tall + rng.normal(0, 0.02, len(at))
        part, dye = stage.part(), cladding.solid(rng, "wood", 0.6)
        places = start + at[:, None] * way + height[:, None] / 2 * up
        sizes = np.stack([np.full(len(at), wide), height, np.full(len(at), 0.022)], 1)
        stage.boxes(places, sizes, dye, 0.004, turn, part)
        rails = start + along / 2 + np.array([[0.2], [0.85]]) * tall * up + turn[:, 2] * 0.03
        stage.boxes(rails, [(length, 0.07, 0.035)], dye, 0.004, turn, part)
    else:
        count = int(6 * length * tall)
        middles = start + rng.uniform(0, 1, (count, 1)) * along + rng.uniform(0.1, 0.85, (count, 1)) * tall * up
        middles += turn[:, 2] * rng.uniform(-0.2, 0.1, (count, 1))
        leaf = max(0.05, float(np.median(stage.spacing(middles))) * 1.8)
        number = int(np.clip(4 * length * tall / leaf**2, 200, 12_000))
        still = np.zeros((len(middles), 3))
        nature.leaves(
            stage, middles, np.full(len(middles), 0.35), number, leaf, nature.foliage_tone(rng), stage.part(), still
        )


def _life(stage: Set, size: tuple[float, float], wind: np.ndarray) -> None:
    """What people left in the yard."""
    rng, (w, d) = stage.rng, size

    def spot(near: float = 2.0) -> Spot | None:
        at = np.array([rng.uniform(-0.42, 0.42) * w, 0, -rng.uniform(0.12, 0.92) * d])
        return Spot(at, rng.uniform(-3, 3)) if np.linalg.norm((at - stage.eye)[[0, 2]]) > near else None

    wood = cladding.solid(rng, "wood")
    for _ in range(int(rng.integers(8, 18))):
        here, what = spot(), rng.random()
        if here is None:
            continue
        if what < 0.3:
            fittings.pot(stage, here.at, rng.uniform(0.25, 0.6))
            if rng.random() < 0.6:
                nature.bush(stage, here.at + np.array([0, 0.4, 0]), rng.uniform(0.15, 0.4), wind)
        elif what < 0.45:
            cellars.crates(stage, here, wood)
        elif what < 0.55:
            cellars.cask(stage, here.at, rng.uniform(0.28, 0.4), rng.uniform(0.7, 1.0))
        elif what < 0.75:
            nature.bush(stage, here.at, rng.uniform(0.2, 0.6), wind)
        elif what < 0.88:
            furniture.table(stage, here, (rng.uniform(0.8, 1.6), 0.73, 0.75), wood)
            for side in (-1, 1):
                turn = here.yaw + (np.pi if side > 0 else 0)
                furniture.chair(stage, Spot(here((0, 0, side * rng.uniform(0.5, 0.8)))[0], turn), wood)
        else:
            tones = np.stack([materials.colour(rng, "grey"), materials.colour(rng, "earth")])
            nature.rock(stage, here.at, rng.uniform(0.15, 0.5), tones)
    for _ in range(int(rng.integers(0, 4))):
        here = spot(3.5)
        if here is not None:
            nature.tree(stage, here.at, rng.uniform(3, 7), wind)
    if rng.random() < 0.6:
        _washing(stage, np.array([0, 0, -d * rng.uniform(0.3, 0.8)]), w * rng.uniform(0.5, 0.8))


def _washing(stage: Set, middle: np.ndarray, length: float) -> None:
    """A line between two posts, with sheets and towels that the wind moves."""
    rng = stage.rng
    way = turned_by(rng.normal(0, 0.3)).astype(np.float64) @ np.array([1.0, 0, 0])
    tall = rng.uniform(1.9, 2.4)
    ends = [middle + way * side * length / 2 for side in (-1, 1)]
    look = materials.plain(rng, "wood", materials.colour(rng, "earth"))
    for end in ends:
        stage.tube(np.stack([end, end + np.array([0, tall / 2, 0]), end + np.array([0, tall, 0])]), 0.04, look)
    top = np.array([0, tall - 0.05, 0])
    stage.tube(np.stack([ends[0] + top, middle + top - np.array([0, 0.1, 0]), ends[1] + top]), 0.006, look)
    x = rng.uniform(0.2, 0.6)
    while x < length - 0.8:
        width = rng.uniform(0.4, 1.3)
        if x + width < length - 0.2 and rng.random() < 0.85:
            start = ends[0] + way * x + top - np.array([0, 0.09, 0])
            fittings.curtain(stage, start, way * width, rng.uniform(0.5, 1.5), rng.uniform(0.005, 0.05))
        x += width + rng.uniform(0.05, 0.5)
