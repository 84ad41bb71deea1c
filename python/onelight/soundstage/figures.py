"""Sculpted figures: beasts, birds and people of blended limbs and muscles, with horns, wings, robes and plinths."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.anatomy import EXTRA, joined, muzzle, unit, visage
from onelight.soundstage.clay import Clay, at, box, chain, cylinder, ellipsoid, limb
from onelight.soundstage.families import Built, family
from onelight.soundstage.surfaces import curve, finished

_COATS = (reliefs.hair, reliefs.hair, reliefs.folds, reliefs.folds, reliefs.wrinkles, reliefs.lumps, reliefs.scales)
_COATS += (reliefs.grain, reliefs.cobbles, reliefs.carved, reliefs.crests)
_PLINTH = 3


@family("figures", kind="objects")
def figures(rng: np.random.Generator, detail: float) -> Built:
    """One figure, on its own, on a plinth, or cut off like a torso from a dig."""
    clay = Clay(detail, 0.95)
    make = [beast, bird, person, person][int(rng.integers(4))]
    make(rng, clay)
    if rng.random() < 0.4:
        _plinth(rng, clay)
    if rng.random() < 0.15:  # something broke off
        away = rng.normal(size=3)
        away *= rng.uniform(0.5, 0.8) / np.linalg.norm(away)
        clay.cut(box(away * 1.9, (0.9, 0.9, 0.9), np.linalg.qr(rng.normal(size=(3, 3)))[0], 0.02), 0.01)
    return Built(finished(rng, clay.weathered(rng, detail, _COATS, rng.uniform(0.5, 1.0), bare=0.2)))


def beast(rng: np.random.Generator, clay: Clay) -> None:
    """Four legs, from hound to bear to lizard, standing, striding or lying; with ears, horns, mane and tail."""
    long, bulk, leg = rng.uniform(0.3, 0.5), rng.uniform(0.13, 0.26), rng.uniform(0.25, 0.6)
    blend = rng.uniform(0.03, 0.1)
    arch = rng.normal(0, 0.06)
    hip, chest = np.array([0, 0.1, -long]), np.array([0, 0.1 + rng.normal(0, 0.05), long])
    middle = np.array([0, 0.1 + arch, 0])
    spine = curve(np.array([hip, middle, chest]), 7)
    joined(clay, chain(spine, bulk * np.linspace(0.8, 1, 7) * (1 - 0.25 * np.sin(np.linspace(0, np.pi, 7)))), blend)
    clay.join(ellipsoid(chest - at(0, 0.25 * bulk, 0.1), bulk * rng.uniform(0.9, 1.25, 3)), blend)
    clay.join(ellipsoid(middle - at(0, 0.3 * bulk, 0), bulk * np.array([0.9, 0.8, 1.2])), blend)
    lying = rng.random() < 0.2
    for side in (-1, 1):
        for root, knee_goes in ((hip, 1), (chest, -1)):
            stride = rng.normal(0, 0.18)
            top = root + at(side * bulk * 0.75, -0.2 * bulk, 0)
            knee = top + at(side * 0.03, -0.5 * leg, stride + 0.1 * knee_goes)
            heel = knee + at(0, -0.5 * leg, -0.08 * knee_goes + 0.6 * stride)
            if lying:
                knee, heel = top + at(side * 0.1, -0.4 * bulk, 0.6 * leg), top + at(side * 0.1, -0.75 * bulk, 0.1)
            toe = heel + at(0, -0.02, rng.uniform(0.05, 0.13))
            thick = bulk * np.array([rng.uniform(0.45, 0.65), 0.32, 0.22, 0.25])
            joined(clay, chain([top, knee, heel, toe], thick), 0.5 * blend)
            clay.join(ellipsoid(top - at(0, 0.15 * leg, 0), (0.4 * bulk, 0.35 * leg, 0.6 * bulk)), blend)
    tip = chest + at(0, rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.3))
    neck = curve(np.array([chest, (chest + tip) / 2 + at(0, 0, rng.normal(0, 0.07)), tip]), 6)
    joined(clay, chain(neck, bulk * np.linspace(0.8, 0.5, 6)), blend)
    muzzle(rng, clay, tip, bulk * rng.uniform(0.5, 0.8))
    tail = hip + np.cumsum(np.r_[[[0, 0, 0]], rng.normal([0, 0.02, -0.12], [0.06, 0.1, 0.03], (6, 3))], 0)
    joined(clay, chain(curve(tail, 12), np.linspace(0.35 * bulk, rng.uniform(0.02, 0.06), 12)), 0.04)
    if rng.random() < 0.35:  # a mane of locks
        for nape in neck[np.repeat(np.arange(6), 6)]:
            out = rng.normal(size=3) * [1, 0.6, 0.7]
            start = nape + 0.5 * bulk * out / np.linalg.norm(out)
            joined(clay, chain([start, start + rng.normal([0, -0.1, -0.02], 0.05)], [0.05, 0.02]), 0.015)


def bird(rng: np.random.Generator, clay: Clay) -> None:
    """A perched or flying bird: egg-shaped body, beak, fanned tail, wings of overlapping feathers, thin legs."""
    fat = rng.uniform(0.2, 0.36)
    lean = rng.uniform(0.2, 0.9)
    along = np.array([0, np.sin(lean), np.cos(lean)])
    turn = np.stack([[1, 0, 0], np.cross(along, [1, 0, 0]), along], 1)
    clay.join(ellipsoid((0, 0, 0), (fat, fat * rng.uniform(0.85, 1.1), fat * rng.uniform(1.3, 1.9)), turn), 0.05)
    head = along * fat * 1.5 + at(0, rng.uniform(0.1, 0.3), 0.08)
    joined(clay, chain([along * fat * 0.8, head], [fat * 0.7, fat * 0.45]), 0.1)
    muzzle(rng, clay, head, fat * rng.uniform(0.45, 0.65), beak=True)
    feathers, spread = int(rng.integers(4, 9)), rng.choice([0.1, rng.uniform(0.3, 1.2)])
    for side in (-1, 1):
        shoulder = along * fat * 0.6 + at(side * fat * 0.85, 0.05, 0)
        for index in range(feathers):
            t = index / (feathers - 1)
            way = -along * (1 - 0.5 * spread * t) + np.array([side * spread * (0.4 + t), spread * 0.5 * t, 0])
            end = shoulder + way * rng.uniform(0.45, 0.6) * (1 - 0.3 * abs(t - 0.5))
            start = shoulder + np.array([side * 0.3 * spread * t, 0.12 * spread * t, 0]) - at(0, 0.07 * t, 0)
            joined(clay, chain([start, (start + end) / 2 + at(side * 0.03, 0, 0), end], [0.075, 0.06, 0.025]), 0.012)
    for index in np.linspace(-1, 1, int(rng.integers(3, 7))):
        start = -along * fat * 1.1
        clay.join(limb(start, start - along * rng.uniform(0.35, 0.5) + at(0.14 * index, 0, 0), 0.07, 0.04), 0.02)
    for side in (-1, 1):
        hip = np.array([side * 0.4 * fat, -0.7 * fat, 0])
        foot = hip - at(0, rng.uniform(0.2, 0.4), 0)
        clay.join(limb(hip, foot, 0.09, 0.03), 0.05, EXTRA)
        for toe in (-0.5, 0, 0.5, np.pi):
            clay.join(limb(foot, foot + 0.12 * np.array([np.sin(toe), -0.05, np.cos(toe)]), 0.028, 0.015), 0.01, EXTRA)


def person(rng: np.random.Generator, clay: Clay) -> None:
    """A standing, walking, sitting or cross-legged person, with muscles or a robe, hair or a hat."""
    blend, build = rng.uniform(0.02, 0.06), rng.uniform(0.8, 1.35)
    seated, robed = rng.random() < 0.35, rng.random() < 0.45
    sway = rng.normal(0, 0.04, 3) * [1, 0.2, 1]
    pelvis, neck = np.array([0, -0.02, 0]), np.array([0, 0.46, 0]) + sway
    ribs = (pelvis + 2 * neck) / 3
    clay.join(ellipsoid(pelvis, np.array([0.16, 0.12, 0.12]) * build), blend)
    clay.join(ellipsoid(ribs, np.array([0.18, 0.2, 0.13]) * build), 0.08)
    clay.join(limb(pelvis, ribs, 0.11 * build, 0.12 * build), 0.06)
    shoulders = 0.2 * build
    clay.join(limb(neck + at(-shoulders * 0.8, -0.06, 0), neck + at(shoulders * 0.8, -0.06, 0), 0.07, 0.07), 0.06)
    head = neck + at(rng.normal(0, 0.02), rng.uniform(0.17, 0.24), 0.03)
    clay.join(limb(neck, head, 0.06, 0.06), 0.03)
    visage(rng, clay, head, rng.uniform(0.11, 0.17))
    for side in (-1, 1):
        shoulder = neck + at(side * shoulders, -0.07, 0)
        swing, out = rng.uniform(-0.7, 2.4), rng.uniform(0.1, 0.9)
        elbow = shoulder + 0.27 * unit([side * out, -np.cos(swing), np.sin(swing)])
        hand = elbow + 0.25 * unit(rng.normal([-0.4 * side, 0.1, 0.7], 0.6))
        joined(clay, chain([shoulder, elbow, hand], np.array([0.075, 0.05, 0.038]) * build), blend)
        clay.join(ellipsoid(shoulder, np.array([0.085, 0.09, 0.085]) * build), 0.03)
        for finger in rng.normal(0, 0.03, (4, 3)):
            clay.join(limb(hand, hand + unit(hand - elbow) * 0.08 + finger, 0.025, 0.014), 0.01)
        hip = pelvis + at(side * 0.09 * build, -0.06, 0)
        if seated and rng.random() < 0.5:  # cross-legged
            knee, foot = hip + at(side * 0.3, -0.04, 0.25), hip + at(-side * 0.12, -0.1, 0.3)
        elif seated:
            knee = hip + at(side * 0.06, rng.normal(0, 0.04), 0.36)
            foot = knee + at(0, -0.36, rng.normal(0, 0.06))
        else:
            step = rng.normal(0, 0.1)
            knee = hip + at(side * 0.03, -0.36, 0.05 + step)
            foot = knee + at(0, -0.38, 0.3 * step - 0.04)
        joined(clay, chain([hip, knee, foot], np.array([0.11, 0.07, 0.045]) * build), blend)
        clay.join(limb(foot, foot + at(side * 0.02, -0.02, 0.13), 0.045, 0.03), 0.02)
        if not robed:  # chest, belly and calf show as muscles
            clay.join(ellipsoid(ribs + at(side * 0.08, 0.06, 0.1 * build), (0.085, 0.06, 0.045)), 0.012)
            clay.join(ellipsoid((knee + foot) / 2 + at(0, 0.07, -0.03), (0.05, 0.12, 0.05)), 0.02)
            for row in range(3):
                clay.join(
                    ellipsoid(pelvis + at(side * 0.042, 0.08 + 0.075 * row, 0.105 * build), (0.04, 0.034, 0.03)), 0.01
                )
    if robed:
        _robe(rng, clay, pelvis, neck, build, seated)


def _robe(
    rng: np.random.Generator, clay: Clay, pelvis: np.ndarray, neck: np.ndarray, build: float, seated: bool
) -> None:
    """A skirt with hanging folds, and bands of folds that cross the chest from one shoulder."""
    hem = pelvis - at(0, 0.35 if seated else rng.uniform(0.5, 0.85), 0)
    wide = rng.uniform(0.2, 0.36) * (1.3 if seated else 1)
    clay.join(limb(pelvis + at(0, 0.1, 0), hem, 0.13 * build, wide), 0.04, EXTRA)
    clay.cut(box(hem - at(0, 0.5, 0), (0.9, 0.5, 0.9), None, 0.01), 0.01)
    for angle in np.sort(rng.uniform(0, 2 * np.pi, rng.integers(10, 26))):
        way = np.array([np.sin(angle), 0, np.cos(angle)])
        top = pelvis + way * 0.12 * build + at(0, rng.uniform(-0.1, 0.1), 0)
        end = hem + way * wide * rng.uniform(0.95, 1.08)
        bend = (top + end) / 2 + rng.normal(0, 0.03, 3) - 0.02 * way
        joined(
            clay,
            chain(curve(np.array([top, bend, end]), 6), np.linspace(0.015, rng.uniform(0.02, 0.05), 6)),
            0.03,
            EXTRA,
        )
    side = rng.choice([-1, 1])
    for row in np.linspace(0, 1, int(rng.integers(3, 9))):
        start, end = (
            neck + at(side * (0.18 - 0.1 * row), -0.03, 0.05),
            pelvis + at(-side * 0.16, 0.26 * (1 - row), 0.06),
        )
        hang = (start + end) / 2 + at(0, -0.05 - 0.05 * row, 0.13 * build)
        joined(clay, chain(curve(np.array([start, hang, end]), 7), np.full(7, rng.uniform(0.014, 0.028))), 0.02, EXTRA)


def _plinth(rng: np.random.Generator, clay: Clay) -> None:
    """A slab or drum under the lowest clay."""
    full = np.nonzero((clay.field < 0).any((0, 2)))[0]
    if len(full):
        low, wide = float(clay.axis[full[0]]), rng.uniform(0.3, 0.55)
        half = rng.uniform(0.05, 0.12)
        centre = np.array([0, max(low, -0.95) - half * 0.6, 0])
        shape = cylinder(centre, wide, half) if rng.random() < 0.5 else box(centre, (wide, half, wide), None, 0.015)
        clay.join(shape, 0.015, _PLINTH)
