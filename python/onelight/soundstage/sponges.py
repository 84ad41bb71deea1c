"""Solids full of holes: minimal surfaces, foam, coral rock and melted drops, as level sets of fields in space."""

from __future__ import annotations

import numpy as np

from onelight.soundstage.clay import Axes, Clay, box, cylinder, ellipsoid
from onelight.soundstage.families import Built, family
from onelight.soundstage.noise import Noise, cells, rotation
from onelight.soundstage.surfaces import finished

_REACH = 0.95  # metres from the middle: as far as anything goes
_LEAST = 0.01  # of the block is to be filled


@family("sponges", kind="objects")
def sponges(rng: np.random.Generator, detail: float) -> Built:
    """A lattice, foam or lumps of noise within an outline, thick or thin, even or thinning out to one side."""
    clay = Clay(detail, 1.0)
    while True:
        size = rng.uniform(0.55, _REACH, 3)
        turn = rotation(rng) if rng.random() < 0.6 else None
        _fill(clay, rng, size, turn)
        if (clay.field < 0).mean() > _LEAST:
            break  # else a level was drawn that leaves the outline as good as empty
    if rng.random() < 0.2:  # a core holds it together, and what is seen through the holes is solid
        clay.join(ellipsoid(np.zeros(3), size * rng.uniform(0.35, 0.65), turn), 0.04, 2)
    return Built(finished(rng, clay.weathered(rng, detail, strength=rng.uniform(0.1, 0.7)), turn=rng.random() < 0.5))


def _fill(clay: Clay, rng: np.random.Generator, size: np.ndarray, turn: np.ndarray | None) -> None:
    """Any field within any outline of half sides `size`, in place of what was there."""
    fields = (_minimal, _foam, _lumps, _drops)
    outlines = (
        lambda: ellipsoid(np.zeros(3), size, turn),
        lambda: box(np.zeros(3), size * 0.62, turn, rng.uniform(0.02, 0.2)),
        lambda: cylinder(np.zeros(3), float(size[0]) * 0.65, float(size[1]) * 0.65, turn),
    )
    whole = (clay.axis[None, None, :], clay.axis[None, :, None], clay.axis[:, None, None])
    inside = fields[int(rng.integers(len(fields)))](rng)(whole)
    outline = outlines[int(rng.integers(3))]().distance(whole)
    clay.field = np.maximum(inside, outline).astype(np.float32)


def _points(axes: Axes) -> tuple[np.ndarray, tuple[int, ...]]:
    grid = np.broadcast_arrays(*axes)
    return np.stack([part.ravel() for part in grid], 1).astype(np.float32), grid[0].shape


def _minimal(rng: np.random.Generator):
    """A gyroid, Schwarz's P or D surface (Schoen 1970), its walls thick or its rooms filled."""
    waves = rng.uniform(3.0, 9.0) * np.exp(rng.normal(0, 0.15, 3))
    kind, level, walls = int(rng.integers(3)), rng.uniform(-0.5, 0.5), rng.random() < 0.5
    turn, thick = rotation(rng), rng.uniform(0.25, 0.7)
    thins = rng.normal(0, 0.3)

    def field(axes: Axes) -> np.ndarray:
        points, shape = _points(axes)
        (sx, sy, sz), (cx, cy, cz) = (wave(points @ turn.T * waves).T for wave in (np.sin, np.cos))
        value = (
            sx * cy + sy * cz + sz * cx,
            cx + cy + cz,
            sx * sy * sz + sx * cy * cz + cx * sy * cz + cx * cy * sz,
        )[kind] - level + thins * points[:, 1]  # fmt: skip
        value = np.abs(value) - thick if walls else value
        return (value / (1.6 * waves.mean())).reshape(shape)

    return field


def _foam(rng: np.random.Generator):
    """Bubbles cut out of a block: what is left are walls and struts between them."""
    seeds = rng.uniform(-1.05, 1.05, (int(rng.integers(25, 200)), 3))
    thick = rng.uniform(0.03, 0.12)
    noise, awry = Noise(rng), rng.uniform(0, 0.08)

    def field(axes: Axes) -> np.ndarray:
        points, shape = _points(axes)
        near, next_near, _ = cells(noise.warped(points, 1.2, awry), seeds)
        return ((next_near - near) * 0.5 - thick).reshape(shape)

    return field


def _lumps(rng: np.random.Generator):
    """Noise of several octaves, cut at a level: caves, islands and bridges."""
    noise, wide, level = Noise(rng), rng.uniform(0.8, 2.2), rng.uniform(-0.5, 0.4)
    octaves, gain = int(rng.integers(1, 4)), rng.uniform(0.3, 0.5)

    def field(axes: Axes) -> np.ndarray:
        points, shape = _points(axes)
        return ((noise.fractal(points, wide, octaves, gain) + level) / (3.5 * wide)).reshape(shape)

    return field


def _drops(rng: np.random.Generator):
    """Drops that run into each other: a level of the sum of soft balls (Blinn 1982)."""
    count = int(rng.integers(6, 40))
    middles = rng.normal(0, 0.36, (count, 3)).clip(-0.75, 0.75)
    sizes = rng.uniform(0.08, 0.24, count)

    def field(axes: Axes) -> np.ndarray:
        x, y, z = axes
        total = sum(
            np.exp(-((x - m[0]) ** 2 + (y - m[1]) ** 2 + (z - m[2]) ** 2) / np.float32(s * s))
            for m, s in zip(middles, sizes, strict=True)
        )
        return (0.5 - np.asarray(total)) * np.float32(sizes.mean() * 0.8)

    return field
