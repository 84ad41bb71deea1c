"""A shot for Cleanup to be timed on: any plate, panned past wires that swing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onelight.tools.cleanup import wires

PAN = (0.004, 0.001)  # of the width, a frame
WIDTHS = (0.0012, 0.003)  # of the width: 2.3 and 5.8 px at 1920
SEED = 7


class Shot:
    """Frames of the plate [H, W, 4] by number, float16; each is made when asked for."""

    def __init__(self, plate: np.ndarray, width: int, height: int) -> None:
        self._plate = plate
        self._size = height, width
        random = np.random.default_rng(SEED)
        drawn = (wires.Wire.draw(random, self._size, width=share * width, contrast=0.2, moves=True) for share in WIDTHS)
        self._wires = [replace(wire, drift=(0.0, 0.0), swing=(0.01 * width, 0.0)) for wire in drawn]

    def frame(self, number: int) -> np.ndarray:
        """One frame, [H, W, 4]; the pan goes to and fro over what the plate has beyond its edges, mirrored."""
        width = self._size[1]
        rows, columns = (
            _mirrored(np.arange(side) + round(number * share * width), full)
            for side, share, full in zip(self._size, PAN[::-1], self._plate.shape[:2], strict=True)
        )
        frame = np.ascontiguousarray(self._plate[rows][:, columns], np.float32)
        frame[..., :3] = wires.paste(frame[..., :3], self._wires, number).picture
        return frame.astype(np.float16)


def _mirrored(places: np.ndarray, size: int) -> np.ndarray:
    """Places on a line of `size` pixels that goes on in its own mirror."""
    folded = places % (2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)
