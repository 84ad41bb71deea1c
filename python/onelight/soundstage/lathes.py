"""Turned things: vases, bottles, bowls, cups and balusters, with mouldings, flutes, twists, relief and handles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, merged
from onelight.soundstage.noise import Noise, smoothstep
from onelight.soundstage.surfaces import curve, finished, pushed, revolved, swept, vertices_wanted

_SIZES = {"vase": (1.4, 0.5), "bottle": (1.7, 0.38), "bowl": (0.55, 0.75), "cup": (0.85, 0.42)}  # height, radius


@family("lathes", kind="objects")
def lathes(rng: np.random.Generator, detail: float) -> Built:
    """A profile turned round an axis, then fluted, twisted, pressed out of round and decorated by hand."""
    kind = str(rng.choice(["vase", "bottle", "bowl", "cup", "baluster"]))
    outside = _baluster(rng) if kind == "baluster" else _vessel(rng, kind)
    outer = len(outside)
    wall = None if kind == "baluster" or rng.random() < 0.1 else rng.uniform(0.025, 0.07)
    profile = outside if wall is None else _hollowed(rng, outside, wall)
    profile = _closed(profile)
    rows = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    girth = 2 * np.pi * max(float(profile[:, 0].mean()), 0.15)
    count = vertices_wanted(detail)
    step = np.sqrt(rows[-1] * girth / count)
    reach = np.linspace(0, rows[-1], max(24, int(rows[-1] / step)))
    lip = float(rows[min(outer, len(rows) - 1)])
    profile = np.stack([np.interp(reach, rows, profile[:, axis]) for axis in (0, 1)], 1)
    columns = max(16, int(girth / step))
    vertices, faces = revolved(profile, columns)
    vertices = _modelled(rng, vertices, profile, columns)
    mesh = Mesh(vertices, faces)
    decorated = np.repeat(smoothstep(lip, lip - 0.06, reach) * _bands(rng, profile[:, 1]), columns)
    height = reliefs.worn(rng, mesh.vertices, strength=0.8, bare=0.35) * decorated
    if wall is not None:  # no cut goes through to the inside
        height = np.maximum(height, -0.3 * wall)
    body = pushed(mesh, height + _throwing(rng, vertices))
    parts = [body]
    if kind in ("cup", "vase", "bottle") and rng.random() < (0.85 if kind == "cup" else 0.4):
        parts += _handles(rng, outside, 1 if kind == "cup" else int(rng.integers(1, 3)), detail)
    return Built(finished(rng, merged(parts)))


def _vessel(rng: np.random.Generator, kind: str) -> np.ndarray:
    """Outer profile [R, 2] of something to hold, foot first."""
    height, width = _SIZES[kind]
    height, width = height * rng.uniform(0.75, 1.2), width * rng.uniform(0.75, 1.2)
    if kind == "bowl":
        steps = np.linspace(0, 1, 7) ** rng.uniform(0.7, 1.4)
        radius = width * (0.35 + 0.65 * np.sin(steps * rng.uniform(1.2, 1.9)) ** rng.uniform(0.6, 1.4))
    elif kind == "bottle":
        radius = width * np.array(
            [0.9, 1, 1, rng.uniform(0.8, 1), rng.uniform(0.25, 0.5), 0.28, rng.uniform(0.25, 0.4)]
        )
    elif kind == "cup":
        radius = width * (1 + np.cumsum(rng.normal(0, 0.06, 7)))
    else:
        radius = width * np.clip(0.65 + np.cumsum(rng.normal(0, 0.25, 7)), 0.25, 1.2)
    body = curve(np.stack([radius, np.linspace(0, height, 7)], 1), 240)
    body[:, 0] = np.maximum(body[:, 0], 0.06)
    body[:, 0] += _mouldings(rng, body[:, 1], int(rng.integers(0, 6)))
    if rng.random() < 0.5:  # a foot ring
        foot = rng.uniform(0.02, 0.1)
        wide = body[0, 0] * rng.uniform(0.7, 1.05)
        body = np.concatenate([[[wide, -foot], [wide * rng.uniform(0.85, 1.0), -0.2 * foot]], body])
    if rng.random() < 0.5:  # a lip turned out
        out = rng.uniform(0.01, 0.12)
        body = np.concatenate([body, body[-1] + [[0.7 * out, 0.2 * out], [out, 0.5 * out]]])
    return body


def _baluster(rng: np.random.Generator) -> np.ndarray:
    """Outer profile [R, 2] of a solid post, chess piece or spindle, rich in mouldings."""
    height, knots = rng.uniform(1.4, 2.0), int(rng.integers(6, 14))
    radius = np.clip(0.28 + rng.normal(0, 0.11, knots), 0.08, 0.55)
    body = curve(np.stack([radius, np.sort(rng.uniform(0, height, knots))], 1), 300)
    body[:, 1] = np.maximum.accumulate(np.linspace(0, height, 300) * 0.5 + np.clip(body[:, 1], 0, height) * 0.5)
    body[:, 0] = np.maximum(body[:, 0], 0.07) + _mouldings(rng, body[:, 1], int(rng.integers(3, 12)))
    return body


def _mouldings(rng: np.random.Generator, height: np.ndarray, count: int) -> np.ndarray:
    """Beads (+) and coves (-) [R] at random heights, some half round and some sharp."""
    total = np.zeros(len(height))
    for _ in range(count):
        width = np.ptp(height) * rng.uniform(0.01, 0.05)
        away = np.abs(height - rng.uniform(height.min(), height.max())) / width
        shape = np.sqrt(np.clip(1 - away**2, 0, 1)) if rng.random() < 0.6 else np.clip(1 - away, 0, 1)
        total += rng.choice([0.9, -0.6]) * min(width, 0.05) * shape
    return total


def _hollowed(rng: np.random.Generator, outside: np.ndarray, wall: float) -> np.ndarray:
    """The profile led over the lip and down the inside of a wall."""
    inside = outside[::-1] - [wall, 0]
    inside = inside[(inside[:, 0] > 0.02) & (inside[:, 1] > outside[:, 1].min() + 1.5 * wall)]
    lip = outside[-1] + [-wall / 2, wall * rng.uniform(0.1, 0.6)]
    return np.concatenate([outside, lip[None], inside]) if len(inside) > 3 else outside


def _closed(profile: np.ndarray) -> np.ndarray:
    return np.concatenate([[[0.0, profile[0, 1]]], profile, [[0.0, profile[-1, 1]]]])


def _modelled(rng: np.random.Generator, vertices: np.ndarray, profile: np.ndarray, columns: int) -> np.ndarray:
    """Flutes, lobes, twist, facets and a hand-made wobble; inside and outside alike, so that walls stay whole."""
    turn = np.tile(np.linspace(0, 2 * np.pi, columns, endpoint=False), len(profile))
    height = vertices[:, 1]
    across = np.ones(len(vertices))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.35, 0.45, 0.2]))):
        lobes, twist = int(rng.integers(3, 40)), rng.choice([0.0, rng.uniform(-3, 3)])
        wave = np.abs(np.cos((turn + twist * height) * lobes / 2)) ** rng.uniform(0.4, 2)
        low, high = np.sort(rng.uniform(height.min() - 0.2, height.max() + 0.2, 2))
        window = smoothstep(low - 0.08, low + 0.08, height) * smoothstep(high + 0.08, high - 0.08, height)
        across += rng.choice([-1, 1]) * rng.uniform(0.3, 1) * min(0.2, 1.0 / lobes) * window * wave
    if rng.random() < 0.15:  # facets, as of cut glass
        sides = int(rng.integers(4, 11))
        across *= np.cos(np.pi / sides) / np.cos((turn % (2 * np.pi / sides)) - np.pi / sides)
    wobble = 1 + rng.uniform(0, 0.03) * Noise(rng)(vertices, 1.0)
    return vertices * np.stack([across * wobble, np.ones(len(vertices)), across * wobble], 1)


def _bands(rng: np.random.Generator, height: np.ndarray) -> np.ndarray:
    """Where along the profile [R] decoration goes: everywhere, or between two heights."""
    if rng.random() < 0.4:
        return np.ones(len(height))
    low, high = np.sort(rng.uniform(height.min(), height.max(), 2))
    return smoothstep(low - 0.03, low + 0.03, height) * smoothstep(high + 0.03, high - 0.03, height)


def _throwing(rng: np.random.Generator, vertices: np.ndarray) -> np.ndarray:
    """The faint rings a potter's fingers leave, wider here and narrower there."""
    if rng.random() < 0.5:
        return np.zeros(len(vertices))
    along = vertices[:, 1] * rng.uniform(4, 14) + 0.05 * np.arctan2(vertices[:, 0], vertices[:, 2])
    return rng.uniform(0.001, 0.004) * Noise(rng)(np.stack([along, 0 * along, 0 * along], 1))


