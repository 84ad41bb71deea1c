"""Frames that were sent once and may be referred to by their content from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import xxhash

from onelight_server.lru import ByteLRU

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


class FrameStore:
    """Least recently used frames by (show, content hash) within a byte budget. Lives on the event loop."""

    def __init__(self, budget: int, evicted: Callable[[int], None] = lambda size: None) -> None:
        # Frames that share one buffer (all of one message) are kept and go together, as the memory does.
        self._groups = ByteLRU(budget, evicted, self._let_go)
        self._frames: dict[tuple[str, str], tuple[np.ndarray, int]] = {}
        self._next = 0

    @property
    def used(self) -> int:
        """Bytes that are kept."""
        return self._groups.used

    def get(self, show: str, digest: str) -> np.ndarray | None:
        """The frame [H, W, 4], read-only, or None where it was never sent or is gone."""
        found = self._frames.get((show, digest))
        if found is None:
            return None
        self._groups.get(found[1])
        return found[0]

    def put(self, show: str, frames: Iterable[tuple[str, np.ndarray]], size: int = 0) -> None:
        """Keeps (hash, frame) pairs that share one buffer of `size` bytes (0: their own sizes together).

        The arrays must never change again: a memory that a client can still write must have been copied before it
        was hashed.
        """
        fresh = {(show, digest): frame for digest, frame in frames if self.get(show, digest) is None}
        if not fresh:
            return
        self._next += 1
        self._frames.update({key: (frame, self._next) for key, frame in fresh.items()})
        keys = list(fresh)
        if not self._groups.put(self._next, keys, size or sum(frame.nbytes for frame in fresh.values()), show):
            self._let_go(keys)

    def _let_go(self, keys: list[tuple[str, str]]) -> None:
        for key in keys:
            self._frames.pop(key, None)

    def __len__(self) -> int:
        return len(self._frames)
