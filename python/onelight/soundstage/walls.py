"""Walls with windows, doors and mouldings, and cameras as a person on set would place them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from onelight.soundstage import fittings, materials
from onelight.soundstage.carpentry import Relief, Set
from onelight.soundstage.cladding import Cladding
from onelight.soundstage.families import Camera

Opening = tuple[float, float, float, float]  # left, right, sill, head: metres along and up a wall


def lens(rng: np.random.Generator, longest: float = 50.0) -> float:
    """A field of view, degrees, of a lens between 24 mm and `longest` on a sensor 36 mm wide."""
    focal = np.exp(rng.uniform(np.log(24), np.log(longest)))
    return float(np.degrees(2 * np.arctan(18 / focal)))


def camera(rng: np.random.Generator, eye: np.ndarray, target: np.ndarray, longest: float = 50.0) -> Camera:
    """A camera on a tripod: nearly level, with a lens up to `longest` millimetres."""
    places = [(float(at[0]), float(at[1]), float(at[2])) for at in (eye, target)]
    return Camera(places[0], places[1], lens(rng, longest), float(rng.normal(0, 0.7)))


def clad(cover: Cladding):
    """A cladding as what a panel wants: the relief brings its look along."""
    return materials.Look(np.array([0.5, 0.5, 0.5]), 0.7, 0.3), cover


def openings(rng: np.random.Generator, length: float, h: float) -> list[Opening]:
    """Windows in a wall: (left, right, sill, head), metres."""
    count = int(rng.choice([0, 1, 2, 3], p=[0.35, 0.3, 0.25, 0.1]))
    wide = min(rng.uniform(0.7, 1.5), length / max(count, 1) * 0.7)
    sill, head = rng.choice([0.05, rng.uniform(0.6, 1.0)]), min(h - 0.25, rng.uniform(1.9, 2.5))
    middles = (np.arange(count) + 0.5) * length / max(count, 1)
    return [(x - wide / 2, x + wide / 2, float(sill), head) for x in middles]


def wall(
    stage: Set,
    start: np.ndarray,
    along: np.ndarray,
    h: float,
    cover: Cladding,
    low: tuple[Cladding, float],
    windows: list[Opening],
    trim: materials.Look,
) -> None:
    """A wall with skirting, cornice, perhaps a dado, and holes where its windows are, with frames and bars."""
    length = float(np.linalg.norm(along))
    way = along / length
    out = np.cross(way, (0.0, 1.0, 0.0))  # into the room
    lower, dado = low

    def covered(u: np.ndarray, v: np.ndarray) -> Relief:
        made = cover(u, v)
        if not dado or made.look is None:
            return made
        below = lower(v, u)
        assert below.look is not None
        under = v < dado
        look = materials.Look(
            np.where(under[:, None], below.look.colour, made.look.colour),
            np.where(under, below.look.roughness, made.look.roughness),
            np.where(under, below.look.specular, made.look.specular),
        )
        return Relief(np.where(under, below.height + 0.01, made.height), look)

    # The wall is laid in rectangles round its windows, so that the openings are holes and daylight falls through.
    xs = [0.0, *(x for left, right, *_ in windows for x in (left, right)), length]
    for i, (left, right) in enumerate(pairwise(xs)):
        spans = [(0.0, h)] if i % 2 == 0 else [(0.0, windows[i // 2][2]), (windows[i // 2][3], h)]
        for bottom, top in spans:
            if right - left > 0.01 and top - bottom > 0.01:
                moved = lambda u, v, x=left, y=bottom: covered(u + x, v + y)  # noqa: E731
                line = ([], [dado - bottom] if dado else [])
                stage.panel(start + way * left + (0, bottom, 0), way * (right - left), (0, top - bottom, 0),
                            trim, moved, line, part=0)  # fmt: skip
    turn = np.stack([way, (0.0, 1.0, 0.0), out], 1)
    middle = start + along / 2
    places = [middle + (0, 0.05, 0) + out * 0.008, middle + (0, h - 0.04, 0) + out * 0.02]
    sizes = [(length, 0.1, 0.02), (length, 0.08, 0.05)]
    if dado:
        places.append(middle + (0, dado, 0) + out * 0.015)
        sizes.append((length, 0.05, 0.03))
    stage.boxes(np.array(places), np.array(sizes), trim, 0.012, turn, 0)
    for hole in windows:
        window(stage, start, way, out, hole, trim)


def window(
    stage: Set, start: np.ndarray, way: np.ndarray, out: np.ndarray, hole: Opening, trim: materials.Look
) -> None:  # fmt: skip
    left, right, sill, head = hole
    w, tall = right - left, head - sill
    middle = start + way * (left + right) / 2 + (0, (sill + head) / 2, 0) - out * 0.08
    turn = np.stack([way, (0.0, 1.0, 0.0), out], 1)
    columns, rows = stage.rng.integers(1, 4), stage.rng.integers(1, 5)
    places = [way * (w / 2) * s for s in (-1, 1)] + [np.array([0, tall / 2 * s, 0]) for s in (-1, 1)]
    sizes = [(0.06, tall + 0.06, 0.22)] * 2 + [(w, 0.06, 0.22), (w + 0.1, 0.05, 0.26)]
    places += [way * (w * (i / columns - 0.5)) for i in range(1, columns)]
    places += [np.array([0, tall * (i / rows - 0.5), 0]) for i in range(1, rows)]
    sizes += [(0.03, tall, 0.04)] * (columns - 1) + [(w, 0.03, 0.04)] * (rows - 1)
    stage.boxes(middle + np.array(places), np.array(sizes), trim, 0.006, turn)
    if stage.rng.random() < 0.6:
        sway = stage.rng.uniform(0.004, 0.03) if stage.rng.random() < 0.4 else 0.0
        for side in (-1, 1) if stage.rng.random() < 0.7 else (stage.rng.choice([-1, 1]),):
            width = w * stage.rng.uniform(0.25, 0.6)
            at = middle + way * (side * (w / 2 + 0.15) - (width if side > 0 else 0)) + out * 0.2
            fittings.curtain(
                stage, at + np.array([0, tall / 2 + 0.12, 0]), way * width, min(head + 0.1, tall + 0.4), sway
            )
