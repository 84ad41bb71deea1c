"""Carved relief on slabs, medals and tiles: letters, scrolls, rosettes, lattices and scenes as heights of a panel."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, grid_faces
from onelight.soundstage.noise import Noise, smoothstep
from onelight.soundstage.surfaces import band_faces, curve, finished, rim, vertices_wanted

_CANVAS = 384  # drawings are made at this size, about twice as fine as the final picture
_SUBPIXEL = 4  # bits of fraction in the coordinates that OpenCV draws with
_TOOLED = (reliefs.grain, reliefs.pores, reliefs.cracks, reliefs.wrinkles, reliefs.lumps)


@family("carvings", kind="objects")
def carvings(rng: np.random.Generator, detail: float) -> Built:
    """A panel with a frame, one or two layers of carving, raised or sunk, sharp or worn, on a flat or bowed ground."""
    round_ = rng.random() < 0.4
    aspect = 1.0 if round_ else rng.uniform(0.6, 1.0)
    height = np.zeros((_CANVAS, _CANVAS))
    motifs = [_letters, _rosette, _scrolls, _lattice, _scene, _rosette]
    for _ in range(int(rng.choice([1, 2], p=[0.6, 0.4]))):
        drawn = motifs[int(rng.integers(len(motifs)))](rng)
        height += rng.choice([-1, 1, 1]) * _profiled(rng, drawn)
    height = gaussian_filter(height, rng.choice([0.7, rng.uniform(0.8, 3.0)])) + _frame(rng, round_)
    edge = max(24, int(np.sqrt(vertices_wanted(detail, 0.85))))
    return Built(finished(rng, _panel(rng, height, edge, aspect, round_)))


def _panel(rng: np.random.Generator, height: np.ndarray, edge: int, aspect: float, round_: bool) -> Mesh:
    """The carved front, sides of some thickness and a flat back, leaning a little."""
    u, v = np.meshgrid(np.linspace(-1, 1, edge), np.linspace(-1, 1, edge))
    at = np.stack([(1 - v), (u + 1)]).reshape(2, -1) * 0.5 * (_CANVAS - 1)
    if round_:  # the square's grid drawn into the disc, so that its rim is the disc's rim
        x, y = u * np.sqrt(1 - v * v / 2), v * np.sqrt(1 - u * u / 2)
        at = np.stack([(1 - y), (x + 1)]).reshape(2, -1) * 0.5 * (_CANVAS - 1)
    else:
        x, y = u * aspect, v
    z = np.asarray(map_coordinates(height, at, np.float32, 1, "nearest")).reshape(edge, edge)
    points = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    z = z.ravel() + 0.5 * reliefs.worn(rng, points, _TOOLED, 0.7, bare=0.35)
    bow, noise = rng.normal(0, 0.12, 2) * (rng.random() < 0.5), Noise(rng)
    bend = bow[0] * points[:, 0] ** 2 + bow[1] * points[:, 1] ** 2 + rng.uniform(0, 0.02) * noise(points, 1.5)
    thick = rng.uniform(0.08, 0.3) - min(0.0, float(z.min()))  # so that the deepest cut leaves something of the slab
    front = points + np.stack([0 * z, 0 * z, z + bend], 1)
    back = points + np.stack([0 * z, 0 * z, bend - thick], 1)
    grid, count = grid_faces(edge, edge), edge * edge
    border = rim(edge)
    # The sides have vertices of their own, so that the rim stays an edge.
    side = np.concatenate([front[border], back[border]])
    ring = np.arange(len(border)) + 2 * count
    sides = band_faces(ring, ring + len(border))
    faces = np.concatenate([grid, grid[:, ::-1] + count, sides]).astype(np.uint32)
    mesh = Mesh(np.concatenate([front, back, side]).astype(np.float32), faces)
    return mesh.moved(rotate=Rotation.from_euler("yx", rng.normal(0, [25, 15]), degrees=True).as_matrix())


def _profiled(rng: np.random.Generator, drawn: np.ndarray) -> np.ndarray:
    """Heights of a black and white drawing: cut to a V, rounded like a roll, or raised flat with bevelled edges."""
    inside = cv2.distanceTransform((drawn > 127).astype(np.uint8), cv2.DIST_L2, 5) * (2.0 / _CANVAS)
    kind, deep = rng.integers(3), rng.uniform(0.02, 0.07)
    if kind == 0:
        return np.minimum(inside * rng.uniform(0.6, 1.2), 2 * deep)
    if kind == 1:
        full = max(float(np.quantile(inside[inside > 0], 0.95)) if (inside > 0).any() else 1.0, 0.01)
        return min(1.2 * full, 2 * deep) * np.sqrt(np.clip(1 - (1 - np.clip(inside / full, 0, 1)) ** 2, 0, 1))
    return deep * smoothstep(0, rng.uniform(0.01, 0.05), inside)


def _frame(rng: np.random.Generator, round_: bool) -> np.ndarray:
    """A moulded border: a few rolls, steps or beads along the rim."""
    u, v = np.meshgrid(np.linspace(-1, 1, _CANVAS), np.linspace(-1, 1, _CANVAS))
    from_rim = 1 - (np.hypot(u, v) if round_ else np.maximum(np.abs(u), np.abs(v)))
    along = np.arctan2(v, u)
    total = np.zeros_like(u)
    for _ in range(int(rng.choice([0, 1, 2, 3]))):
        at, wide = rng.uniform(0.02, 0.16), rng.uniform(0.01, 0.05)
        roll = np.sqrt(np.clip(1 - ((from_rim - at) / wide) ** 2, 0, 1))
        beads = np.abs(np.sin(along * rng.integers(20, 60))) ** 0.6 if rng.random() < 0.3 else 1.0
        total += rng.choice([-0.6, 1, 1]) * wide * roll * beads
    return total


def _stroke(canvas: np.ndarray, points: np.ndarray, width: float, closed: bool = False) -> None:
    """Draws a line through points [N, 2] in -1..1, `width` in the same measure."""
    places = np.round((points * [1, -1] * 0.5 + 0.5) * _CANVAS * (1 << _SUBPIXEL)).astype(np.int32)
    thick = max(1, round(width * _CANVAS / 2))
    cv2.polylines(canvas, [places.reshape(-1, 1, 2)], closed, 255, thick, cv2.LINE_AA, _SUBPIXEL)


def _letters(rng: np.random.Generator) -> np.ndarray:
    """Lines of made-up letters: stems, bars, diagonals and bowls, as an unknown alphabet would have them."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    lines = int(rng.integers(1, 7))
    tall = 1.4 / lines
    pen = tall * rng.uniform(0.07, 0.16)
    alphabet = [_letter(rng) for _ in range(9)]
    for row in range(lines):
        x, y = -0.75, 0.7 - (row + 0.85) * tall
        while x < 0.68:
            for part in alphabet[int(rng.integers(len(alphabet)))]:
                _stroke(canvas, np.array([x, y]) + part * tall * 0.7, pen)
            x += tall * 0.62
    return canvas


