"""Rooms: a furnished parlour, seen from where its fourth wall was taken away."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import cladding, fittings, furniture, materials
from onelight.soundstage.boxes import turned_by
from onelight.soundstage.carpentry import Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.fittings import Spot
from onelight.soundstage.walls import camera, clad, openings, wall


@family("parlour", kind="rooms")
def parlour(rng: np.random.Generator, detail: float) -> Built:
    """A living room or kitchen: clad walls with skirting and windows, a rug, furniture along them and in the middle."""
    w, d, h = rng.uniform(3.2, 6.5), rng.uniform(3.0, 6.0), rng.uniform(2.4, 3.4)
    eye = np.array([rng.uniform(-0.3, 0.3) * w, rng.uniform(1.2, 1.8), d / 2 + rng.uniform(-0.6, 1.4)])
    target = np.array([rng.uniform(-0.3, 0.3) * w, rng.uniform(0.6, 1.3), -d / 2 * rng.uniform(0.2, 1)])
    stage = Set(rng, camera(rng, eye, target), detail)

    floor = cladding.floor(rng)
    stage.panel((-w / 2, 0, d / 2), (w, 0, 0), (0, 0, -d), *clad(floor), part=0)
    covering = cladding.wall(rng)
    trim = materials.plain(rng, "plastic", materials.colour(rng, str(rng.choice(["pale", "grey", "earth"]))))
    sides = {
        "back": ((-w / 2, 0, -d / 2), (w, 0, 0)),
        "left": ((-w / 2, 0, d / 2), (0, 0, -d)),
        "right": ((w / 2, 0, -d / 2), (0, 0, d)),
    }
    dado = rng.uniform(0.7, 1.1) if rng.random() < 0.3 else 0.0
    lower = cladding.planks(rng, rng.uniform(0.08, 0.15)) if rng.random() < 0.6 else cladding.plaster(rng)
    windows = {name: openings(rng, float(np.linalg.norm(way)), h) for name, (_, way) in sides.items()}
    if rng.random() < 0.6:
        windows["back"] = []
    for name, (start, way) in sides.items():
        wall(stage, np.array(start), np.array(way), h, covering, (lower, dado), windows[name], trim)
    if rng.random() < 0.5:
        _ceiling(stage, (w, d, h))
    if rng.random() < 0.7:
        size = (rng.uniform(0.3, 0.7) * w, rng.uniform(0.3, 0.6) * d)
        rug = cladding.sheet(
            rng, rng.uniform(0.6, 2.0), str(rng.choice(["motif", "tartan", "dead_leaves"], p=[0.6, 0.25, 0.15]))
        )
        turn = turned_by(rng.normal(0, 0.15)).astype(np.float64)
        along, away = turn @ (size[0], 0, 0), turn @ (0, 0, -size[1])
        stage.panel(np.array([0, 0.012, 0]) - along / 2 - away / 2, along, away, *clad(rug), part=stage.part())
    _furnish(stage, (w, d, h), windows)
    return stage.built()


def _ceiling(stage: Set, size: tuple[float, float, float]) -> None:
    """Plaster over the far part of the room, often with beams: the near part stays open to the lights."""
    rng, (w, d, h) = stage.rng, size
    depth = d * rng.uniform(0.35, 0.85)
    stage.panel((-w / 2, h, -d / 2), (w, 0, 0), (0, 0, depth), *clad(cladding.plaster(rng, "pale")), part=0)
    if rng.random() < 0.5:
        count = int(rng.integers(3, 8))
        z = -d / 2 + (np.arange(count) + 0.5) * depth / count
        places = np.stack([np.zeros(count), np.full(count, h - 0.08), z], 1)
        stage.boxes(places, [(w, rng.uniform(0.12, 0.22), rng.uniform(0.08, 0.2))], cladding.solid(rng, "wood"), 0.01)


def _furnish(stage: Set, size: tuple[float, float, float], windows: dict[str, list]) -> None:
    """Things along the walls, and a group in the middle that leaves the camera some way."""
    rng, (w, d, h) = stage.rng, size
    wood = cladding.solid(rng, "wood" if rng.random() < 0.7 else "plastic", 1.0)
    walls = {  # where things along a wall stand and how they are turned
        "back": (np.array([-w / 2, 0, -d / 2]), np.array([1.0, 0, 0]), 0.0, w),
        "left": (np.array([-w / 2, 0, d / 2]), np.array([0, 0, -1.0]), np.pi / 2, d * 0.8),
        "right": (np.array([w / 2, 0, -d / 2]), np.array([0, 0, 1.0]), -np.pi / 2, d * 0.8),
    }
    for name, (corner, way, yaw, length) in walls.items():
        out = np.cross(way, (0.0, 1.0, 0.0))
        x = rng.uniform(0.35, 0.7) + (0 if name != "left" else 0.2 * d)
        while x < length - 0.5:
            wide = rng.uniform(0.6, 1.5)
            at = corner + way * (x + wide / 2)
            near = np.linalg.norm((at - stage.eye)[[0, 2]]) < 1.3
            free = not any(
                left - 0.2 < x + wide and right + 0.2 > x and head > 0.5 for left, right, _, head in windows[name]
            )
            what = rng.random()
            if x + wide > length - 0.1 or near:
                break
            if what < 0.25 and free:
                tall = rng.uniform(1.0, min(2.2, h - 0.2))
                furniture.shelves(stage, Spot(at + out * 0.2, yaw), (wide, tall, rng.uniform(0.24, 0.36)), wood)
            elif what < 0.5:
                tall = rng.uniform(0.6, 1.05)
                spot = Spot(at + out * 0.3, yaw)
                furniture.cupboard(stage, spot, (wide, tall, 0.5), wood if rng.random() < 0.5 else cladding.solid(rng))
                _ornaments(stage, spot, (wide, tall, 0.4))
                if free and rng.random() < 0.7:
                    _hang(stage, at, out, wide)
            elif what < 0.65 and wide > 0.8:
                furniture.sofa(stage, Spot(at + out * 0.5, yaw), wide)
            elif what < 0.75:
                fittings.lamp(stage, at + out * 0.3, rng.uniform(1.3, 1.7))
            elif free:
                _hang(stage, at, out, wide)
            x += wide + rng.uniform(0.1, 0.7)
    group = Spot(np.array([rng.uniform(-0.15, 0.15) * w, 0, rng.uniform(-0.2, 0.1) * d]), rng.uniform(-0.6, 0.6))
    if np.linalg.norm((group.at - stage.eye)[[0, 2]]) < 1.6:
        return
    if rng.random() < 0.65:
        top = (rng.uniform(0.8, min(1.8, w - 2)), rng.uniform(0.4, 0.78), rng.uniform(0.6, 0.95))
        furniture.table(stage, group, top, wood, bool(rng.random() < 0.5))
        _ornaments(stage, group, top)
        if top[1] > 0.6:
            for side in (-1, 1):
                for x in (-0.25, 0.25) if top[0] > 1.2 else (0.0,):
                    if rng.random() < 0.8:
                        out = rng.uniform(0.25, 0.5) + top[2] / 2
                        turn = group.yaw + (np.pi if side > 0 else 0) + rng.normal(0, 0.2)
                        furniture.chair(stage, Spot(group((x * top[0], 0, side * out))[0], turn), wood)
    else:
        furniture.sofa(stage, Spot(group.at, group.yaw + rng.choice([0, np.pi / 2, -np.pi / 2])), rng.uniform(0.7, 1.6))


def _hang(stage: Set, at: np.ndarray, out: np.ndarray, wide: float) -> None:
    rng = stage.rng
    size = (rng.uniform(0.3, max(wide, 0.4)), rng.uniform(0.3, 0.7))
    fittings.picture(stage, at + np.array([0, rng.uniform(1.45, 1.8), 0]), out, size)


def _ornaments(stage: Set, spot: Spot, size: tuple[float, float, float]) -> None:
    """Pots, stacks and parcels on a table or chest; one may be moving."""
    rng, (w, tall, d) = stage.rng, size
    for x in np.arange(-w / 2 + 0.12, w / 2 - 0.1, rng.uniform(0.18, 0.4)):
        at = spot((x, tall, rng.uniform(-0.25, 0.25) * d))[0]
        if rng.random() < 0.55:
            fittings.pot(stage, at, rng.uniform(0.08, 0.35))
        elif rng.random() < 0.6:
            count = int(rng.integers(1, 5))
            thick = rng.uniform(0.02, 0.07)
            places = at + np.stack([np.zeros(count), (np.arange(count) + 0.5) * thick, np.zeros(count)], 1)
            looks = [materials.plain(rng, "paper", materials.colour(rng)) for _ in range(count)]
            motion = rng.normal(0, 0.015, 3) * (1, 0, 1) if rng.random() < 0.25 else None
            stage.boxes(places, [(rng.uniform(0.12, 0.24), thick * 0.95, rng.uniform(0.1, 0.2))], looks, 0.003,
                        spot.yaw + rng.normal(0, 0.3, count), motion=motion)  # fmt: skip
