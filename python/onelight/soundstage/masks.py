"""Masks: faces as heights over an outline, with slits, ridges, tattoos, fringes and horns; held out from training."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, grid_faces, merged
from onelight.soundstage.noise import smoothstep
from onelight.soundstage.surfaces import curve, finished, pushed, swept, vertices_wanted

_CARVED = (reliefs.carved, reliefs.wrinkles, reliefs.hair, reliefs.scales, reliefs.cracks, reliefs.grain)


@family("masks", kind="faces", held_out=True)
def masks(rng: np.random.Generator, detail: float) -> Built:
    """A stylised face hammered or carved out of a board: rolled-up rims, bulging eyes, teeth, ornaments, horns."""
    rings = max(12, int(np.sqrt(vertices_wanted(detail, 0.8) / 5)))
    spokes = 5 * rings
    r = np.linspace(0, 1, rings)[:, None] ** 0.75
    turn = np.linspace(0, 2 * np.pi, spokes, endpoint=False)[None]
    wide, pointed = rng.uniform(0.62, 0.85), rng.uniform(0, 0.35)
    x = wide * r * np.sin(turn) * (1 - pointed * np.clip(-np.cos(turn), 0, 1) ** 2)
    y = r * np.cos(turn)
    notch = 1 + rng.choice([0.0, 0.04]) * np.cos(turn * rng.integers(8, 30)) * smoothstep(0.85, 1.0, r)
    x, y = x * notch, y * notch
    z = rng.uniform(0.25, 0.55) * np.sqrt(np.clip(1 - (0.95 * r) ** 2, 0, 1)) + _features(rng, x, y)
    z += rng.choice([-1, 1]) * rng.uniform(0, 0.05) * np.exp(-(((r - rng.uniform(0.85, 0.95)) / 0.04) ** 2))
    front = np.stack([x, y, z], -1).reshape(-1, 3)
    height = reliefs.worn(rng, front, _CARVED, 0.6, bare=0.25).reshape(rings, spokes)
    z = z + height * smoothstep(1.0, 0.9, r)
    back = z - rng.uniform(0.04, 0.1) - 0.1 * np.sqrt(np.clip(1 - r * r, 0, 1))
    around = np.concatenate([np.stack([x, y, z], -1), np.stack([x, y, back], -1)[::-1]])
    mesh = Mesh(around.reshape(-1, 3).astype(np.float32), grid_faces(2 * rings, spokes, wrap=True))
    parts = [mesh, *_horns(rng, detail)] if rng.random() < 0.4 else [mesh]
    return Built(finished(rng, merged(parts)))


def _ridge(x: np.ndarray, y: np.ndarray, line: np.ndarray, width: float, sharp: float = 1.0) -> np.ndarray:
    """A roll along a line of points [N, 2], 0 to 1."""
    away = np.full(x.shape, 9.0)
    for start, end in pairwise(line):
        way = end - start
        t = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1]) / max(float(way @ way), 1e-9), 0, 1)
        away = np.minimum(away, np.hypot(x - start[0] - t * way[0], y - start[1] - t * way[1]))
    return np.clip(1 - (away / width) ** 2, 0, 1) ** (0.5 * sharp)


def _features(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Forward heights of brows, eyes, nose, mouth, cheeks and ornament, alike on both sides."""
    side, u = np.abs(x), rng.uniform
    eye_x, eye_y, eye = u(0.24, 0.34), u(0.05, 0.25), u(0.08, 0.15)
    flat, slant = u(0.35, 1.0), u(-0.5, 0.5)
    across, up = (side - eye_x) / eye, (y - eye_y - slant * (side - eye_x)) / (eye * flat)
    from_eye = np.hypot(across, up)
    total = -0.1 * np.exp(-((from_eye / 2.0) ** 2))
    if rng.random() < 0.7:  # bulging eyes with rims, else slits
        total += u(0.6, 1.0) * eye * np.sqrt(np.clip(1 - from_eye**2, 0, 1)) + 0.05 * np.exp(
            -(((from_eye - 1.15) / 0.15) ** 2)
        )
        total -= 0.06 * smoothstep(0.42, 0.3, from_eye) * (rng.random() < 0.6)
    else:
        total -= 0.12 * smoothstep(1.0, 0.7, from_eye)
    lift = u(-0.1, 0.25)
    brow = np.array([[0.05, eye_y + 0.12], [eye_x, eye_y + 0.2 + lift], [eye_x + 0.28, eye_y + 0.1 + 0.4 * lift]])
    total += u(0.05, 0.13) * _ridge(side, y, curve(brow, 8), u(0.05, 0.1), u(0.7, 2))
    nose_y, broad, proud = u(-0.3, -0.12), u(0.06, 0.17), u(0.12, 0.35)
    along = np.clip((eye_y + 0.1 - y) / (eye_y + 0.1 - nose_y), 0, 1.15)
    bridge = np.clip(1 - (side / (0.05 + (broad - 0.03) * along)) ** 2, 0, 1) ** u(0.4, 1)
    total += proud * bridge * along ** u(0.3, 1.2) * smoothstep(1.15, 1.05, along)
    total += 0.4 * proud * np.exp(-(((side - broad) / 0.05) ** 2) - ((y - nose_y - 0.01) / 0.06) ** 2)
    mouth_y, half, bow, gap = u(-0.62, -0.46), u(0.14, 0.36), u(-0.15, 0.2), u(0.0, 0.1)
    line = bow * (side / half) ** 2 * 0.5
    taper = np.sqrt(np.clip(1 - (side / half) ** 2, 0, 1))
    inside = np.abs(y - mouth_y - line) / (gap * taper + 0.015)
    rim = np.exp(-(((inside - 1) * (gap * taper + 0.015) / u(0.03, 0.06)) ** 2)) * smoothstep(1.25, 0.95, side / half)
    hole = smoothstep(1.0, 0.7, inside) * (side < half)
    teeth = np.abs(np.sin(x * np.pi * rng.integers(5, 14) / half)) ** 0.5 * (rng.random() < 0.6)
    total += u(0.04, 0.1) * rim - (0.02 + u(0.3, 1.2) * gap) * hole * (1 - 0.6 * teeth)
    total += u(0, 0.12) * np.exp(-(((side - 0.4) / 0.16) ** 2) - ((y + 0.15) / 0.17) ** 2)
    total += u(0, 0.15) * np.exp(-((side / 0.16) ** 2) - ((y + 0.82) / 0.12) ** 2)
    for _ in range(int(rng.integers(0, 6))):  # painted or cut ornament, the same on both sides
        start = np.array([u(0.05, 0.55), u(-0.7, 0.8)])
        stroke = curve(start + np.cumsum(rng.normal(0, 0.13, (4, 2)), 0), 7)
        total += rng.choice([-0.03, 0.035]) * _ridge(side, y, stroke, u(0.02, 0.05))
    if rng.random() < 0.4:  # furrows on the forehead
        total += 0.03 * np.abs(np.sin((y - 0.4 * side**2) * rng.integers(20, 45))) ** 0.6 * smoothstep(0.4, 0.5, y)
    return total


def _horns(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """Two horns, ringed or grooved, mirrored."""
    knots = np.array(
        [
            [0.35, 0.7, 0.1],
            [0.55, 1.0, 0.15],
            [rng.uniform(0.3, 0.9), 1.3, rng.uniform(0, 0.4)],
            [rng.uniform(0.2, 1.0), 1.55, 0.3],
        ]
    )
    path = curve(knots, max(12, int(120 * detail)))
    t = np.linspace(0, 1, len(path))
    thick = (
        rng.uniform(0.09, 0.16) * (1 - 0.85 * t) * (1 + rng.uniform(0, 0.12) * np.abs(np.sin(t * rng.integers(15, 60))))
    )
    horn = Mesh(*swept(path, thick, max(10, int(70 * detail))))
    horn = replace(pushed(horn, 0.4 * reliefs.worn(rng, horn.vertices)), part=np.full(len(horn.vertices), 2, np.uint16))
    return [horn, horn.moved(scale=(-1, 1, 1))]
