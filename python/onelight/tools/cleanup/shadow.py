"""Shadows that wires cast: thin dark lines, too faint to count by themselves, that run along a wire."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onelight.temporal.encode import coded, luminance
from onelight.tools.cleanup.curves import Curve, Mattes, beside, normals, sample
from onelight.tools.cleanup.link import link

FAINTER = 0.8  # how far towards 1 the sensitivity goes for what has a wire beside it
REACH = 0.15  # of the diagonal, how far from its wire a shadow may lie
ALONG = 0.6  # share of its length that has to run along the wire
DARKER = 0.04  # stops, against both sides
SOFTER = 3.0  # how much wider than a wire its shadow may be


def shadows(
    found: Mattes,
    picture: np.ndarray,
    level: float,
    wires: Sequence[Curve],
    *,
    sensitivity: float,
    narrowest: float,
    widest: float,
    keep: np.ndarray | None = None,
) -> list[Curve]:
    """Curves of `found` that are no wires themselves, run along one, and are darker than what is on both their sides.

    `picture` [H, W, 3] is scene-linear with the middle level `level`; `sensitivity`, `narrowest`, `widest` and `keep`
    are those the `wires` were linked with.
    """
    if not wires or sensitivity <= 0:
        return []
    faint = sensitivity + (1 - sensitivity) * FAINTER
    lines = link(found, sensitivity=faint, narrowest=narrowest, widest=widest * SOFTER, keep=keep)
    reach = REACH * float(np.hypot(*picture.shape[:2]))
    stops = coded(luminance(picture), level)
    return [line for line in lines if not _same(line, wires) and _along(line, wires, reach) and _dark(line, stops)]


def _same(line: Curve, wires: Sequence[Curve]) -> bool:
    """Whether the line is one of the wires once more."""
    return any(beside(line, wire, 2 + float(wire.width.max())).near.mean() > 0.3 for wire in wires)


def _along(line: Curve, wires: Sequence[Curve], reach: float) -> bool:
    """Whether the line keeps a wire's course: where it runs beside it, their distance changes slowly."""
    for wire in wires:
        side = beside(line, wire, reach)
        if side.near.mean() >= ALONG and float(np.abs(np.gradient(side.away[side.near])).mean()) < 0.35 * 8:
            return True
    return False


def _dark(line: Curve, stops: np.ndarray) -> bool:
    """Whether the picture [H, W] in stops is darker on the line than on either side of it."""
    off = normals(line.points) * (line.width[:, None] + 2)
    middle, one, other = (float(np.median(sample(stops, line.points + shift))) for shift in (0 * off, off, -off))
    return middle < min(one, other) - DARKER
