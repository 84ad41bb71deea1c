"""How much of a frame is the plate as it was shot, the plate graded, pixels moved from elsewhere, and pixels made."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from onelight import spec

PASS = "source"  # the pass of a tool that moves or makes pixels: a map in these colours
MOVED = ((0, 1, 0), (0, 0, 1))  # from another frame of the shot, from the clean plate
MADE = ((1, 1, 0), (1, 0, 1))  # interpolated, made up
# black: the plate's own; red: left as shot, needs paint


@dataclass(frozen=True)
class Shares:
    """Shares of a frame's pixels; they add up to 1."""

    kept: float  # the plate's, bit for bit
    graded: float  # the plate's own pixel, changed by a bounded operator
    transported: float  # real pixels of this production, from another frame or a clean plate
    synthesised: float  # interpolated or made up

    def told(self) -> dict[str, float]:
        """As JSON has it."""
        return {name: round(share, 9) for name, share in asdict(self).items()}


def has_map(tool: spec.Tool) -> bool:
    """Whether the tool has a pass that tells where each pixel comes from."""
    return any(each.name == PASS for each in tool.passes)


def measure(plate: np.ndarray, result: np.ndarray, source_map: np.ndarray | None) -> Shares:
    """Shares of a result [H, W, 4] beside its plate; `source_map` [H, W, 4] is the pass of that name, if there is one.

    Only what differs from the plate counts as edited: what mask and mix kept away is kept. A tool without such a pass
    changes the plate's own pixels and nothing else.
    """
    before, after = (np.ascontiguousarray(image) for image in (plate, result))
    bits = np.uint16 if before.dtype == np.float16 else np.uint32
    changed = (before.view(bits) != after.view(bits)).any(axis=-1)  # by bits: a NaN that was kept is kept
    moved, made = np.zeros_like(changed), np.zeros_like(changed)
    if source_map is not None:
        colours = source_map[..., :3]
        moved = changed & np.any([(colours == colour).all(axis=-1) for colour in MOVED], axis=0)
        made = changed & np.any([(colours == colour).all(axis=-1) for colour in MADE], axis=0)
    count = max(changed.size, 1)
    return Shares(*(np.count_nonzero(one) / count for one in (~changed, changed & ~moved & ~made, moved, made)))


UNTOUCHED = Shares(1.0, 0.0, 0.0, 0.0)
