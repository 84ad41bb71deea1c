"""Furniture for sets: tables, chairs, shelves with books, cupboards, sofas."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from onelight.soundstage import cladding, materials
from onelight.soundstage.boxes import turned_by
from onelight.soundstage.carpentry import Dye, Relief, Set
from onelight.soundstage.fittings import Spot, pot


def table(stage: Set, spot: Spot, size: tuple[float, float, float], dye: Dye, round_legs: bool = False) -> None:
    """A table of size (width, height, depth), metres: top, apron, four legs that are square or turned."""
    w, h, d = size
    part = stage.part()
    stage.boxes(spot((0, h - 0.015, 0)), [(w, 0.03, d)], dye, 0.008, spot.yaw, part)
    x, z = w / 2 - 0.06, d / 2 - 0.06
    corners = [(-x, -z), (x, -z), (x, z), (-x, z)]
    apron = spot((0, h - 0.08, z), (0, h - 0.08, -z))
    stage.boxes(apron, [(2 * x, 0.09, 0.02)], dye, 0.003, spot.yaw, part)
    stage.boxes(spot((x, h - 0.08, 0), (-x, h - 0.08, 0)), [(0.02, 0.09, 2 * z)], dye, 0.003, spot.yaw, part)
    if round_legs:
        swell = stage.rng.uniform(0.02, 0.045, 8)
        profile = np.stack([np.concatenate([swell, [0.04]]), np.linspace(0, h - 0.03, 9)], 1)
        for a, b in corners:
            stage.turned(profile, spot((a, 0, b))[0], dye, part)
    else:
        stage.boxes(
            spot(*[(a, h / 2 - 0.02, b) for a, b in corners]), [(0.05, h - 0.04, 0.05)], dye, 0.005, spot.yaw, part
        )


def chair(stage: Set, spot: Spot, dye: Dye) -> None:
    """A chair with a back of rails or slats."""
    part, rng = stage.part(), stage.rng
    w, d, h, back = 0.42, 0.42, 0.45, rng.uniform(0.4, 0.65)
    stage.boxes(spot((0, h, 0)), [(w, 0.04, d)], dye, 0.012, spot.yaw, part)
    legs = [(-w / 2 + 0.03, d / 2 - 0.03), (w / 2 - 0.03, d / 2 - 0.03)]
    stage.boxes(spot(*[(x, h / 2, z) for x, z in legs]), [(0.04, h, 0.04)], dye, 0.004, spot.yaw, part)
    posts = [(x, (h + back) / 2, -z) for x, z in legs]
    stage.boxes(spot(*posts), [(0.04, h + back, 0.035)], dye, 0.006, spot.yaw, part)
    count = int(rng.integers(2, 5))
    z = -d / 2 + 0.03
    if rng.random() < 0.5:
        rails = [(0, h + back * (i + 0.8) / count, z) for i in range(count)]
        stage.boxes(spot(*rails), [(w - 0.06, back * 0.45 / count, 0.02)], dye, 0.005, spot.yaw, part)
    else:
        slats = [((i + 0.5) / count * (w - 0.1) - (w - 0.1) / 2, h + back / 2, z) for i in range(count)]
        sizes = [(0.03, back - 0.04, 0.018)] * count + [(w - 0.06, 0.07, 0.025)]
        stage.boxes(spot(*slats, (0, h + back - 0.04, z)), sizes, dye, 0.005, spot.yaw, part)


def shelves(stage: Set, spot: Spot, size: tuple[float, float, float], dye: Dye, filled: float = 0.75) -> None:
    """A case of shelves with books, pots and gaps."""
    rng, (w, h, d) = stage.rng, size
    part, boards = stage.part(), int(rng.integers(3, 6))
    sides = spot((-w / 2, h / 2, 0), (w / 2, h / 2, 0))
    stage.boxes(sides, [(0.025, h, d)], dye, 0.004, spot.yaw, part)
    levels = np.linspace(0.08, h - 0.015, boards + 1)
    stage.boxes(spot(*[(0, y, 0) for y in levels]), [(w, 0.025, d)], dye, 0.004, spot.yaw, part)
    stage.boxes(spot((0, h / 2, -d / 2 + 0.006)), [(w, h, 0.012)], dye, 0.001, spot.yaw, part)
    centres, sizes = [], []
    for low, high in pairwise(levels):
        x = -w / 2 + 0.03
        while x < w / 2 - 0.08:
            if rng.random() < 0.08:
                x += rng.uniform(0.05, 0.35)
                if rng.random() < 0.5 and x < w / 2 - 0.15:
                    pot(stage, spot((x - 0.07, low + 0.013, 0))[0], min(0.2, high - low - 0.05))
                continue
            thick, tall = rng.uniform(0.012, 0.06), min(rng.uniform(0.15, 0.34), high - low - 0.04)
            if rng.random() < filled:
                centres.append((x + thick / 2, low + 0.0125 + tall / 2, rng.uniform(-0.02, 0.04)))
                sizes.append((thick * 0.94, tall, d * rng.uniform(0.55, 0.8)))
            x += thick
    if centres:
        looks = [materials.plain(rng, str(rng.choice(["paper", "leather", "cloth"]))) for _ in range(16)]
        order = rng.permutation(len(centres))  # the looks go round in turn; shuffled, neighbours differ
        stage.boxes(spot(*[centres[i] for i in order]), np.array(sizes)[order], looks, 0.003, spot.yaw)


def cupboard(stage: Set, spot: Spot, size: tuple[float, float, float], dye: Dye) -> None:
    """A chest or cupboard with a top, a plinth, doors or drawers in frames, and knobs."""
    rng, (w, h, d) = stage.rng, size
    part = stage.part()
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    cell = np.array([w / columns, (h - 0.12) / rows])

    def front(u: np.ndarray, v: np.ndarray) -> Relief:
        edge = [0.5 * cell[i] - np.abs(at % cell[i] - 0.5 * cell[i]) for i, at in enumerate((u, v))]
        near = np.minimum(*edge)
        moulding = 0.012 * (np.clip((near - 0.006) * 900, 0, 1) - 0.8 * np.clip((near - 0.05) * 120, 0, 1))
        return Relief(moulding)

    stage.boxes(spot((0, h / 2, -0.01)), [(w - 0.01, h - 0.06, d - 0.03)], dye, 0.004, spot.yaw, part)
    stage.boxes(spot((0, h - 0.015, 0), (0, 0.04, -0.01)), [(w + 0.05, 0.03, d + 0.04), (w - 0.04, 0.08, d - 0.06)],
                dye, 0.01, spot.yaw, part)  # fmt: skip
    right, up = spot.ways((1, 0, 0), (0, 1, 0))
    lines = [
        np.add.outer(np.arange(n + 1) * c, (-0.05, -0.007, 0.007, 0.05)).ravel()
        for n, c in zip((columns, rows), cell, strict=True)
    ]
    stage.panel(
        spot((-w / 2, 0.08, d / 2 - 0.02))[0],
        right * w,
        up * (h - 0.12),
        dye,
        front,
        (lines[0].tolist(), lines[1].tolist()),
        part=part,
    )
    knob = np.array([(0.012, 0), (0.008, 0.012), (0.016, 0.02), (0.014, 0.028), (0, 0.031)])
    metal = materials.plain(rng, str(rng.choice(["metal", "glaze"])))
    for i in range(columns):
        for j in range(rows):
            x, y = -w / 2 + (i + 0.5) * cell[0], 0.08 + (j + 0.5) * cell[1]
            stage.turned(knob, spot((x, y - 0.015, d / 2 + 0.004))[0], metal, part)


def sofa(stage: Set, spot: Spot, width: float) -> None:
    """A sofa or armchair: soft boxes with cushions, in cloth or leather."""
    rng, part = stage.rng, stage.part()
    cloth = rng.random() < 0.7
    tones = np.stack([materials.colour(rng), materials.colour(rng)])
    plain = cladding.solid(rng, "cloth" if cloth else "leather", tones=tones)
    pattern = cladding.sheet(rng, rng.uniform(0.3, 1.0), str(rng.choice(["tartan", "motif"])))

    def dye(points: np.ndarray, uv: np.ndarray) -> materials.Look:
        if not cloth or tones[0, 0] > 0.2:
            return plain(points, uv)
        look = pattern(*(points[:, [0, 1]] + points[:, [2]] * 0.7).T).look
        return look if look is not None else plain(points, uv)

    d, seats = 0.85, max(1, round(width / 0.7))
    stage.boxes(
        spot((0, 0.2, 0), (0, 0.55, -d / 2 + 0.1)), [(width, 0.28, d), (width, 0.6, 0.22)], dye, 0.07, spot.yaw, part
    )
    arm = width / 2 + 0.06
    stage.boxes(spot((-arm, 0.32, 0), (arm, 0.32, 0)), [(0.2, 0.56, d)], dye, 0.08, spot.yaw, part)
    one = width / seats
    cushions = [((i + 0.5) * one - width / 2, 0.41, 0.1) for i in range(seats)]
    stage.boxes(spot(*cushions), [(one * 0.97, 0.18, d - 0.25)], dye, 0.07, spot.yaw, part)
    backs = [((i + 0.5) * one - width / 2, 0.68, -d / 2 + 0.26) for i in range(seats)]
    tilt = turned_by(spot.yaw) @ np.array([(1, 0, 0), (0, 0.97, -0.24), (0, 0.24, 0.97)])
    stage.boxes(spot(*backs), [(one * 0.94, 0.46, 0.18)], dye, 0.07, tilt, part)
