"""Frames that were sent once and may be referred to by their content from then on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import xxhash

DATATYPES = {"FP16": np.dtype("<f2"), "FP32": np.dtype("<f4")}
NAMES = {dtype: name for name, dtype in DATATYPES.items()}
LONGEST_SIDE = 1 << 15
MOST_PIXELS = 1 << 29
LARGEST_FRAME = f"it may have {LONGEST_SIDE} pixels on a side and {MOST_PIXELS >> 20} million in all"


def is_frame_size(width: int, height: int) -> bool:
    """Whether the server takes frames of that size: beyond any plate, and no more than memory can be expected for."""
    return 0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE and width * height <= MOST_PIXELS


def content_hash(pixels: np.ndarray) -> str:
    """XXH3-128 of the packed bytes followed by `FP16:1080x1920`, so that a reshaped frame differs. Frees the GIL."""
    state = xxhash.xxh3_128(pixels.data.cast("B"))
    state.update(f"{NAMES[pixels.dtype]}:{pixels.shape[0]}x{pixels.shape[1]}".encode())
    return state.hexdigest()


@dataclass
class _Group:
    """Frames that share one buffer (all of one message): they are kept and go together, as the memory does."""

    size: int
    keys: list[tuple[str, str]] = field(default_factory=list)


class FrameStore:
    """Least recently used frames by (show, content hash) within a byte budget. Lives on the event loop."""

    def __init__(self, budget: int, evicted: Callable[[int], None] = lambda size: None) -> None:
        self.budget, self.used, self._evicted = budget, 0, evicted
        self._frames: dict[tuple[str, str], tuple[np.ndarray, int]] = {}
        self._groups: OrderedDict[int, _Group] = OrderedDict()
        self._next = 0

    def get(self, show: str, digest: str) -> np.ndarray | None:
        """The frame [H, W, 4], read-only, or None where it was never sent or is gone."""
        found = self._frames.get((show, digest))
        if found is None:
            return None
        self._groups.move_to_end(found[1])
        return found[0]

    def put(self, show: str, frames: Iterable[tuple[str, np.ndarray]], size: int = 0) -> None:
        """Keeps (hash, frame) pairs that share one buffer of `size` bytes (0: their own sizes together).

        The arrays must never change again: a memory that a client can still write must have been copied before it
        was hashed.
        """
        fresh = {(show, digest): frame for digest, frame in frames if self.get(show, digest) is None}
        size = size or sum(frame.nbytes for frame in fresh.values())
        if not fresh or size > self.budget:
            return
        self._next += 1
        self._groups[self._next] = _Group(size, list(fresh))
        self._frames.update({key: (frame, self._next) for key, frame in fresh.items()})
        self.used += size
        while self.used > self.budget:
            _, group = self._groups.popitem(last=False)
            for key in group.keys:
                del self._frames[key]
            self.used -= group.size
            self._evicted(group.size)

    def __len__(self) -> int:
        return len(self._frames)
