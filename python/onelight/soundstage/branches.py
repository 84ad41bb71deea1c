"""Branching things: coral, antlers, roots and bare trees, whose limbs fork again and again."""

from __future__ import annotations

import numpy as np

from onelight.soundstage.clay import Clay, ellipsoid, limb
from onelight.soundstage.families import Built, family
from onelight.soundstage.noise import rotation
from onelight.soundstage.surfaces import finished

_MOST = 260  # limbs


@family("branches", kind="objects")
def branches(rng: np.random.Generator, detail: float) -> Built:
    """One to four stems from a foot; each limb bends on its way and forks into thinner ones, blunt or pointed."""
    clay = Clay(detail)
    wide, thin = rng.uniform(0.35, 1.1), rng.uniform(0.68, 0.93)
    shorter, blunt, rise = rng.uniform(0.6, 0.9), rng.random() < 0.5, rng.uniform(-0.2, 0.5)
    fan = rng.choice([1.0, rng.uniform(0.05, 0.4)])  # some grow in a plane
    thick, most = rng.uniform(0.08, 0.2), int(rng.integers(40, _MOST))
    flat = np.array([1, 1, fan])
    foot = np.array([0, -0.8, 0])
    tips = []
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        way = (np.array([0, 1, 0]) + rng.normal(0, 0.35, 3)) * flat
        tips.append((foot, way / np.linalg.norm(way), thick, rng.uniform(0.25, 0.5)))
    done = 0
    while tips and done < most:
        at, way, radius, length = tips.pop(0)
        if radius < 0.014 or np.abs(at).max() > 0.95:
            continue
        bend = way + rng.normal(0, 0.18, 3) * flat
        middle = at + way * length / 2
        end = middle + bend / np.linalg.norm(bend) * length / 2
        slim = radius * thin
        clay.join(limb(at, middle, radius, (radius + slim) / 2), 0.3 * radius)
        clay.join(limb(middle, end, (radius + slim) / 2, slim), 0.3 * radius)
        done += 2
        if blunt and rng.random() < 0.3:
            clay.join(ellipsoid(end, slim * rng.uniform(1.0, 1.7, 3)), 0.4 * slim, 2)
        for _ in range(int(rng.choice([2, 2, 2, 3]))):
            aside = rng.normal(0, 1, 3) * flat
            fork = way + wide * aside / np.linalg.norm(aside) + np.array([0, rise, 0])
            tips.append((end, fork / np.linalg.norm(fork), slim, length * shorter * rng.uniform(0.8, 1.1)))
    if rng.random() < 0.4:
        clay.join(ellipsoid(foot, (rng.uniform(0.2, 0.5), 0.12, rng.uniform(0.2, 0.5)), rotation(rng)), 0.1, 3)
    return Built(finished(rng, clay.weathered(rng, detail, strength=rng.uniform(0.2, 0.9)), turn=rng.random() < 0.4))
