"""Heaps and still lifes: several things set down one after another until each touches what lies below it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from onelight.soundstage.blends import blends
from onelight.soundstage.blobs import blobs, rocks
from onelight.soundstage.families import Builder, Built, family
from onelight.soundstage.figures import figures
from onelight.soundstage.growths import cones, fruit
from onelight.soundstage.hardware import hardware
from onelight.soundstage.lathes import lathes
from onelight.soundstage.mesh import Mesh, merged
from onelight.soundstage.noise import rotation
from onelight.soundstage.surfaces import finished

# Only families that are trained on: what is held out must not come in through a heap.
_THINGS: tuple[Builder, ...] = (blobs, rocks, lathes, blends, figures, fruit, cones, hardware)
_UPRIGHT = (lathes, figures)
_CELLS = 56  # a side of the height maps with which things are set down
_PRESS = 0.01  # metres: things press into what they lie on


@family("heaps", kind="objects")
def heaps(rng: np.random.Generator, detail: float) -> Built:
    """Two to seven things of a kind or of many, side by side or piled up, with shadowed gaps where they meet."""
    count = int(rng.integers(2, 8))
    alike = _THINGS[int(rng.integers(len(_THINGS)))] if rng.random() < 0.4 else None
    spread = rng.uniform(0.35, 0.8)
    ground = np.full(_CELLS * _CELLS, -1.0)
    placed: list[Mesh] = []
    for index in range(count):
        build = alike or _THINGS[int(rng.integers(len(_THINGS)))]
        size = rng.uniform(0.3, 0.6)
        mesh = build(rng, detail * size).mesh
        upright = build in _UPRIGHT and rng.random() < 0.85
        turn = Rotation.from_euler("y", rng.uniform(0, 2 * np.pi)).as_matrix() if upright else rotation(rng)
        mesh = mesh.moved(scale=size, rotate=turn)
        # Of several places the lowest is taken, as a thing that slips would find it, and the nearest to the rest.
        places = rng.normal(0, spread, (6, 2)).clip(-1.1, 1.1)
        lifts = np.array([_lift(ground, mesh, place)[0] for place in places])
        place = places[(lifts + 0.7 * np.hypot(*places.T)).argmin()]
        lift, under, top = _lift(ground, mesh, place)
        ground[under] = np.maximum(ground[under], top + lift)
        mesh = mesh.moved(translate=(place[0], lift, place[1]))
        placed.append(replace(mesh, part=(mesh.part + 3 * index).astype(np.uint16)))
    return Built(finished(rng, merged(placed)))


def _lift(ground: np.ndarray, mesh: Mesh, place: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """How far up or down the mesh goes to rest on the ground [N * N], which cells it covers, its top in each."""
    cell = np.clip(((mesh.vertices[:, [0, 2]] + place + 2) * (_CELLS / 4)).astype(np.int64), 0, _CELLS - 1)
    at = cell[:, 1] * _CELLS + cell[:, 0]
    low, high = np.full(_CELLS * _CELLS, np.inf), np.full(_CELLS * _CELLS, -np.inf)
    np.minimum.at(low, at, mesh.vertices[:, 1])
    np.maximum.at(high, at, mesh.vertices[:, 1])
    under = np.flatnonzero(np.isfinite(low))
    return float((ground[under] - low[under]).max()) - _PRESS, under, high[under]
