"""Knots and ropes: closed and open curves in space swept into tubes, plain, fluted, ringed or laid of strands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, merged
from onelight.soundstage.surfaces import curve, finished, pushed, swept, vertices_wanted


@family("knots", kind="objects", held_out=True)
def knots(rng: np.random.Generator, detail: float) -> Built:
    """Torus knots, tangles, coils and rings, whose surface passes over, under and against itself."""
    kind = str(rng.choice(["torus", "tangle", "coil", "chain"]))
    thick = rng.uniform(0.07, 0.17)
    strands = int(rng.choice([1, 1, 2, 3, 4])) if kind != "chain" else 1
    paths = _paths(rng, kind, thick)
    lengths = [float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()) for path, _ in paths]
    meshes = []
    for number, ((path, closed), length) in enumerate(zip(paths, lengths, strict=True)):
        laid = _laid(rng, path, closed, thick, strands, length)
        for strand, (line, radius) in enumerate(laid):
            share = 1.1 / strands / len(paths)
            mesh = _tube(rng, line, radius, closed, vertices_wanted(detail, share))
            part = 1 + (strand if strands > 1 and len(paths) == 1 else number) % 3
            meshes.append(replace(mesh, part=np.full(len(mesh.vertices), part, np.uint16)))
    whole = merged(meshes).centred()
    whole = pushed(whole, reliefs.worn(rng, whole.vertices, strength=0.5, bare=0.4))
    return Built(finished(rng, whole, turn=True))


def _paths(rng: np.random.Generator, kind: str, thick: float) -> list[tuple[np.ndarray, bool]]:
    """Curves [N, 3] and whether each closes on itself."""
    t = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    if kind == "torus":
        p, q = [(2, 3), (3, 2), (2, 5), (3, 4), (3, 5), (4, 3)][int(rng.integers(6))]
        ring = 0.65 + rng.uniform(0.2, 0.35) * np.cos(q * t)
        return [(np.stack([ring * np.cos(p * t), ring * np.sin(p * t), 0.3 * np.sin(q * t)], 1), True)]
    if kind == "tangle":
        points = rng.normal(size=(int(rng.integers(6, 12)), 3))
        return [(curve(0.75 * points / np.linalg.norm(points, axis=1, keepdims=True), 400, closed=True), True)]
    if kind == "coil":
        turns, rise = rng.uniform(2.5, 6), rng.uniform(2.05, 3.0) * thick
        angle = np.linspace(0, 2 * np.pi * turns, 500)
        wide = rng.uniform(0.5, 0.75) - rng.choice([0.0, 0.06]) * angle / (2 * np.pi)
        wide = np.maximum(wide, 0.15)
        lift = rise * angle / (2 * np.pi)
        return [(np.stack([wide * np.cos(angle), lift - lift.mean(), wide * np.sin(angle)], 1), False)]
    links = []
    for index in range(int(rng.integers(2, 6))):  # each link hangs in the last, turned a quarter
        flat = np.stack([rng.uniform(0.3, 0.4) * np.cos(t), 0.42 * np.sin(t), 0 * t], 1)
        turned = flat if index % 2 else flat[:, [2, 1, 0]]
        links.append((turned + np.array([0, 0.5 * index, 0]), True))
    return links


def _laid(
    rng: np.random.Generator, path: np.ndarray, closed: bool, thick: float, strands: int, length: float
) -> list[tuple[np.ndarray, float]]:
    """The path itself, or strands that wind about it as rope is laid."""
    if strands == 1:
        return [(path, thick)]
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    fixed = np.array([0.3, 1.0, 0.2])
    side = np.cross(ahead, fixed / np.linalg.norm(fixed))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 0.2)
    up = np.cross(ahead, side)
    turns = max(2, round(length / (thick * rng.uniform(4, 8))))
    along = np.linspace(0, 2 * np.pi * turns, len(path), endpoint=not closed)
    apart = thick * 0.5
    laid = []
    for strand in range(strands):
        angle = (along + 2 * np.pi * strand / strands)[:, None]
        wound = path + apart * (np.cos(angle) * side + np.sin(angle) * up)
        laid.append((curve(wound, 1200, closed), thick * 0.55))
    return laid


def _tube(rng: np.random.Generator, path: np.ndarray, radius: float, closed: bool, count: int) -> Mesh:
    """A tube of about `count` vertices, round or fluted, even, swelling or ringed."""
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    sides = max(8, round(np.sqrt(count * 2 * np.pi * radius / length)))
    dense = curve(path[:: max(1, len(path) // 300)], max(40, count // sides), closed)
    t = np.linspace(0, 2 * np.pi, len(dense), endpoint=not closed)
    swell = (
        1
        + rng.choice([0.0, 0.25]) * np.sin(t * rng.integers(1, 4))
        + rng.choice([0, 0.12]) * np.abs(np.sin(t * rng.integers(8, 40)))
    )
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    flutes = 1 - rng.choice([0.0, rng.uniform(0.05, 0.25)]) * np.abs(np.sin(turn * rng.integers(2, 6)))
    return Mesh(*swept(dense, radius * swell[:, None] * flutes, sides, closed))
