"""Where a scene's key lights stand, and how soft they are."""

from __future__ import annotations

import numpy as np

from onelight.soundstage.camera import View
from onelight.soundstage.families import SUBJECTS
from onelight.soundstage.mesh import Floats

SUN = 0.5  # degrees across
SOFTBOX = 40.0
# The least share of what is seen that a key must reach: a light behind a wall shows nothing, but a rim is a thin line.
REACHES = {"objects": 0.03, "faces": 0.03, "rooms": 0.12, "exteriors": 0.12}


def keys(kind: str, view: View, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Unit vectors [count, 3] to key lights, in the world, and their angular diameters [count], degrees."""
    draw = around_camera if kind in SUBJECTS else over_ground
    directions = np.stack([draw(view, rng) for _ in range(count)])
    return directions.astype(np.float32), softness(count, rng)


def useful(kind: str, shares: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` lights: the first that reach enough of what is seen, failing that the ones that reach most."""
    first = np.flatnonzero(shares >= REACHES[kind])[:count]
    return first if len(first) == count else np.sort(np.argsort(-shares, kind="stable")[:count])


def softness(count: int, rng: np.random.Generator) -> Floats:
    """Half of the keys are as small as the sun, the others anything up to a softbox, evenly by ratio."""
    wide = np.exp(rng.uniform(np.log(SUN), np.log(SOFTBOX), count))
    return np.where(rng.random(count) < 0.5, SUN, wide).astype(np.float32)


def around_camera(view: View, rng: np.random.Generator) -> np.ndarray:
    """On the camera's side mostly: three of four within 70 degrees of its axis, a few as rims; more from above."""
    band = rng.random()
    low, high = (0, 70) if band < 0.75 else (70, 95) if band < 0.95 else (95, 150)
    cosine = rng.uniform(np.cos(np.radians(high)), np.cos(np.radians(low)))  # even over the sphere
    azimuth = rng.uniform(0, np.pi) if rng.random() < 0.7 else rng.uniform(-np.pi, 0)
    sine = np.sqrt(1 - cosine**2)
    return np.array([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine]) @ view.axes


def over_ground(view: View, rng: np.random.Generator) -> np.ndarray:
    """A sun: 3 to 75 degrees over the ground, from anywhere."""
    del view
    elevation, azimuth = np.radians(rng.uniform(3, 75)), rng.uniform(-np.pi, np.pi)
    flat = np.cos(elevation)
    return np.array([flat * np.cos(azimuth), np.sin(elevation), flat * np.sin(azimuth)])
