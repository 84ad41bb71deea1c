"""Puts together what goes where the wires were: other frames' pixels, a clean plate's, interpolation; says which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from onelight.imaging import mend
from onelight.stages import Session
from onelight.tools.cleanup import leftovers

if TYPE_CHECKING:
    from onelight.temporal.gather import Brought
    from onelight.temporal.grain import Grain
    from onelight.tools.cleanup.curves import Curve

FAINT = 1 / 256  # matte below this shows no wire: the plate stays


class From(IntEnum):
    """Where a pixel of the result came from."""

    PLATE = 0
    NEIGHBOUR = 1
    CLEAN = 2
    ACROSS = 3  # interpolated across a thin leftover
    MADE = 4  # a wide leftover
    PAINT = 5  # left as shot: needs paint


@dataclass(frozen=True)
class Filled:
    """A cleaned frame, all [H, W] or [H, W, 3]; equal to the plate bit for bit outside the matte."""

    pixels: np.ndarray  # [H, W, 3] linear
    source: np.ndarray  # [H, W] uint8 of From
    offset: np.ndarray  # [H, W] int8, of the frame that gave most, where the source is NEIGHBOUR
    sure: np.ndarray  # [H, W] in 0..1


def fill(
    plate: np.ndarray,
    matte: np.ndarray,
    neighbours: Sequence[Brought],
    clean: Brought | None,
    *,
    protect: np.ndarray | None,
    wardrobe: bool,
    curves: Sequence[Curve],
    session: Session | None,
    level: float,
    grain: Grain | None,
    regrain: float,
    seed: int,
    check: Callable[[], None],
) -> Filled:
    """Fills the matte [H, W] of the plate [H, W, 3], scene-linear ACEScg with the middle level `level`."""
    hole = matte > FAINT
    sound, _ = mend(plate)
    source = np.where(hole, From.ACROSS, From.PLATE).astype(np.uint8)
    patch = leftovers.decoded(leftovers.smooth(leftovers.coded(sound, level), hole), level)
    check()
    pixels = plate.copy()
    share = matte[hole, None]
    pixels[hole] = np.where(share >= 1, patch[hole], sound[hole] * (1 - share) + patch[hole] * share)
    return Filled(pixels, source, np.zeros(hole.shape, np.int8), np.where(hole, 0.5, 1).astype(np.float32))
