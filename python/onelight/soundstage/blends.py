"""Solids melted together and cut into: boxes, balls, rods and rings with fillets, holes, grooves and sharp edges."""

from __future__ import annotations

import numpy as np

from onelight.soundstage.clay import Clay, Solid, box, cylinder, ellipsoid, limb, ring
from onelight.soundstage.families import Built, family
from onelight.soundstage.noise import rotation
from onelight.soundstage.surfaces import finished


def _solid(rng: np.random.Generator, centre: np.ndarray, size: float) -> Solid:
    """Any one solid of about a size, turned at random or upright."""
    turn = rotation(rng) if rng.random() < 0.6 else None
    shape = rng.integers(5)
    if shape == 0:
        return ellipsoid(centre, size * np.exp(rng.normal(0, 0.35, 3)), turn)
    if shape == 1:
        return box(centre, size * rng.uniform(0.35, 1.1, 3), turn, rng.choice([0.01, rng.uniform(0.02, 0.3) * size]))
    if shape == 2:
        return cylinder(centre, size * rng.uniform(0.3, 0.9), size * rng.uniform(0.3, 1.2), turn)
    if shape == 3:
        return ring(centre, size * rng.uniform(0.7, 1.1), size * rng.uniform(0.12, 0.4), turn)
    along = rotation(rng)[0] * size * rng.uniform(0.6, 1.4)
    return limb(centre - along, centre + along, size * rng.uniform(0.15, 0.6), size * rng.uniform(0.1, 0.6))


@family("blends", kind="objects")
def blends(rng: np.random.Generator, detail: float) -> Built:
    """Up to a dozen solids melted together about a core, then drilled, sliced and grooved; now and then mirrored."""
    clay = Clay(detail)
    mirrored = rng.random() < 0.35
    fillet = float(rng.choice([0.01, rng.uniform(0.02, 0.08), rng.uniform(0.1, 0.3)]))
    centres = [np.zeros(3)]
    for index in range(int(rng.integers(3, 13))):
        size = rng.uniform(0.3, 0.5) if index == 0 else rng.uniform(0.1, 0.34)
        centre = centres[int(rng.integers(len(centres)))] + rotation(rng)[0] * rng.uniform(0.2, 0.55) * (index > 0)
        centre = np.clip(centre, -0.75, 0.75)
        centres.append(centre)
        solid, part = _solid(rng, centre, size), int(rng.choice([1, 1, 1, 2, 3]))
        clay.join(solid, fillet, part)
        if mirrored:
            clay.join(_reflected(solid), fillet, part)
    for _ in range(int(rng.choice([0, 2, 6]))):
        toward = centres[int(rng.integers(len(centres)))] + rng.normal(0, 0.3, 3)
        cut = _solid(rng, toward, rng.uniform(0.05, 0.3))
        clay.cut(cut, rng.uniform(0.005, 0.04))
        if mirrored:
            clay.cut(_reflected(cut))
    return Built(finished(rng, clay.weathered(rng, detail), turn=rng.random() < 0.5))


def _reflected(solid: Solid) -> Solid:
    """The solid on the other side of the plane x = 0."""
    flip = np.array([-1.0, 1.0, 1.0])
    low, high = np.minimum(solid.low * flip, solid.high * flip), np.maximum(solid.low * flip, solid.high * flip)
    return Solid(lambda axes: solid.distance((-axes[0], axes[1], axes[2])), low, high)
