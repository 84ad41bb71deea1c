"""Seashells: an opening that grows as it turns about an axis, leaving ribs, spines, knobs and growth lines behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, grid_faces
from onelight.soundstage.noise import Noise
from onelight.soundstage.surfaces import finished, pushed, vertices_wanted


@family("shells", kind="objects", held_out=True)
def shells(rng: np.random.Generator, detail: float) -> Built:
    """Snails, whelks, ammonites and scallops: a logarithmic spiral (Raup 1966) with sculpture along and across it."""
    kind = str(rng.choice(["snail", "tower", "ammonite", "scallop"]))
    turns = {
        "snail": rng.uniform(2.5, 4),
        "tower": rng.uniform(5, 8),
        "ammonite": rng.uniform(3, 4.5),
        "scallop": 0.55,
    }[kind]
    growth = {
        "snail": rng.uniform(1.9, 2.8),
        "tower": rng.uniform(1.25, 1.5),
        "ammonite": rng.uniform(1.6, 2.2),
        "scallop": 60.0,
    }[kind]
    drop = {
        "snail": rng.uniform(0.6, 1.4),
        "tower": rng.uniform(2.5, 4.5),
        "ammonite": rng.uniform(0, 0.1),
        "scallop": 0.15,
    }[kind]
    count = vertices_wanted(detail, 0.6)  # the inner wall has as many again
    rows = max(40, int(np.sqrt(count * turns * 1.5)))
    columns = max(16, count // rows)
    angle = np.linspace(-2 * np.pi * turns, 0, rows)[:, None]
    mouth = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    size = growth ** (angle / (2 * np.pi))
    wide, tall, lean = rng.uniform(0.8, 1.2), rng.uniform(0.8, 1.5), rng.uniform(-0.5, 0.5)
    radius = 1 + _sculpture(rng, angle, mouth, turns)
    across, up = wide * radius * np.cos(mouth), tall * radius * np.sin(mouth)
    across, up = across * np.cos(lean) - up * np.sin(lean), across * np.sin(lean) + up * np.cos(lean)
    away = size * (rng.uniform(0.95, 1.15) + across)
    height = size * (up - drop * rng.uniform(0.9, 1.1))
    vertices = np.stack([away * np.cos(angle), height, away * np.sin(angle)], -1).reshape(-1, 3)
    mesh = Mesh(vertices.astype(np.float32), grid_faces(rows, columns, wrap=True)[:, ::-1])
    scale = mesh.radius()
    fine = reliefs.worn(rng, mesh.vertices / scale, (reliefs.grain, reliefs.wrinkles, reliefs.pores, reliefs.hair), 0.4)
    mesh = pushed(mesh, scale * fine * np.repeat(np.clip(size / size[-1], 0, 1), columns))
    return Built(finished(rng, _walled(mesh, rows, columns, 0.03 * float(size[-1, 0])), turn=True))


def _sculpture(rng: np.random.Generator, angle: np.ndarray, mouth: np.ndarray, turns: float) -> np.ndarray:
    """Relative swelling of the opening [R, C]: ribs across, cords along, knobs where they meet, and growth lines."""
    ribs = np.abs(np.sin(angle * rng.integers(4, 16) + rng.uniform(-1, 1) * np.sin(mouth))) ** rng.uniform(0.5, 3)
    cords = np.abs(np.sin(mouth * rng.integers(3, 18) / 2)) ** rng.uniform(0.5, 2)
    spikes = (
        np.exp(-(((mouth - rng.uniform(0, 2 * np.pi)) / 0.25) ** 2)) * np.abs(np.sin(angle * rng.integers(3, 7))) ** 6
    )
    shares = rng.uniform(0, 1, 4) * (rng.random(4) < 0.6)
    grid = np.stack(np.broadcast_arrays(angle * 9, 0.4 * np.cos(mouth), 0.4 * np.sin(mouth)), -1).reshape(-1, 3)
    lines = Noise(rng)(grid, 1.0).reshape(angle.shape[0], mouth.shape[1])
    return 0.15 * shares[0] * ribs + 0.1 * shares[1] * cords + 0.4 * shares[2] * spikes + 0.02 * shares[3] * lines


def _walled(mesh: Mesh, rows: int, columns: int, thick: float) -> Mesh:
    """The shell with an inner wall joined at the lip, so that one can look into it; thin where the shell is young."""
    young = np.repeat(np.linspace(0.15, 1, rows), columns)[:, None] * thick
    inner = mesh.vertices - mesh.normals() * young.astype(np.float32)
    count = rows * columns
    inner = inner.reshape(rows, columns, 3)[::-1].reshape(
        -1, 3
    )  # grown back from the lip, so that one grid covers both
    vertices = np.concatenate([mesh.vertices, inner]).astype(np.float32)
    return replace(
        Mesh(vertices, grid_faces(2 * rows, columns, wrap=True)[:, ::-1]),
        part=np.repeat([1, 2], count).astype(np.uint16),
    )
