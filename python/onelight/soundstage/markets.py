"""Markets: stalls under awnings on an open square, with crates, sacks, casks and wares, and houses beyond."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import cellars, cladding, facades, fittings, furniture, materials, nature
from onelight.soundstage.carpentry import Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.fittings import Spot
from onelight.soundstage.mesh import Mesh
from onelight.soundstage.noise import Noise
from onelight.soundstage.surfaces import sphere
from onelight.soundstage.walls import camera, clad


@family("market", kind="exteriors")
def market(rng: np.random.Generator, detail: float) -> Built:
    """Two rows of stalls on setts or slabs; cloth over poles throws the wares into shadow."""
    wide, deep = rng.uniform(3.0, 7.0), rng.uniform(8, 22)
    eye = np.array([rng.uniform(-0.4, 0.4) * wide, rng.uniform(1.3, 2.3), rng.uniform(0.5, 2.5)])
    target = np.array([rng.uniform(-0.5, 0.5) * wide, rng.uniform(0.6, 1.8), -deep * rng.uniform(0.3, 0.9)])
    stage = Set(rng, camera(rng, eye, target, 60.0), detail)
    covers = [
        lambda: cladding.masonry(rng, 0.2, 0.14, 0.012),
        lambda: cladding.tiles(rng, rng.uniform(0.3, 0.8), "stone"),
        lambda: cladding.ground(rng, rough=0.015),
    ]
    stage.panel((-14, 0, 5), (28, 0, 0), (0, 0, -deep - 14), *clad(covers[rng.integers(0, 3)]()), part=0)
    earth = materials.plain(rng, "clay", materials.colour(rng, "earth"))
    stage.boxes((0, -0.6, -60), (300, 1.0, 260), earth, part=0, most=8)
    if rng.random() < 0.7:
        facades.house(stage, np.array([-9.0, 0, -deep - 5]), np.array([18.0, 0, 0]), 8)
    wind = rng.normal(0, 0.01, 3) * (1, 0.2, 1)
    for side in (-1, 1):
        z = -rng.uniform(0.5, 2.5)
        while z > -deep:
            span = rng.uniform(1.8, 3.2)
            if rng.random() < 0.8:
                at = np.array([side * (wide / 2 + 0.9), 0, z - span / 2])
                _stall(stage, Spot(at, -side * np.pi / 2 + rng.normal(0, 0.06)), span)
            z -= span + rng.uniform(0.2, 1.2)
    for _ in range(int(rng.integers(3, 12))):
        at = np.array([rng.uniform(-0.5, 0.5) * wide, 0, -rng.uniform(0.15, 0.95) * deep])
        if np.linalg.norm((at - stage.eye)[[0, 2]]) > 2.2:
            _ware(stage, Spot(at, rng.uniform(-3, 3)), wind)
    return stage.built(sky=True)


def _stall(stage: Set, spot: Spot, span: float) -> None:
    """A table or trestle with wares, four poles, and cloth or boards above it."""
    rng = stage.rng
    wood = cladding.solid(rng, "wood")
    high, slope, out = rng.uniform(1.9, 2.6), rng.uniform(-0.1, 0.5), rng.uniform(0.4, 0.9)
    furniture.table(stage, spot, (span * 0.9, 0.8, 0.8), wood)
    pole = materials.plain(rng, "wood", materials.colour(rng, "earth"))
    for x in (-span / 2, span / 2):
        for z, tall in ((-out, high + slope), (out, high)):
            foot, top = spot((x, 0, z), (x, tall, z))
            stage.tube(np.stack([foot, (foot + top) / 2, top]), 0.03, pole)
    cover = cladding.sheet(rng, rng.uniform(0.4, 1.5), "tartan" if rng.random() < 0.5 else "motif")
    if rng.random() < 0.4:
        cover = cladding.planks(rng, 0.15)
    sag, noise = rng.uniform(0, 0.2), Noise(rng)
    left, right, behind = spot((-span / 2, high, out), (span / 2, high, out), (-span / 2, high + slope, -out))
    along, away = right - left, behind - left

    def sunk(points: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        share_u, share_v = u / np.linalg.norm(along), v / np.linalg.norm(away)
        down = sag * np.sin(np.pi * share_u) * np.sin(np.pi * share_v) + 0.02 * noise(points, 1.5)
        return points - np.stack([0 * u, down, 0 * u], 1)

    stage.panel(left, along, away, *clad(cover), shape=sunk)
    if rng.random() < 0.4:
        back = np.array([0, high + slope - 0.1, 0])
        start, end = spot((-span / 2, 0, -out), (span / 2, 0, -out))
        fittings.curtain(stage, start + back, end - start, high + slope - 0.4, 0.005)
    for x in np.arange(-0.4, 0.41, 0.2) * span:
        for z in (-0.2, 0.15):
            _displayed(stage, spot((x, 0.8, z))[0], span * 0.17)


def _displayed(stage: Set, at: np.ndarray, room: float) -> None:
    """What is laid out on a table: a pot, a heap of fruit, a box or nothing."""
    rng, what = stage.rng, stage.rng.random()
    if what < 0.3:
        fittings.pot(stage, at, rng.uniform(0.1, 0.35))
    elif what < 0.6:
        part, look = stage.part(), materials.plain(rng, "clay", materials.colour(rng, "vivid"))
        size = rng.uniform(0.035, 0.07)
        directions, faces = sphere(90)
        for index in range(int(rng.integers(4, 14))):
            x, z = rng.normal(0, room / 3, 2)
            middle = at + np.array([x, size + index * 0.006, z])
            stage.add(Mesh((directions * size + middle).astype(np.float32), faces), look, part)
    elif what < 0.85:
        size = rng.uniform(0.08, 0.3, 3)
        look = cladding.solid(rng, str(rng.choice(["wood", "plastic", "cloth"])))
        stage.boxes(at + np.array([0, size[1] / 2, 0]), size, look, 0.01, [rng.uniform(0, 3)])


def _ware(stage: Set, spot: Spot, wind: np.ndarray) -> None:
    """What stands about: crates, casks, sacks, pots, a shrub."""
    rng, what = stage.rng, stage.rng.random()
    if what < 0.3:
        cellars.crates(stage, spot, cladding.solid(rng, "wood"))
    elif what < 0.5:
        cellars.cask(stage, spot.at, rng.uniform(0.25, 0.4), rng.uniform(0.6, 1.0))
    elif what < 0.75:
        directions, faces = sphere(1500)
        size = np.array([rng.uniform(0.2, 0.35), rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.35)])
        lumps = 1 + 0.08 * Noise(rng)(directions, 2.0)[:, None]
        points = directions * lumps * size + spot.at + (0, size[1] * 0.85, 0)
        stage.add(Mesh(np.maximum(points, (-1e9, 0.005, -1e9)).astype(np.float32), faces),
                  materials.plain(rng, "cloth", materials.colour(rng, "earth")))  # fmt: skip
    elif what < 0.88:
        fittings.pot(stage, spot.at, rng.uniform(0.3, 0.8))
    else:
        nature.bush(stage, spot.at, rng.uniform(0.2, 0.5), wind)