def _handles(rng: np.random.Generator, outside: np.ndarray, count: int, detail: float) -> list[Mesh]:
    """Bent straps or rods from one height of the body to another, evenly set round it."""
    low, high = np.quantile(outside[:, 1], [rng.uniform(0.1, 0.45), rng.uniform(0.6, 0.95)])
    r_low, r_high = (outside[np.abs(outside[:, 1] - y).argmin(), 0] for y in (low, high))
    reach = rng.uniform(0.15, 0.4)
    knots = [
        (r_high - 0.04, high),
        (r_high + 0.6 * reach, high + rng.uniform(0, 0.15)),
        (max(r_low, r_high) + reach, high - 0.3 * (high - low)),
        (r_low + rng.uniform(0.3, 0.9) * reach, low + 0.15 * (high - low)),
        (r_low - 0.04, low),
    ]
    flat = curve(np.array(knots), max(12, int(140 * detail)))
    path = np.stack([flat[:, 0], flat[:, 1], 0 * flat[:, 0]], 1)
    sides = max(8, int(36 * detail))
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    groove = 1 - rng.choice([0.0, rng.uniform(0.05, 0.25)]) * np.abs(np.sin(turn * rng.integers(2, 5)))
    section = np.stack([np.cos(turn) * rng.uniform(0.6, 1.8), np.sin(turn)], 1) * groove[:, None]
    thick = rng.uniform(0.03, 0.055) * (1 + rng.uniform(0, 0.6) * np.abs(np.linspace(-1, 1, len(path))) ** 2)
    strap = Mesh(*swept(path, thick, sides, section=section))
    strap = pushed(strap, reliefs.worn(rng, strap.vertices, strength=0.5, bare=0.6))
    strap = replace(strap, part=np.full(len(strap.vertices), rng.integers(1, 3), np.uint16))
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 2 * np.pi)
    turns = [np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]) for a in angles]
    return [strap.moved(rotate=turn) for turn in turns]
