"""Attics: the room under a pitched roof, with rafters, ties, a gable window and what was put away there."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import cellars, cladding, fittings, furniture, materials
from onelight.soundstage.carpentry import Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.fittings import Spot
from onelight.soundstage.walls import camera, clad, wall


@family("attic", kind="rooms")
def attic(rng: np.random.Generator, detail: float) -> Built:
    """Two slopes that meet in a ridge over low walls; boards are missing here and there, so that light falls in."""
    w, d, low = rng.uniform(4.0, 8.0), rng.uniform(4.0, 9.0), rng.uniform(0.8, 1.4)
    ridge = low + w / 2 * rng.uniform(0.8, 1.3)
    aside = rng.uniform(-0.15, 0.15)
    head = low + (ridge - low) * (1 - 2 * abs(aside))  # of the roof above the camera
    eye = np.array([aside * w, min(rng.uniform(1.3, 1.8), head - 0.3), rng.uniform(-0.4, 1.2)])
    target = np.array([rng.uniform(-0.3, 0.3) * w, rng.uniform(0.5, 1.6), -d * rng.uniform(0.5, 1.0)])
    stage = Set(rng, camera(rng, eye, target), detail)
    boards = cladding.planks(rng, rng.uniform(0.1, 0.3))
    stage.panel((-w / 2, 0, 2), (w, 0, 0), (0, 0, -d - 2), *clad(boards), part=0)
    lining = cladding.wall(rng) if rng.random() < 0.5 else cladding.planks(rng, rng.uniform(0.12, 0.25))
    trim = materials.plain(rng, "wood", materials.colour(rng, "earth"))
    for side in (-1, 1):
        start, along = np.array([side * w / 2, 0, 1.0]), np.array([0, 0, -d - 1])
        if side > 0:
            start, along = start + along, -along
        wall(stage, start, along, low, lining, (lining, 0.0), [], trim)
        _slope(stage, side, (w, d, low, ridge), lining)
    _gable(stage, (w, d, low, ridge), lining, trim)
    _frame(stage, (w, d, low, ridge))
    _lumber(stage, (w, d))
    return stage.built()


def _slope(stage: Set, side: int, size: tuple[float, float, float, float], lining: cladding.Cladding) -> None:
    """One side of the roof, in strips from front to back; some are left out."""
    rng, (w, d, low, ridge) = stage.rng, size
    eaves, rise = np.array([side * w / 2, low, 0.0]), np.array([-side * w / 2, ridge - low, 0.0])
    count = int(rng.integers(2, 6))
    deep = d / count
    for index in range(count):
        if rng.random() < 0.18:
            continue  # a skylight, or tiles that are gone
        back, front = np.array([0, 0, -(index + 1) * deep]), np.array([0, 0, -index * deep])
        origin, along = (eaves + front, back - front) if side < 0 else (eaves + back, front - back)
        stage.panel(origin, along, rise, *clad(lining), part=0)


def _gable(
    stage: Set, size: tuple[float, float, float, float], lining: cladding.Cladding, trim: materials.Look
) -> None:
    """The far wall: courses that shorten towards the ridge about a window."""
    rng, (w, d, low, ridge) = stage.rng, size
    wide = rng.uniform(0.6, 1.2)
    hole = (w / 2 - wide / 2, w / 2 + wide / 2, 0.7, min(1.9, low + 0.8))
    holes = [hole] if rng.random() < 0.7 else []
    wall(stage, np.array([-w / 2, 0, -d]), np.array([w, 0, 0]), low + 0.9, lining, (lining, 0.0), holes, trim)
    steps = 12
    for index in range(steps):
        bottom, top = (low + 0.9 + (ridge - low - 0.9) * k / steps for k in (index, index + 1))
        half = w / 2 * (1 - (bottom - low) / max(ridge - low, 0.1))
        if top > bottom and half > 0.05:
            stage.panel((-half, bottom, -d), (2 * half, 0, 0), (0, top - bottom, 0), *clad(lining), part=0)


def _frame(stage: Set, size: tuple[float, float, float, float]) -> None:
    """Rafters against both slopes, ties across, posts under some."""
    rng, (w, d, low, ridge) = stage.rng, size
    wood, count = cladding.solid(rng, "wood"), int(rng.integers(3, 8))
    thick, angle = rng.uniform(0.08, 0.18), np.arctan2(ridge - low, w / 2)
    length = float(np.hypot(w / 2, ridge - low))
    tie = low + (ridge - low) * rng.uniform(0.35, 0.6)
    tied = w * (1 - (tie - low) / (ridge - low))
    for z in -(np.arange(count) + 0.5) * d / count:
        for side in (-1, 1):
            c, s = np.cos(angle), side * np.sin(angle)
            turn = np.array([[(c, s, 0), (-s, c, 0), (0, 0, 1)]])
            middle = (side * w / 4 * 0.98, (low + ridge) / 2 - thick * 0.6, z)
            stage.boxes([middle], [(length, thick, thick)], wood, 0.01, turn)
        if rng.random() < 0.7:
            stage.boxes([(0, tie, z)], [(tied, thick * 1.2, thick)], wood, 0.01)
        if rng.random() < 0.3:
            x = rng.uniform(-0.3, 0.3) * w
            if np.linalg.norm((np.array([x, 0, z]) - stage.eye)[[0, 2]]) > 1.0:
                stage.boxes([(x, tie / 2, z)], [(thick, tie, thick)], wood, 0.01)


def _lumber(stage: Set, size: tuple[float, float]) -> None:
    """What nobody uses: crates, chests, chairs, rolled carpets, pots, lamps, hung sheets."""
    rng, (w, d) = stage.rng, size
    wood = cladding.solid(rng, "wood" if rng.random() < 0.7 else "plastic")
    for _ in range(int(rng.integers(6, 16))):
        at = np.array([rng.uniform(-0.42, 0.42) * w, 0, -rng.uniform(0.12, 0.95) * d])
        spot, what = Spot(at, rng.uniform(-3, 3)), rng.random()
        if np.linalg.norm((at - stage.eye)[[0, 2]]) < 1.4:
            continue
        if what < 0.25:
            cellars.crates(stage, spot, wood)
        elif what < 0.4:
            furniture.cupboard(stage, spot, (rng.uniform(0.6, 1.1), rng.uniform(0.45, 0.9), 0.45), wood)
        elif what < 0.52:
            furniture.chair(stage, spot, wood)
        elif what < 0.62:
            furniture.sofa(stage, spot, rng.uniform(0.9, 1.8))
        elif what < 0.74:
            fittings.pot(stage, at, rng.uniform(0.2, 0.7))
        elif what < 0.84:
            radius, length = rng.uniform(0.08, 0.2), rng.uniform(1.0, 2.4)
            ends = spot((-length / 2, radius, 0), (0, radius, 0.02), (length / 2, radius, 0))
            stage.tube(np.asarray(ends), radius, cladding.solid(rng, "cloth"))
        elif what < 0.92:
            fittings.lamp(stage, at, rng.uniform(0.6, 1.5))
        else:
            along = np.array([np.cos(spot.yaw), 0, np.sin(spot.yaw)]) * rng.uniform(0.8, 1.8)
            fittings.curtain(stage, at + np.array([0, rng.uniform(1.0, 1.7), 0]), along, rng.uniform(0.8, 1.6))
