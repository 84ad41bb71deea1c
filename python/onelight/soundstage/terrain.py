"""Open country: eroded hills and mountains under the sky, with rocks, trees and perhaps still water."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onelight.soundstage import materials, nature, textures
from onelight.soundstage.carpentry import Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.materials import Look
from onelight.soundstage.mesh import Mesh, grid_faces
from onelight.soundstage.noise import smoothstep
from onelight.soundstage.walls import camera

Height = Callable[[np.ndarray], np.ndarray]  # points [N, 3] (y ignored) to heights [N], metres

_NEAREST, _FARTHEST = 0.8, 900.0


def relief(rng: np.random.Generator, high: float, wild: float) -> Height:
    """Heights of a landscape: gentle about the origin, with ridges up to `high` metres from some way on.

    Ridges are folds of noise; finer folds grow on them only where it is high, as erosion leaves valleys smooth
    (Musgrave 1994). Half of the landscapes show beds of rock as steps.
    """
    seeds = rng.integers(0, 2**63, 4)
    wide = high * rng.uniform(1.8, 3.5)
    begin, end = rng.uniform(10, 60), rng.uniform(90, 260)
    beds, sharp = rng.uniform(0.04, 0.12) * high, rng.uniform(0, 0.8) * (rng.random() < 0.5)

    def height(points: np.ndarray) -> np.ndarray:
        flat = np.asarray(points, np.float64) * (1, 0, 1)
        noises = [np.random.default_rng(seed) for seed in seeds]
        away = smoothstep(begin, end, np.hypot(flat[:, 0], flat[:, 2]))
        fold = 1 - np.abs(textures.clouds(noises[0], flat, wide, smooth=True))
        crest = np.clip(fold * 0.6 + 0.4, 0, 1)
        fine = 1 - np.abs(textures.clouds(noises[1], flat, wide / 5, smooth=True))
        rise = high * away * crest * (0.75 + 0.25 * crest * fine)
        step = rise / beds
        rise = rise + sharp * beds * (smoothstep(0.55, 0.95, step - np.floor(step)) - (step - np.floor(step)))
        near = textures.clouds(noises[2], flat, 14.0, smooth=True) * wild * (0.35 + away)
        return rise + near

    return height


def ground(stage: Set, height: Height, tones: np.ndarray, snow: float) -> None:
    """The landscape as a fan of cells about the camera, each about as large as the picture can show."""
    rng = stage.rng
    spread = stage.half * 1.5 + 0.25
    heading = np.arctan2(stage.ahead[0], -stage.ahead[2])
    columns = int(np.clip(2 * spread / (stage.pixel / 1.35 * 1.3), 24, 350))
    rows = int(columns * 0.9)
    turn = heading + np.linspace(-spread, spread, columns)
    # Even steps of the angle below the horizon would spend all rows at one's feet: distance grows by a fixed share.
    far = _NEAREST * (_FARTHEST / _NEAREST) ** (np.linspace(0, 1, rows) ** 0.9)
    x = stage.eye[0] + far[:, None] * np.sin(turn)
    z = stage.eye[2] - far[:, None] * np.cos(turn)
    points = np.stack([x, np.zeros_like(x), z], -1).reshape(-1, 3)
    away = np.repeat(far, columns)
    fine = textures.clouds(rng, points, 1.2)
    small = np.minimum(1, 25 / away)
    points[:, 1] = height(points) + 0.05 * fine * np.minimum(1, away / 4) * small
    mesh = Mesh(points.astype(np.float32), grid_faces(rows, columns))
    steep = smoothstep(0.9, 0.68, mesh.normals()[:, 1] + 0.05 * fine)
    patch = smoothstep(-0.8, 1.0, textures.clouds(rng, points, 25.0) + 0.4 * fine * small)
    colour = tones[0] + (tones[1] - tones[0]) * patch[:, None]
    stone = tones[2] * np.exp(0.15 * np.sin(points[:, 1] * rng.uniform(0.3, 2.0) + fine))[:, None]
    colour = colour + (stone - colour) * steep[:, None]
    cover = smoothstep(snow, snow * 1.25, points[:, 1] + 3 * fine) * (1 - 0.8 * steep)
    colour = colour + (np.array([0.82, 0.84, 0.87]) - colour) * cover[:, None]
    colour = colour * np.exp(0.12 * fine)[:, None]
    stage.add(mesh, Look(colour, 0.85, 0.08), 0)


@family("terrain", kind="exteriors")
def terrain(rng: np.random.Generator, detail: float) -> Built:
    """A view into open country from eye height: foreground stones and bushes, trees in groups, mountains behind."""
    high, wild = np.exp(rng.uniform(np.log(12), np.log(220))), rng.uniform(0.15, 1.2)
    height = relief(rng, high, wild)
    foot = float(height(np.zeros((1, 3)))[0])
    eye = np.array([0, foot + rng.uniform(1.4, 2.2), 0])
    tilt = np.clip(np.arctan2(high * 0.35, 160), 0, 0.2) - rng.uniform(0.05, 0.2)
    stage = Set(rng, camera(rng, eye, eye + np.array([0, np.sin(tilt) * 10, -10]), 85.0), detail)
    grass = nature.foliage_tone(rng, 0.03) if rng.random() < 0.6 else materials.colour(rng, "earth")
    stone = materials.colour(rng, str(rng.choice(["earth", "grey"])))
    tones = np.stack([grass, materials.colour(rng, "earth"), stone])
    ground(stage, height, tones, high * rng.uniform(0.4, 1.6))

    def spots(count: int, nearest: float, farthest: float) -> np.ndarray:
        far = np.exp(rng.uniform(np.log(nearest), np.log(farthest), count))
        turn = rng.uniform(-1.1, 1.1, count) * stage.half
        places = np.stack([far * np.sin(turn), np.zeros(count), -far * np.cos(turn)], 1)
        places[:, 1] = height(places)
        return places

    wind = rng.normal(0, 0.03, 3) * (1, 0.2, 1)
    for at in spots(int(rng.integers(4, 22)), 2.5, 70):
        far = float(np.hypot(at[0], at[2]))
        nature.rock(stage, at, min(np.exp(rng.normal(-0.9, 0.7)), far * 0.2) * (1 + far / 40), tones[2] * [[1], [0.7]])
    for at in spots(int(rng.integers(0, 14)), 3, 40):
        nature.bush(stage, at, rng.uniform(0.2, 0.7), wind)
    fir, tone = rng.random() < 0.5, nature.foliage_tone(rng)
    for at in spots(int(rng.choice([0, 4, 10, 20])), 6 / np.tan(stage.half), 200):
        tall = rng.uniform(4, 13)
        (nature.conifer if fir else nature.tree)(stage, at, tall, wind, tone * rng.lognormal(0, 0.15))
    if rng.random() < 0.25:
        water(stage, foot - rng.uniform(0.1, 0.6))
    return stage.built(sky=True)


def water(stage: Set, level: float) -> None:
    """Still water with small waves, that lies in whatever is lower than `level`."""
    rng = stage.rng
    tone = Look(np.array([0.03, 0.05, 0.055]), 0.12, 0.9)

    def ripple(points: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return points + np.stack([0 * u, 0.012 * textures.clouds(rng, points, 1.5), 0 * u], 1)

    stage.panel(stage.eye * (1, 0, 1) + (-120, level, -2), (240, 0, 0), (0, 0, -240), tone, shape=ripple, part=0)
