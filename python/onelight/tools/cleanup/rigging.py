"""What wires are made of and where they hang, drawn at random: steel, rope and rods; taut, hanging and bent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline

SPACING = 0.5  # pixels between the points of a course


@dataclass(frozen=True)
class Look:
    """What a wire is made of and how it is lit. Radiances are over the mean of the picture it is pasted on."""

    colour: np.ndarray  # [3] radiance of its lit side
    shaded: float  # share of that on the side away from the light
    light: float  # -1..1: where across the wire the light falls
    streak: float  # radiance of the specular line, times the colour's mean and more
    streak_at: float  # -1..1 across
    glints: float  # pixels between the glints of the line; 0: it is even
    twist: float  # pixels between the strands of a rope; 0: it is smooth
    contrast: float  # share by which it differs at least from the ground behind it, everywhere

    def radiance(self, across: np.ndarray, along: np.ndarray, width: float) -> np.ndarray:
        """A lit cylinder's radiance [N, 3] at places `across` it (-1..1) and `along` it (pixels)."""
        x = np.clip(across, -1, 1)
        facing = np.clip(x * self.light + np.sqrt(1 - x * x) * np.sqrt(1 - self.light**2), 0, 1)
        value = self.shaded + (1 - self.shaded) * facing
        if self.twist > 0:
            value = value * (0.75 + 0.25 * np.sin(2 * np.pi * (along / self.twist + 0.4 * x)))
        breadth = max(0.18, 0.6 / width)  # a line thinner than a pixel would alias
        line = self.streak * np.exp(-(((x - self.streak_at) / breadth) ** 2))
        if self.glints > 0:
            line = line * (0.5 + 0.5 * np.cos(2 * np.pi * along / self.glints)) ** 4
        return value[:, None] * self.colour + line[:, None]


def course(random: np.random.Generator, height: int, width: int, across: float) -> np.ndarray:
    """Where it runs: through the picture for the most part, taut, hanging or bent; rods end in it."""
    kind = random.choice(["taut", "hanging", "bent", "rod"], p=[0.4, 0.3, 0.15, 0.15])
    angle = random.choice([random.uniform(0, np.pi), random.normal(0, 0.15), random.normal(np.pi / 2, 0.2)])
    middle = random.uniform(0.1, 0.9, 2) * (width, height)
    direction = np.array([np.cos(angle), np.sin(angle)])
    far = float(np.hypot(height, width)) * 1.1 + 2 * across
    start, end = -far, far
    if kind == "rod":
        start, end = -random.uniform(0.15, 0.6) * far, random.uniform(0.15, 0.6) * far
    elif random.random() < 0.25:  # it is tied to something in shot
        end = random.uniform(0.05, 0.4) * far
    count = max(8, int((end - start) / SPACING))
    along = np.linspace(0, 1, count)
    points = middle + np.outer(start + (end - start) * along, direction)
    if kind == "hanging":  # a catenary between its two ends, moved so that it still meets the middle
        bend = random.uniform(0.3, 2.0)
        sag = random.uniform(0.01, 0.2) * (end - start)
        curve = (np.cosh(bend) - np.cosh(bend * (2 * along - 1))) / (np.cosh(bend) - 1) * sag
        points[:, 1] += curve - curve[int(count * -start / (end - start))]
    elif kind == "bent":
        knots = random.integers(4, 8)
        places = np.linspace(0, 1, knots)
        aside = random.normal(0, 0.05 * far, knots)
        curve = make_interp_spline(places, aside, k=3)(along)
        curve -= curve[int(count * -start / (end - start))]
        points += np.outer(curve, [-direction[1], direction[0]])
    return points


def look(random: np.random.Generator, across: float, contrast: float) -> Look:
    kind = random.choice(["dark", "metal", "pale", "coloured", "near"], p=[0.35, 0.2, 0.15, 0.1, 0.2])
    level = {
        "dark": random.uniform(0.01, 0.35),
        "metal": random.uniform(0.15, 1.2),
        "pale": random.uniform(0.8, 3.0),
        "coloured": random.uniform(0.2, 1.5),
        "near": float(np.exp(random.normal(0, 0.3))),
    }[kind]
    tint = np.exp(random.normal(0, 0.6 if kind == "coloured" else 0.06, 3))
    shines = random.random() < (0.9 if kind == "metal" else 0.3)
    return Look(
        colour=(level * tint / tint.mean()).astype(np.float32),
        shaded=float(random.uniform(0.2, 1)),
        light=float(random.uniform(-0.95, 0.95)),
        streak=level * float(np.exp(random.uniform(-1.5, 1.5))) if shines else 0.0,
        streak_at=float(random.uniform(-0.7, 0.7)),
        glints=float(random.uniform(10, 80)) if random.random() < 0.3 else 0.0,
        twist=float(random.uniform(0.8, 3) * across) if across > 3 and random.random() < 0.3 else 0.0,
        contrast=contrast,
    )


def gaps(random: np.random.Generator) -> tuple[tuple[float, float], ...]:
    """One or two stretches that something hides."""
    starts = random.uniform(0.1, 0.85, random.integers(1, 3))
    return tuple((float(start), float(start + random.uniform(0.02, 0.12))) for start in starts)
