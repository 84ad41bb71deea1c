"""Cellars and workshops under vaults, on columns, with casks, crates, benches and pipes."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import arches, cladding, fittings, furniture, materials
from onelight.soundstage.carpentry import Dye, Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.fittings import Spot
from onelight.soundstage.walls import camera, clad, openings, wall


@family("cellar", kind="rooms")
def cellar(rng: np.random.Generator, detail: float) -> Built:
    """Bays of groined or barrel vaults on columns, open to the camera and often along one side."""
    columns, rows = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    b, spring = rng.uniform(2.6, 4.0), rng.uniform(1.5, 2.4)
    rise = b / 2 * rng.uniform(0.6, 1.0)
    w, d = columns * b, rows * b
    eye = np.array([rng.uniform(-0.3, 0.3) * w, rng.uniform(1.3, 1.8), rng.uniform(-0.6, 1.0)])
    target = np.array([rng.uniform(-0.3, 0.3) * w, rng.uniform(0.9, 1.9), -d * rng.uniform(0.5, 1)])
    stage = Set(rng, camera(rng, eye, target, 45.0), detail)
    floors = [
        lambda: cladding.masonry(rng, 0.4, 0.3, 0.01),
        lambda: cladding.ground(rng, rough=0.02),
        lambda: cladding.tiles(rng),
    ]
    stage.panel((-w / 2, 0, 2), (w, 0, 0), (0, 0, -d - 2), *clad(floors[rng.integers(0, 3)]()), part=0)
    tone = np.clip(materials.colour(rng, str(rng.choice(["earth", "grey", "pale"]))) * 1.6, 0.12, 0.8)
    width, height, rough = [(0.24, 0.08, 0.008), (0.5, 0.25, 0.03)][rng.integers(0, 2)]
    stone = cladding.masonry(rng, width, height, rough, tone)
    lime = stone if rng.random() < 0.5 else cladding.plaster(rng, "pale", 0.01)
    groined = bool(rng.random() < 0.6)
    nodes = [(-w / 2 + i * b, -j * b) for i in range(columns + 1) for j in range(rows + 1)]
    for x, z in nodes:
        # Daylight falls through bays that have lost their vault; with all of them whole only the mouth would be lit.
        if x < w / 2 - 0.1 and z > -d + 0.1 and rng.random() < 0.65:
            arches.vault(stage, np.array([x, spring, z - b]), b, b, rise, groined, lime)
    _supports(stage, nodes, b, spring, rise, (w, d))
    open_side = rng.choice([-1, 1])
    trim = materials.plain(rng, "wood", materials.colour(rng, "earth"))
    for side in (-1, 1):
        start, along = np.array([side * w / 2, 0, 0.0]), np.array([0, 0, -d])
        if side > 0:
            start, along = start + along, -along
        if side == open_side or rng.random() < 0.3:
            for j in range(rows):
                middle = start + along * (j + 0.5) / rows
                way = along / d
                bend = _placed(middle, way)
                arches.arched_bay(stage, bend, b, spring + rise, (b * 0.36, spring * 0.8, b * 0.36), 0.4, stone)
        else:
            wall(stage, start, along, spring + rise, stone, (stone, 0.0), openings(rng, d, spring + 0.4), trim)
    back = openings(rng, w, spring + 0.4)
    wall(stage, np.array([-w / 2, 0, -d]), np.array([w, 0, 0]), spring + rise, stone, (stone, 0.0), back, trim)
    _stores(stage, (w, d, spring))
    return stage.built()


def _placed(middle: np.ndarray, way: np.ndarray) -> arches.Bend:
    out = np.cross(way, (0.0, 1.0, 0.0))
    return lambda points: middle + points @ np.stack([way, np.array([0.0, 1.0, 0.0]), out])


def _supports(
    stage: Set, nodes: list[tuple[float, float]], b: float, spring: float, rise: float, size: tuple[float, float]
) -> None:  # fmt: skip
    """A column or pier under each corner, and ribs between them."""
    rng, (w, d) = stage.rng, size
    dye, radius, square = cladding.solid(rng, "stone"), rng.uniform(0.14, 0.26), rng.random() < 0.4
    ribbed = rng.random() < 0.6
    tone = materials.plain(rng, "stone", materials.colour(rng, "earth"))
    for x, z in nodes:
        at = np.array([x, 0, z])
        if np.linalg.norm((at - stage.eye)[[0, 2]]) > 0.8:
            if square:
                blocks = [(x, spring / 2, z), (x, 0.12, z), (x, spring - 0.08, z)]
                wide = radius * 2
                sizes = [(wide, spring, wide), (wide + 0.14, 0.24, wide + 0.14), (wide + 0.12, 0.16, wide + 0.12)]
                stage.boxes(blocks, sizes, dye, 0.02)
            else:
                fittings.column(stage, at, spring, radius, dye, int(rng.choice([0, 0, 16])))
        if ribbed:
            here = at + np.array([0, spring, 0])
            for end in ((x + b, z), (x, z - b)):
                if end[0] < w / 2 + 0.1 and end[1] > -d - 0.1:
                    arches.rib(stage, here, np.array([end[0], spring, end[1]]), rise, 0.09, tone)


def _stores(stage: Set, size: tuple[float, float, float]) -> None:
    """What is kept or made down here: along the walls, and here and there between the columns."""
    rng, (w, d, spring) = stage.rng, size
    wood = cladding.solid(rng, "wood")
    for side in (-1, 1):
        z, yaw = -rng.uniform(0.8, 1.6), -side * np.pi / 2
        while z > -d + 0.6:
            spot = Spot(np.array([side * (w / 2 - 0.55), 0, z]), yaw)
            what = rng.random()
            if what < 0.3:
                cask(stage, spot.at, rng.uniform(0.28, 0.42), rng.uniform(0.7, 1.1))
            elif what < 0.6:
                crates(stage, spot, wood)
            elif what < 0.75:
                furniture.shelves(stage, spot, (1.2, min(1.9, spring), 0.4), wood, 0.4)
            elif what < 0.9:
                furniture.table(stage, spot, (1.4, 0.85, 0.7), wood)
                for x in rng.uniform(-0.55, 0.55, int(rng.integers(1, 5))):
                    fittings.pot(stage, spot((x, 0.85, rng.uniform(-0.2, 0.2)))[0], rng.uniform(0.12, 0.4))
            z -= rng.uniform(0.9, 1.8)
    for _ in range(int(rng.integers(1, 6))):
        at = np.array([rng.uniform(-0.4, 0.4) * w, 0, -rng.uniform(0.25, 0.95) * d])
        if np.linalg.norm((at - stage.eye)[[0, 2]]) < 1.6:
            continue
        if rng.random() < 0.5:
            cask(stage, at, rng.uniform(0.25, 0.4), rng.uniform(0.6, 1.0))
        else:
            crates(stage, Spot(at, rng.uniform(0, 3)), wood)
    if rng.random() < 0.5:
        steps = int(rng.integers(5, 10))
        spot = Spot(np.array([rng.uniform(-0.3, 0.3) * w, 0, -d + steps * 0.27 + 0.2]))
        fittings.stairs(stage, spot, steps, (rng.uniform(0.9, 1.4), 0.18, 0.27), cladding.solid(rng, "stone"))
    for _ in range(int(rng.integers(0, 5))):
        side, y = rng.choice([-1, 1]), rng.uniform(0.3, spring)
        x = side * (w / 2 - 0.1)
        bend = np.array([(x, y, 0), (x, y, -0.6 * d), (x, y, -0.7 * d), (x - side * 0.02, 0.0, -0.72 * d)])
        stage.tube(bend, rng.uniform(0.02, 0.06), materials.plain(rng, "metal"))


def cask(stage: Set, at: np.ndarray, radius: float, height: float) -> None:
    """A cask of staves with iron hoops and a sunk lid."""
    rng, part = stage.rng, stage.part()
    share = np.linspace(0, 1, 24)
    belly = radius * (0.82 + 0.18 * np.sin(np.pi * share))
    outside = np.stack([belly, share * height], 1)
    lid = np.array([(radius * 0.76, height), (radius * 0.75, height - 0.04), (0, height - 0.04)])
    stage.turned(
        np.concatenate([outside, lid]), at, cladding.solid(rng, "wood", 0.6), part, carve=int(rng.integers(16, 26))
    )
    iron = materials.plain(rng, "metal", materials.colour(rng, "dark"))
    for level in (0.06, 0.25, 0.75, 0.94):
        r = radius * (0.82 + 0.18 * np.sin(np.pi * level)) + 0.006
        y = level * height
        hoop = np.array([(r - 0.01, y - 0.02), (r, y - 0.018), (r, y + 0.018), (r - 0.01, y + 0.02)])
        stage.turned(hoop, at, iron, part)


def crates(stage: Set, spot: Spot, dye: Dye) -> None:
    """A stack of boxes and slatted crates; the top one may slide."""
    rng = stage.rng
    y = 0.0
    for number in range(int(rng.integers(1, 4))):
        w, h, d = rng.uniform(0.3, 0.7, 3) * (1, 0.7, 1)
        turn = spot.yaw + rng.normal(0, 0.2)
        here, part = Spot(spot.at + np.array([0, y, 0]), turn), stage.part()
        motion = rng.normal(0, 0.012, 3) * (1, 0, 1) if number and rng.random() < 0.2 else None
        if rng.random() < 0.5:
            stage.boxes(
                here((0, h / 2, 0)),
                [(w, h, d)],
                dye if rng.random() < 0.5 else materials.plain(rng),
                0.01,
                turn,
                part,
                motion,
            )
        else:
            slats = int(rng.integers(3, 6))
            levels = (np.arange(slats) + 0.5) * h / slats
            places = [(0, level, side * d / 2) for level in levels for side in (-1, 1)]
            sizes = [(w, h / slats * 0.75, 0.015)] * len(places)
            places += [(side * w / 2, level, 0) for level in levels for side in (-1, 1)]
            sizes += [(0.015, h / slats * 0.75, d)] * (2 * slats)
            places += [(x * (w / 2 - 0.03), h / 2, z * (d / 2 - 0.03)) for x in (-1, 1) for z in (-1, 1)] + [
                (0, 0.02, 0)
            ]
            sizes += [(0.04, h, 0.04)] * 4 + [(w, 0.02, d)]
            stage.boxes(here(*places), sizes, dye, 0.003, turn, part, motion)
        y += h
