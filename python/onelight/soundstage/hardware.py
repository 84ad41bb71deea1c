"""Made things with crisp edges: bolts, nuts, gears, knobs, plates and blocks, alone or fitted together, worn by use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, grid_faces, merged
from onelight.soundstage.noise import smoothstep
from onelight.soundstage.surfaces import finished, pushed, vertices_wanted

Outline = Callable[[np.ndarray], np.ndarray]  # radius at angles about the axis, radians
_WEAR = (reliefs.grain, reliefs.pores, reliefs.carved, reliefs.weave, reliefs.cracks)


@family("hardware", kind="objects")
def hardware(rng: np.random.Generator, detail: float) -> Built:
    """One machined part, a stack of them on an axis, or a block with parts set into its faces."""
    kind = rng.integers(3)
    if kind == 0:
        parts = [_part(rng, detail, 1.0)]
    elif kind == 1:
        parts, top = [], 0.0
        count = int(rng.integers(2, 6))
        for index in range(count):
            part = _part(rng, detail, 1.0 / count).moved(scale=rng.uniform(0.5, 1.0))
            low, high = part.vertices[:, 1].min(), part.vertices[:, 1].max()
            part = part.moved(translate=(0, top - float(low), 0))
            top += float(high - low) - 0.002
            parts.append(replace(part, part=np.full(len(part.vertices), 1 + index % 3, np.uint16)))
    else:
        parts = _fitted(rng, detail)
    whole = merged(parts).centred()
    fine = reliefs.worn(rng, whole.vertices, _WEAR, 0.35, bare=0.5)
    return Built(finished(rng, pushed(whole, fine).with_hard_edges(50), turn=True))


def _fitted(rng: np.random.Generator, detail: float) -> list[Mesh]:
    """A block, and on up to four of its sides small parts that stand out of it."""
    half = rng.uniform(0.25, 0.6, 3)
    block = _prism(_polygon(4, 0.04), _edges(rng, 1.0, rng.uniform(0.03, 0.15)), None, detail, 0.55)
    block = block.moved(scale=(1.2 * half).tolist())
    reach = np.abs(block.vertices).max(0)
    parts = [block]
    for axis, sign in ((1, 1), (0, 1), (2, 1), (0, -1))[: int(rng.integers(1, 5))]:
        for _ in range(int(rng.integers(1, 5))):
            small = _part(rng, detail, 0.06).moved(scale=rng.uniform(0.1, 0.3))
            small = small.moved(translate=(0, -float(small.vertices[:, 1].min()) - 0.01, 0))
            turn = {0: Rotation.from_euler("z", -90 * sign, degrees=True), 1: Rotation.identity()}.get(
                axis, Rotation.from_euler("x", 90 * sign, degrees=True)
            )
            place = rng.uniform(-0.5, 0.5, 3) * reach
            place[axis] = sign * reach[axis] * (0.98 if axis == 1 else 0.97)
            small = small.moved(rotate=turn.as_matrix(), translate=place)
            parts.append(replace(small, part=np.full(len(small.vertices), 2, np.uint16)))
    return parts


def _part(rng: np.random.Generator, detail: float, share: float) -> Mesh:
    """Any machined part about a vertical axis, radius about 1."""
    kind = str(rng.choice(["bolt", "nut", "gear", "knob", "disc", "block"]))
    bevel = rng.uniform(0.02, 0.12)
    hole = rng.uniform(0.25, 0.6) if kind in ("nut", "gear", "disc") else None
    if kind == "bolt":
        sides = int(rng.choice([4, 6, 6, 8]))
        head = _prism(_polygon(sides, 0.02), _edges(rng, rng.uniform(0.4, 0.7), bevel), None, detail, 0.5 * share)
        shaft = _threaded(rng, detail, 0.5 * share)
        return merged([head, shaft.moved(translate=(0, float(head.vertices[:, 1].min()) + 0.01, 0))])
    if kind == "gear":
        outline = _teeth(int(rng.integers(8, 32)), rng.uniform(0.08, 0.22))
    elif kind == "knob":
        outline = _knurls(int(rng.integers(12, 60)), rng.uniform(0.02, 0.08))
    elif kind == "disc":
        outline = np.ones_like
    else:
        outline = _polygon(6 if kind == "nut" else int(rng.choice([3, 4, 4, 5, 8])), rng.uniform(0.01, 0.15))
    return _prism(outline, _edges(rng, rng.uniform(0.2, 1.0), bevel), hole, detail, share)


def _edges(rng: np.random.Generator, height: float, bevel: float) -> np.ndarray:
    """Corners [K, 2] (share of the radius, height) of a side: bevelled, with a groove or a step on some."""
    bevel = min(bevel, 0.25 * height)
    side = height / 2 - bevel
    corners = [(1 - bevel, -height / 2), (1, -side)]
    if rng.random() < 0.4:
        low, high = np.sort(rng.uniform(-0.8, 0.8, 2)) * side
        depth, slope = rng.uniform(0.03, 0.2), 0.2 * (high - low)
        corners += [(1, low), (1 - depth, low + slope), (1 - depth, high - slope), (1, high)]
    corners += [(1, side), (1 - bevel, height / 2)]
    if rng.random() < 0.5:  # a raised or a sunk middle
        inner, rise = rng.uniform(0.4, 0.85), rng.uniform(-0.12, 0.15)
        corners += [(inner, height / 2), (inner - 0.03, height / 2 + rise)]
    return np.array(corners)


def _prism(outline: Outline, corners: np.ndarray, hole: float | None, detail: float, share: float) -> Mesh:
    """The corners led round an outline (radius [C] at angles [C]); closed on the axis, or open with a round hole."""
    if hole is None:
        path = np.concatenate([[(0, corners[0, 1])], corners, [(0, corners[-1, 1])]])
    else:
        hole = min(hole, float(corners[:, 0].min()) - 0.05)
        rim = np.array([(hole, corners[-1, 1] - 0.03), (hole, corners[0, 1] + 0.03)])
        opened = [(hole + 0.03, corners[-1, 1]), *rim, (hole + 0.03, corners[0, 1])]
        path = np.concatenate([corners, opened, corners[:1]])
    reach = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1) + 1e-6)])
    step = np.sqrt(reach[-1] * 4.5 / vertices_wanted(detail, share))
    dense = np.unique(np.concatenate([reach, np.linspace(0, reach[-1], max(12, int(reach[-1] / step)))]))
    radius, height = (np.interp(dense, reach, path[:, axis])[:, None] for axis in (0, 1))
    columns = max(24, int(4.5 / step))
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    # Toward the axis, or toward a hole, the outline gives way to a circle.
    inner = 0.0 if hole is None else hole + 0.03
    share_out = smoothstep(inner, inner + 0.6 * (float(corners[:, 0].min()) - inner), radius)
    shape = 1 + (outline(turn) - 1) * share_out
    x, z = radius * shape * np.sin(turn), radius * shape * np.cos(turn)
    vertices = np.stack([x, np.broadcast_to(height, x.shape), z], -1).reshape(-1, 3)
    return Mesh(vertices.astype(np.float32), grid_faces(len(dense), columns, wrap=True))


def _threaded(rng: np.random.Generator, detail: float, share: float) -> Mesh:
    """A rod that hangs from y = 0, with a screw thread on part of it."""
    length, thick, pitch = rng.uniform(0.8, 2.2), rng.uniform(0.35, 0.55), rng.uniform(0.09, 0.2)
    rod = _prism(np.ones_like, np.array([(0.85, -length), (1, -length + 0.1), (1, 0.0)]), None, detail, share)
    x, y, z = rod.vertices.T.astype(np.float64)
    turn = np.arctan2(x, z) / (2 * np.pi)
    tooth = 2 * np.abs((y / pitch - turn) % 1 - 0.5)
    cut = smoothstep(-0.02, -0.1, y) * smoothstep(-length, -length + 0.12, y) * smoothstep(0.7, 0.95, np.hypot(x, z))
    cut = cut * (y < -length * rng.choice([0.0, rng.uniform(0.2, 0.6)]))
    slim = thick * (1 - 0.5 * pitch / thick * cut * tooth)
    return replace(rod, vertices=np.stack([x * slim, y, z * slim], 1).astype(np.float32))


def _polygon(sides: int, rounding: float) -> Outline:
    """The radius of a polygon of corner distance about 1, its corners rounded off."""

    def radius(turn: np.ndarray) -> np.ndarray:
        flat = np.cos(np.pi / sides) / np.cos(turn % (2 * np.pi / sides) - np.pi / sides)
        return np.minimum(flat, 1 - rounding)

    return radius


def _teeth(count: int, depth: float) -> Outline:
    """The radius of a gear wheel."""
    return lambda turn: 1 - depth * smoothstep(-0.35, 0.35, np.sin(turn * count))


def _knurls(count: int, depth: float) -> Outline:
    """The radius of a grip with rounded ribs."""
    return lambda turn: 1 - depth * np.abs(np.sin(turn * count / 2))
