"""Arches, arcades and vaults of stone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onelight.soundstage.carpentry import Set
from onelight.soundstage.cladding import Cladding
from onelight.soundstage.materials import Look

Bend = Callable[[np.ndarray], np.ndarray]  # points [..., 3] (along, up, out of the wall) to the set
_GREY = Look(np.array([0.5, 0.5, 0.5]), 0.8, 0.1)


def arch_line(half: float, spring: float, rise: float, count: int, pointed: float = 0.0) -> np.ndarray:
    """Points [count, 2] up one jamb, over the arch and down the other; `pointed` from round 0 to a lancet 1."""
    legs = max(2, int(count * spring / (2 * spring + np.pi * half)))
    angle = np.linspace(np.pi, 0, max(4, count - 2 * legs))
    over = np.stack([half * np.cos(angle), spring + rise * np.sin(angle)], 1)
    over[:, 1] += pointed * rise * 0.5 * (1 - np.abs(np.cos(angle))) ** 2
    up = np.linspace(0, spring, legs, endpoint=False)
    left, right = np.stack([np.full(legs, -half), up], 1), np.stack([np.full(legs, half), up[::-1]], 1)
    return np.concatenate([left, over, right])


def arched_bay(
    stage: Set,
    bend: Bend,
    wide: float,
    top: float | Callable[[np.ndarray], np.ndarray],
    opening: tuple[float, float, float],
    thick: float,
    cover: Cladding,
    pointed: float = 0.0,
    part: int | None = None,
) -> None:
    """A piece of wall about an arch (half width, springing, rise), metres, centred along its bay.

    `top` is the wall's height, or gives it at places along (a broken wall); `bend` sets it in the set.
    """
    half, spring, rise = opening
    part = stage.part() if part is None else part
    rough = arch_line(half, spring, rise, 24, pointed)
    flat = np.concatenate([rough, np.zeros((len(rough), 1))], 1)
    count = stage.count(bend(flat), 220)
    line = arch_line(half, spring, rise, count, pointed)
    away = line - (0, spring)
    away[:, 1] = np.where(line[:, 1] < spring - 1e-9, 0, np.maximum(away[:, 1], 1e-6))
    highest = top(line[:, 0]) if callable(top) else np.full(len(line), float(top))
    # Outward from the arch each line runs to the bay's edge or to the top, whichever it meets first.
    reach_x = (wide / 2) / np.maximum(np.abs(away[:, 0]), 1e-6)
    reach_y = np.where(away[:, 1] > 0, (highest - spring) / np.maximum(away[:, 1], 1e-6), np.inf)
    reach = np.maximum(np.minimum(reach_x, reach_y), 1.0)
    outer = line + away * (reach - 1)[:, None]
    outer[:, 1] = np.minimum(outer[:, 1], np.maximum(highest, line[:, 1]))
    longest = int(np.linalg.norm(outer - line, axis=1).argmax())
    ends = np.stack([line[longest], (line[longest] + outer[longest]) / 2, outer[longest]])
    rows = stage.count(bend(np.concatenate([ends, np.zeros((3, 1))], 1)), 120) + 3
    share = np.linspace(0, 1, rows)[:, None, None]
    face = line[None] + (outer - line)[None] * share
    seed = stage.rng.uniform(0, 50, 2)
    for side in (1.0, -1.0):
        points = np.concatenate([face, np.full((*face.shape[:2], 1), side * thick / 2)], 2)
        points, uv = (points, face) if side > 0 else (points[:, ::-1], face[:, ::-1])
        stage.surface(bend(points), uv + seed, _GREY, cover, part)
    deep = np.linspace(-1, 1, max(3, rows // 2))[:, None, None] * thick / 2
    # Inside the arch, and over the broken top: the same strip, from the back to the front.
    for edge, turn in ((line, False), (outer, True)):
        strip = np.concatenate(
            [np.broadcast_to(edge, (len(deep), *edge.shape)), np.broadcast_to(deep, (len(deep), len(edge), 1))], 2
        )
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(edge, axis=0), axis=1))])
        uv = np.stack(np.broadcast_arrays(along[None], deep[..., 0]), 2) + seed
        strip, uv = (strip[:, ::-1], uv[:, ::-1]) if turn else (strip, uv)
        stage.surface(bend(strip), uv, _GREY, cover, part)


def vault(
    stage: Set, corner: np.ndarray, wide: float, deep: float, rise: float, groined: bool, cover: Cladding
) -> None:  # fmt: skip
    """A vault's underside over a bay, springing from `corner` (its least x and z): groined, or a barrel along z."""
    edges = np.array([(0, 0, 0), (wide, 0, 0)]), np.array([(0, 0, 0), (0, 0, deep)])
    columns, rows = (stage.count(corner + edge, 110) + 6 for edge in edges)
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, columns)) if not groined else np.linspace(-1, 1, columns)
    x, z = np.meshgrid(x, np.linspace(-1, 1, rows))
    across, through = (np.sqrt(np.maximum(1 - value**2, 0)) for value in (x, z))
    y = np.maximum(across, through) if groined else across
    points = np.stack([(x + 1) / 2 * wide, rise * y, (z + 1) / 2 * deep], 2) + corner
    around = np.arcsin(x) * wide / 2
    uv = np.stack([points[..., 2], around], 2) if not groined else points[..., [0, 2]]
    stage.surface(points, uv, _GREY, cover, 0)


def rib(stage: Set, start: np.ndarray, end: np.ndarray, rise: float, radius: float, look: Look) -> None:
    """A bar of stone in half an ellipse between two capitals."""
    angle = np.linspace(0, np.pi, 17)
    line = (
        start
        + (end - start) * ((1 - np.cos(angle)) / 2)[:, None]
        + np.array([0, 1, 0]) * (rise * np.sin(angle))[:, None]
    )
    stage.tube(line, radius, look)
