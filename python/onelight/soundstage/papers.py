"""Paper and card: sheets that lie flat or bow, are folded, curled or crumpled, alone or some on top of each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, grid_faces, merged
from onelight.soundstage.noise import Noise, rotation
from onelight.soundstage.surfaces import finished, leaf_faces, vertices_wanted

_THICK = 0.008  # metres: of card, that a mesh of this density can still show


@family("papers", kind="objects")
def papers(rng: np.random.Generator, detail: float) -> Built:
    """One to five sheets; what they show is drawn on them, for their own relief is broad planes and sharp creases."""
    count = int(rng.choice([1, 1, 1, 2, 3, 5]))
    edge = max(12, int(np.sqrt(vertices_wanted(detail) / count / 2)))
    ways = (_flat, _bowed, _pleated, _rolled, _crumpled)
    alike = ways[int(rng.integers(len(ways)))] if rng.random() < 0.5 else None
    sheets = []
    for index in range(count):
        way = alike or ways[int(rng.integers(len(ways)))]
        u, v = np.meshgrid(np.linspace(-1, 1, edge), np.linspace(-1, 1, edge))
        places = np.stack([u.ravel(), v.ravel() * rng.uniform(0.4, 1.0)], 1)
        points = way(rng, places)
        turn = rotation(rng) if rng.random() < 0.3 else _about_front(rng.uniform(-np.pi, np.pi))
        middle = (*rng.normal(0, 0.25 * (index > 0), 2), 0.07 * index)
        front = Mesh(points.astype(np.float32), grid_faces(edge, edge))
        sheet = Mesh(np.concatenate([points, points - _THICK * front.normals()]).astype(np.float32), leaf_faces(edge))
        sheet = sheet.moved(rotate=turn, translate=middle)
        sheets.append(replace(sheet, part=np.full(len(sheet.vertices), index + 1, np.uint16)))
    return Built(finished(rng, merged(sheets), turn=rng.random() < 0.25))


def _about_front(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([(c, -s, 0), (s, c, 0), (0, 0, 1)])


def _raised(places: np.ndarray, height: np.ndarray) -> np.ndarray:
    return np.concatenate([places, height[:, None]], 1)


def _flat(rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
    """A card: flat, but for a corner that is turned up now and then."""
    way = rotation(rng)[0, :2]
    over = np.maximum(places @ way / np.linalg.norm(way) - rng.uniform(0.5, 1.4), 0)
    return _raised(places, rng.choice([-1, 1]) * rng.uniform(0.2, 1.5) * over**2)


def _bowed(rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
    """Bent along one way, in an arc or in waves, as damp paper is."""
    angle = rng.uniform(0, np.pi)
    along = places @ (np.cos(angle), np.sin(angle))
    wave = rng.uniform(0.02, 0.3) * np.cos(along * rng.uniform(0.7, 4.0) + rng.uniform(0, 6))
    return _raised(places, wave + rng.uniform(0, 0.03) * Noise(rng)(_raised(places, 0 * along), 1.5))


def _pleated(rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
    """Folded to and fro along parallel lines, each by its own angle: a leaflet, a fan, an accordion."""
    folds = np.sort(rng.uniform(-0.9, 0.9, int(rng.choice([1, 2, 3, 6, 11]))))
    steep = rng.uniform(0.15, 1.1, len(folds) + 1) * np.where(np.arange(len(folds) + 1) % 2, -1, 1)
    angle = rng.uniform(0, np.pi)
    frame = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    along, across = (places @ frame.T).T
    ends = np.concatenate([[-2], folds, [2]])
    walked = np.clip(along[:, None] - ends[:-1], 0, np.diff(ends))  # of each panel
    flat = np.stack([walked @ np.cos(steep) - 2, across], 1) @ frame
    return _raised(flat, walked @ np.sin(steep))


def _rolled(rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
    """Curled up from one end, as what was kept in a roll."""
    along, across = places[:, 0] + 1, places[:, 1]
    tight, begins = rng.uniform(1.0, 5.0), rng.uniform(0, 1.2)
    line = np.linspace(0, 2, 400)
    turned = tight * np.maximum(line - begins, 0)
    angles = turned / (1 + 0.12 * turned)
    x, z = (np.cumsum(wave(angles)) * (line[1] - line[0]) for wave in (np.cos, np.sin))
    return np.stack([np.interp(along, line, x), across, np.interp(along, line, z)], 1)


def _crumpled(rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
    """Crushed and smoothed out again: facets between creases that run all over, by folds upon folds."""
    pushed, height = places + 0.0, np.zeros(len(places))
    deep = rng.uniform(0.15, 0.6)
    for _ in range(int(rng.integers(4, 14))):
        angle, wide = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(0.25), np.log(1.6)))
        along = pushed @ (np.cos(angle), np.sin(angle)) + 0.4 * height + rng.uniform(0, 9)
        height = height + deep * wide * 0.35 * (np.abs((along / wide) % 2 - 1) - 0.5)
    return _raised(pushed, height / 1.6)
