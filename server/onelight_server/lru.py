"""Least recently used values within a byte budget that shows share: none pushes out what a smaller one holds."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

IDLE = 600.0  # seconds after which what a show holds is anybody's room


@dataclass
class _Share:
    """What one owner holds, oldest first."""

    items: OrderedDict[Hashable, tuple[Any, int]] = field(default_factory=OrderedDict)
    used: int = 0
    touched: float = 0.0


class ByteLRU:
    """Values within `budget` bytes. Where it is full, the owner that holds most gives up its oldest, after owners that
    have asked for nothing for a long time: a show that floods the cache finds out nothing about the others, and slows
    only itself. `evicted` is told how many bytes went, `let_go` gets the value. Not thread-safe.
    """

    def __init__(
        self,
        budget: int,
        evicted: Callable[[int], None] = lambda size: None,
        let_go: Callable[[Any], None] = lambda value: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget, self.used = budget, 0
        self._evicted, self._let_go, self._clock = evicted, let_go, clock
        self._shares: dict[str, _Share] = {}
        self._owners: dict[Hashable, str] = {}

    def get(self, key: Hashable) -> Any | None:
        """The value, now its owner's youngest, or None."""
        owner = self._owners.get(key)
        if owner is None:
            return None
        share = self._shares[owner]
        share.items.move_to_end(key)
        share.touched = self._clock()
        return share.items[key][0]

    def put(self, key: Hashable, value: Any, size: int, owner: str = "") -> bool:
        """Keeps the value unless it alone is over the budget; whether it was kept."""
        self.pop(key)
        if size > self.budget:
            return False
        share = self._shares.setdefault(owner, _Share())
        share.items[key] = value, size
        share.used += size
        share.touched = self._clock()
        self._owners[key] = owner
        self.used += size
        while self.used > self.budget:
            oldest = next(iter(self._shares[self._giver()].items))
            gone, bytes_gone = self._take(oldest)
            self._let_go(gone)
            self._evicted(bytes_gone)
        return key in self._owners

    def pop(self, key: Hashable) -> None:
        """Forgets the key, if it is there."""
        if key in self._owners:
            self._take(key)

    def _giver(self) -> str:
        """Who has to make room."""
        idle = min(self._shares, key=lambda owner: self._shares[owner].touched)
        if self._clock() - self._shares[idle].touched > IDLE:
            return idle
        return max(self._shares, key=lambda owner: self._shares[owner].used)

    def _take(self, key: Hashable) -> tuple[Any, int]:
        owner = self._owners.pop(key)
        share = self._shares[owner]
        value, size = share.items.pop(key)
        share.used -= size
        self.used -= size
        if not share.items:
            del self._shares[owner]
        return value, size

    def __len__(self) -> int:
        return len(self._owners)