def _letter(rng: np.random.Generator) -> list[np.ndarray]:
    """Strokes of one letter in a box 0.6 wide and 1 high."""
    t = np.linspace(0, 1, 24)
    parts = []
    for _ in range(int(rng.integers(2, 4))):
        if rng.random() < 0.65:
            ends = rng.choice([0.0, 0.3, 0.6], 2), rng.choice([0.0, 0.5, 1.0], 2)
            x = ends[0] if ends[0][0] != ends[0][1] or ends[1][0] != ends[1][1] else (ends[0][0], 0.6 - ends[0][0])
            parts.append(np.stack([np.interp(t, [0, 1], x), np.interp(t, [0, 1], ends[1])], 1))
        else:
            turn = np.pi * (rng.uniform(-0.5, 0.5) + t * rng.choice([1, 2]))
            parts.append(np.stack([0.3 + 0.28 * np.cos(turn), rng.choice([0.28, 0.5, 0.72]) + 0.27 * np.sin(turn)], 1))
    return parts


def _rosette(rng: np.random.Generator) -> np.ndarray:
    """A few strokes turned round the middle many times, and circles."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    fold = int(rng.integers(4, 17))
    for _ in range(int(rng.integers(1, 4))):
        reach = np.sort(rng.uniform(0.05, 0.85, 5))
        petal = curve(np.stack([reach, rng.normal(0, 0.12, 5) * np.sin(np.linspace(0, np.pi, 5))], 1), 40)
        width = rng.uniform(0.015, 0.07)
        for side in (1, -1) if rng.random() < 0.7 else (1,):
            for angle in np.arange(fold) * 2 * np.pi / fold:
                turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
                _stroke(canvas, (petal * [1, side]) @ turn.T, width)
    t = np.linspace(0, 2 * np.pi, 90)
    for radius in rng.uniform(0.1, 0.9, rng.integers(0, 4)):
        _stroke(canvas, radius * np.stack([np.cos(t), np.sin(t)], 1), rng.uniform(0.015, 0.05), True)
    return canvas


def _scrolls(rng: np.random.Generator) -> np.ndarray:
    """Spirals that spring from winding stems, with leaves, as on friezes."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    t = np.linspace(0, 1, 60)
    mirrored = rng.random() < 0.6
    for _ in range(int(rng.integers(4, 12))):
        turns, size = rng.uniform(1, 2.5) * rng.choice([-1, 1]), rng.uniform(0.15, 0.45)
        angle = rng.uniform(0, 2 * np.pi) + 2 * np.pi * turns * t
        spiral = rng.uniform(-0.7, 0.7, 2) + (size * (1 - 0.85 * t))[:, None] * np.stack(
            [np.cos(angle), np.sin(angle)], 1
        )
        width = rng.uniform(0.025, 0.07)
        leaf = spiral[10] + (spiral[0] - spiral[10]) * np.linspace(0, 2.5, 8)[:, None]
        for flip in ([1, 1], [-1, 1])[: 2 if mirrored else 1]:
            _stroke(canvas, spiral * flip, width)
            _stroke(canvas, leaf * flip, 1.8 * width)
    return canvas


