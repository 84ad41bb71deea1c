"""Totems: faces hewn out of posts, blocks and stones with the fewest cuts: brows, sockets, wedges and rows of teeth."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.clay import Clay, at, box, cylinder, ellipsoid, limb, ring
from onelight.soundstage.families import Built, family
from onelight.soundstage.surfaces import finished

_HEWN = (reliefs.grain, reliefs.cracks, reliefs.wrinkles, reliefs.crests, reliefs.pores)


@family("totems", kind="faces")
def totems(rng: np.random.Generator, detail: float) -> Built:
    """One to three faces above each other on a round, square or oval post, with ears, horns, hats and arms."""
    clay = Clay(detail)
    count = int(rng.choice([1, 1, 2, 3]))
    tall = 1.7 / count
    body = int(rng.integers(3))
    wide = min(0.75, tall * rng.uniform(0.32, 0.5))
    for index in range(count):
        y = -0.85 + tall * (index + 0.5)
        size = np.array([wide, tall * 0.52, wide * rng.uniform(0.8, 1.1)]) * rng.uniform(0.9, 1.05)
        if body == 0:
            clay.join(cylinder(at(0, y, 0), float(size[0]), float(size[1]), None, 0.05), 0.06)
        elif body == 1:
            clay.join(box(at(0, y, 0), size, None, rng.uniform(0.03, 0.2)), 0.06)
        else:
            clay.join(ellipsoid(at(0, y, 0), size * 1.08), 0.08)
        _face(clay, rng, y, size, tall)
        _beside(clay, rng, y, size, tall)
    mesh = clay.weathered(rng, detail, _HEWN, rng.uniform(0.2, 0.9))
    return Built(finished(rng, mesh))


def _face(clay: Clay, rng: np.random.Generator, y: float, size: np.ndarray, tall: float) -> None:
    """Sockets and eyes, brows, a nose and a mouth on the front of a block of half sides `size`."""
    front, apart = float(size[2]), float(size[0]) * rng.uniform(0.38, 0.5)
    eye, eyes_y = tall * rng.uniform(0.07, 0.12), y + tall * rng.uniform(0.08, 0.2)
    style, brow = int(rng.integers(4)), rng.uniform(0.25, 0.6)
    slant, nose = rng.normal(0, 0.25), int(rng.integers(3))
    for side in (-1, 1):
        middle = at(side * apart, eyes_y, front * 0.92)
        if style in (0, 1):  # sunk, with or without a ball in it
            clay.cut(ellipsoid(middle, (eye * 1.25, eye, front * 0.3)), 0.02)
        if style in (1, 2):
            clay.join(ellipsoid(middle - at(0, 0, 0.02), (eye * 0.8, eye * 0.65, front * 0.22)), 0.015, 2)
        if style in (2, 3):
            lying = np.array([(1.0, 0, 0), (0, 0, 1.0), (0, -1.0, 0)])
            clay.join(ring(middle, eye, eye * 0.3, lying), 0.02, 2)
        if rng.random() < 0.8:
            inner = middle + at(-side * eye * 1.1, eye * 1.5 - slant * eye, front * 0.05)
            outer = middle + at(side * eye * 1.2, eye * 1.5 + slant * eye, -front * 0.08)
            clay.join(limb(inner, outer, eye * brow, eye * brow * 0.7), 0.03)
    low, out = eyes_y - tall * rng.uniform(0.16, 0.24), front + tall * rng.uniform(0.05, 0.2)
    if nose == 0:
        clay.join(limb(at(0, eyes_y, front), at(0, low, out), eye * 0.4, eye * rng.uniform(0.5, 0.9)), 0.04, 3)
    elif nose == 1:  # a wedge
        tilt = rng.uniform(0.2, 0.5)
        turn = np.array([(1, 0, 0), (0, np.cos(tilt), -np.sin(tilt)), (0, np.sin(tilt), np.cos(tilt))])
        half = (eye * rng.uniform(0.4, 0.8), (eyes_y - low) * 0.6, eye * 0.8)
        clay.join(box(at(0, (eyes_y + low) / 2, front), half, turn, 0.02), 0.02, 3)
    else:  # a beak
        clay.join(limb(at(0, (eyes_y + low) / 2, front), at(0, low - eye * 0.5, out + tall * 0.12), eye, 0.02), 0.03, 3)
    mouth, mouth_y = float(size[0]) * rng.uniform(0.35, 0.75), low - tall * rng.uniform(0.08, 0.14)
    gape = tall * rng.uniform(0.015, 0.06)
    clay.cut(box(at(0, mouth_y, front), (mouth, gape, front * 0.25), None, gape * 0.8), 0.015)
    if rng.random() < 0.6:
        clay.join(box(at(0, mouth_y - gape * 1.9, front * 0.97), (mouth, gape * 0.7, 0.05), None, 0.02), 0.03)
    if gape > tall * 0.03 and rng.random() < 0.6:
        number = int(rng.integers(3, 9))
        for x in (np.arange(number) + 0.5) / number * 2 * mouth - mouth:
            clay.join(
                box(at(x, mouth_y, front * 0.88), (mouth / number * 0.8, gape * 0.95, 0.05), None, 0.01), 0.005, 2
            )


def _beside(clay: Clay, rng: np.random.Generator, y: float, size: np.ndarray, tall: float) -> None:
    """Ears, horns, arms or wings at the sides, a hat or a band on top, grooves all round."""
    w, what = float(size[0]), rng.random()
    for side in (-1, 1):
        if what < 0.3:
            clay.join(ellipsoid(at(side * w, y + tall * 0.15, 0), (w * 0.3, tall * 0.16, w * 0.15)), 0.04, 2)
        elif what < 0.5:
            foot, bend = at(side * w * 0.7, y + tall * 0.3, 0), at(side * w * 1.35, y + tall * 0.36, 0.05)
            clay.join(limb(foot, bend, tall * 0.07, tall * 0.05), 0.03, 2)
            clay.join(limb(bend, bend + at(side * 0.02, tall * 0.15, 0.1), tall * 0.05, 0.015), 0.02, 2)
        elif what < 0.75:
            elbow = at(side * w * 1.15, y - tall * 0.3, w * 0.4)
            clay.join(limb(at(side * w, y, 0), elbow, tall * 0.07, tall * 0.06), 0.03)
            clay.join(limb(elbow, at(side * w * 0.3, y - tall * 0.28, w * 1.15), tall * 0.06, tall * 0.05), 0.03)
    top = y + float(size[1]) * 0.9
    if rng.random() < 0.4:
        clay.join(cylinder(at(0, top, 0), w * rng.uniform(1.0, 1.35), tall * rng.uniform(0.02, 0.07)), 0.02, 3)
    for _ in range(int(rng.choice([0, 0, 1, 3]))):
        groove = y + rng.uniform(-0.45, 0.45) * tall
        clay.cut(ring(at(0, groove, 0), w * 1.06, tall * rng.uniform(0.015, 0.04)), 0.015)
