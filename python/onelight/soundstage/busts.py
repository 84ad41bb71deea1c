"""Busts modelled in clay: skull, jaw and features built of solids, with lids, lips, locks and draped shoulders."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.anatomy import joined
from onelight.soundstage.clay import Clay, at, box, chain, cylinder, ellipsoid, limb
from onelight.soundstage.families import Built, family
from onelight.soundstage.surfaces import curve, finished

_SKIN, _HAIR, _CLOTH, _STAND = 1, 2, 3, 4
_COATS = (reliefs.wrinkles, reliefs.grain, reliefs.hair, reliefs.lumps, reliefs.pores, reliefs.folds, reliefs.carved)


@family("busts", kind="faces")
def busts(rng: np.random.Generator, detail: float) -> Built:
    """A head of clay, turned or bent on its neck, alone, on a stand, or on shoulders in a robe or with bare muscles."""
    clay = Clay(detail, 1.0)
    shoulders = rng.random() < 0.55
    size = rng.uniform(0.42, 0.5) if shoulders else rng.uniform(0.6, 0.68)
    head = at(0, 0.42 if shoulders else 0.25, 0.05)
    face(rng, clay, head, size)
    neck = head + size * at(0, -1.25, -0.3)
    clay.join(limb(head + size * at(0, -0.3, -0.2), neck, 0.42 * size, 0.45 * size), 0.08)
    for side in (-1, 1):  # the cords from behind the ears to the pit of the throat
        clay.join(
            limb(head + size * at(side * 0.55, -0.5, -0.15), neck + size * at(side * 0.1, -0.1, 0.4), 0.09, 0.06), 0.04
        )
    if shoulders:
        _shoulders(rng, clay, neck, size)
    elif rng.random() < 0.5:
        clay.join(cylinder(neck - at(0, 0.15, 0), rng.uniform(0.35, 0.5), 0.12), 0.03, _STAND)
    return Built(finished(rng, clay.weathered(rng, detail, _COATS, rng.uniform(0.3, 0.7), bare=0.35)))


def face(rng: np.random.Generator, clay: Clay, head: np.ndarray, size: float) -> None:
    """A face about `head` looking along z, `size` from its middle to its crown."""

    def there(x: float, y: float, z: float) -> np.ndarray:
        return head + size * at(x, y, z)

    u = rng.uniform
    wide, long = u(0.7, 0.82), u(0.85, 1.0)
    clay.join(ellipsoid(there(0, 0.1, -0.1), size * at(wide, 0.92, 0.92)), 0.01)
    clay.join(ellipsoid(there(0, -0.25, 0.12), size * at(0.85 * wide, 0.6, 0.66)), 0.1)
    clay.join(ellipsoid(there(0, -0.72 * long, 0.42), size * at(u(0.24, 0.4), 0.2, 0.24)), 0.12)  # chin
    eye_y, eye_x, ball = u(0.0, 0.1), u(0.28, 0.34), u(0.15, 0.2)
    tip, bridge = there(0, eye_y - u(0.42, 0.55), u(0.92, 1.15)), there(0, eye_y + 0.06, 0.78)
    middle = (tip + bridge) / 2 + size * at(0, 0, u(-0.04, 0.09))
    broad = u(0.09, 0.15)
    joined(clay, chain([bridge, middle, tip], size * np.array([0.07, 0.08, broad])), 0.05 * size)
    mouth_y, half = eye_y - u(0.7, 0.8), u(0.22, 0.34)
    for side in (-1, 1):
        wing = tip + size * at(side * broad * 1.1, -0.02, -0.12)
        clay.join(ellipsoid(wing, size * at(0.09, 0.09, 0.12)), 0.02)
        clay.join(ellipsoid(there(side * 0.42, -0.22, 0.46), size * at(0.2, 0.18, 0.2)), 0.12)  # cheek
        eye = there(side * eye_x, eye_y, 0.6)
        clay.cut(ellipsoid(eye + size * at(0, 0, 0.22), size * at(0.25, 0.18, 0.2)), 0.08 * size)
        brow = [
            there(side * x, eye_y + y, z)
            for x, y, z in ((0.1, 0.2, 0.78), (0.32, u(0.22, 0.34), 0.76), (0.55, 0.17, 0.56))
        ]
        joined(clay, chain(brow, size * np.array([0.09, 0.08, 0.05])), 0.06 * size)
    for side in (-1, 1):
        _eye(rng, clay, there(side * eye_x, eye_y, 0.6), size * ball)
        _ear(clay, there(side * wide * 0.98, -0.05, -0.12), size * u(0.24, 0.3), side)
    _mouth(rng, clay, there(0, mouth_y, 0.72), size, half)
    for side in (-1, 1):
        nostril = tip + size * at(side * 0.06, -0.12, -0.1)
        clay.cut(limb(nostril, nostril + size * at(0, 0.03, 0.06), 0.035 * size, 0.03 * size), 0.01)
        if rng.random() < 0.6:  # the fold from nose to mouth
            fold = [tip + size * at(side * 0.2, 0.03, -0.16), there(side * (half + 0.12), mouth_y + 0.02, 0.6)]
            clay.cut(limb(fold[0], fold[1], 0.02 * size, 0.03 * size), 0.04)
    _hairdress(rng, clay, head, size, wide, mouth_y)


def _eye(rng: np.random.Generator, clay: Clay, eye: np.ndarray, ball: float) -> None:
    """A ball, an upper and a lower lid as rolls across it, and a bored pupil on some."""
    clay.join(ellipsoid(eye, np.full(3, ball)), 0.008)
    across = np.linspace(-1, 1, 7)
    for height, thick in ((rng.uniform(0.25, 0.5), 0.2), (-rng.uniform(0.3, 0.45), 0.16)):
        x, y = 1.05 * across, height * (1 - across**2) - 0.08
        z = np.sqrt(np.clip(1.12 - x**2 - y**2, 0.02, None))
        joined(clay, chain(eye + ball * np.stack([x, y, z], 1), np.full(7, thick * ball)), 0.006)
    if rng.random() < 0.4:
        clay.cut(ellipsoid(eye + at(rng.normal(0, 0.1) * ball, 0, ball), np.full(3, 0.25 * ball)), 0.006)


def _ear(clay: Clay, ear: np.ndarray, size: float, side: int) -> None:
    """A bowl with a rolled rim, a ridge inside it and a lobe."""
    clay.join(ellipsoid(ear, size * at(0.3, 1.0, 0.62)), 0.03)
    clay.cut(ellipsoid(ear + size * at(side * 0.3, 0.05, 0.1), size * at(0.22, 0.62, 0.36)), 0.015)
    turn = np.linspace(-0.6, 3.9, 9)
    rim = ear + size * np.stack([0 * turn + side * 0.28, 0.85 * np.sin(turn), -0.5 * np.cos(turn - 0.4)], 1)
    joined(clay, chain(rim, np.full(9, 0.13 * size)), 0.02)
    clay.join(ellipsoid(ear + size * at(side * 0.18, -0.9, 0.1), np.full(3, 0.24 * size)), 0.03)


def _mouth(rng: np.random.Generator, clay: Clay, mouth: np.ndarray, size: float, half: float) -> None:
    """Two lips as rolls that meet in a line, parted, smiling or sad."""
    clay.join(ellipsoid(mouth - size * at(0, 0, 0.15), size * at(half * 1.3, 0.24, 0.2)), 0.08 * size)
    across = np.linspace(-1, 1, 7)
    smile, part, full = rng.normal(0, 0.05), max(0.0, rng.normal(0, 0.03)), rng.uniform(0.05, 0.085)
    ahead = 0.06 - 0.2 * across**2
    for side in (1, -1):
        height = (
            side * (0.045 + part) * (1 - across**2)
            + smile * across**2
            - 0.02 * (side > 0) * np.exp(-((across / 0.2) ** 2))
        )
        line = mouth + size * np.stack([half * across, height, ahead], 1)
        joined(clay, chain(line, size * full * (0.35 + 0.65 * (1 - across**2))), 0.012)
    line = mouth + size * np.stack([half * 1.02 * across, smile * across**2, ahead + full], 1)
    for cut in chain(line, np.full(7, size * (0.015 + part))):
        clay.cut(cut, 0.012)


def _hairdress(
    rng: np.random.Generator, clay: Clay, head: np.ndarray, size: float, wide: float, mouth_y: float
) -> None:
    """Locks that lie from the crown outward, short or long, curls, a cap, a bun, a crown, or none; and a beard."""
    style = str(rng.choice(["locks", "locks", "curls", "cap", "bald"]))
    skull = np.array([wide * 1.02, 0.95, 0.95])
    if style == "cap":
        clay.join(ellipsoid(head + size * at(0, 0.42, -0.2), size * at(wide * 1.1, 0.65, 0.95)), 0.01, _HAIR)
        clay.join(cylinder(head + size * at(0, 0.35, -0.1), size * wide * 1.15, 0.06), 0.01, _HAIR)
    count = {"locks": int(rng.integers(40, 80)), "curls": int(rng.integers(60, 110))}.get(style, 0)
    ways = rng.normal([0, 0.5, -0.35], [0.8, 0.6, 0.8], (count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    ways = ways[(ways[:, 2] < 0.55) | (ways[:, 1] > 0.62)]
    length, thick = rng.uniform(0.2, 0.75), rng.uniform(0.07, 0.13)
    for way in ways:
        root = head + size * (way * skull + at(0, 0.1, -0.1))
        if style == "curls":
            clay.join(ellipsoid(root, size * rng.uniform(0.1, 0.18, 3)), 0.008, _HAIR)
            continue
        down = at(0.6 * way[0], -1, -0.25) + rng.normal(0, 0.2, 3)
        bend = root + size * 0.5 * length * (down + 0.5 * way)
        lock = curve(np.array([root, bend, root + size * length * down]), 5)
        joined(clay, chain(lock, size * thick * np.array([1, 1.1, 1, 0.75, 0.35])), 0.01, _HAIR)
    for _ in range(int(rng.integers(20, 45)) if rng.random() < 0.3 else 0):
        x = rng.uniform(-0.55, 0.55)
        root = head + size * at(x, mouth_y - 0.2 + 0.6 * x * x, 0.66 - 0.9 * x * x)
        tip = root + size * at(0.2 * x, -rng.uniform(0.15, 0.5), 0.05) + rng.normal(0, 0.02, 3)
        clay.join(limb(root, tip, 0.09 * size, 0.04 * size), 0.012, _HAIR)


def _shoulders(rng: np.random.Generator, clay: Clay, neck: np.ndarray, size: float) -> None:
    """Shoulders cut off as busts are, in folds that fall from one side or both, with a collar; or bare."""
    span = size * rng.uniform(1.2, 1.6)
    chest = neck - at(0, 0.8 * size, -0.02)
    clay.join(limb(neck + at(-span, -0.3, 0), neck + at(span, -0.3, 0), 0.4 * size, 0.4 * size), 0.12, _SKIN)
    clay.join(ellipsoid(chest, (span, size, 0.55 * size)), 0.1, _SKIN)
    if rng.random() < 0.3:
        for side in (-1, 1):
            clay.join(
                ellipsoid(chest + at(side * 0.4 * span, 0, 0.4 * size), (0.5 * span, 0.3 * size, 0.2 * size)), 0.03
            )
            clay.join(limb(neck + at(side * 0.04, -0.12, 0.18), neck + at(side * span, -0.1, 0.08), 0.035, 0.03), 0.04)
    else:
        for side in (-1, 1) if rng.random() < 0.6 else (int(rng.choice([-1, 1])),):
            for row in np.linspace(0, 1, int(rng.integers(5, 11))):
                start = neck + at(side * span * (0.25 + 0.75 * row), -0.03 - 0.12 * row, -0.1)
                end = chest + at(side * span * (0.9 * row - 0.35), -0.7 * size, 0.5 * size)
                bulge = (start + end) / 2 + at(0, 0.04, 0.42 * size) + rng.normal(0, 0.025, 3)
                thick = rng.uniform(0.025, 0.06)
                joined(clay, chain(curve(np.array([start, bulge, end]), 8), np.full(8, thick)), 0.035, _CLOTH)
    if rng.random() < 0.7:
        clay.cut(box(neck - at(0, 1.15 + 0.8 * size, 0), (1.5, 0.6, 1.5), None, 0.01), 0.01)