def _lattice(rng: np.random.Generator) -> np.ndarray:
    """A small drawing repeated over the panel: bars, studs and interlace."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    count, width = int(rng.integers(3, 9)), rng.uniform(0.06, 0.25)
    cell = 1.7 / count
    drawing = [curve(rng.uniform(-0.6, 0.6, (4, 2)), 20) for _ in range(int(rng.integers(1, 4)))]
    flips = rng.choice([-1, 1], (2, 2, 2)) if rng.random() < 0.5 else np.ones((2, 2, 2))
    for row in range(count):
        for column in range(count):
            middle = (np.array([column, row]) + 0.5) * cell - 0.85
            for line in drawing:
                _stroke(canvas, middle + line * flips[row % 2, column % 2] * cell, width * cell)
    return canvas


def _scene(rng: np.random.Generator) -> np.ndarray:
    """Overlapping rounded figures, as crowds and animals look in low relief."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    for _ in range(int(rng.integers(3, 9))):
        walk = rng.uniform(-0.6, 0.6, 2) + np.cumsum(rng.normal(0, 0.17, (5, 2)), 0)
        _stroke(canvas, np.clip(curve(walk, 30), -0.85, 0.85), rng.uniform(0.08, 0.25))
        _stroke(canvas, np.clip(walk[:2] + 0.01, -0.85, 0.85), rng.uniform(0.2, 0.32))
    return canvas
