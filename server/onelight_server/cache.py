"""Keeps what was expensive within a byte budget; all who want the same thing wait for one computation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np

from onelight_server.lru import ByteLRU
from onelight_server.scope import GIVEN_UP, Scope


@dataclass
class _Flight:
    """One computation under way and how many wait for it."""

    scope: Scope = field(default_factory=Scope)
    waiting: int = 0
    task: asyncio.Task[dict[str, Any]] | None = None


class StageCache:
    """Results of image-only stages. Lives on the event loop; only the computation itself runs elsewhere."""

    def __init__(self, budget: int, evicted: Callable[[int], None] = lambda size: None) -> None:
        self.kept = ByteLRU(budget, evicted)
        self._flights: dict[Hashable, _Flight] = {}

    async def get(
        self, key: Hashable, scope: Scope, compute: Callable[[Scope], Awaitable[dict[str, Any]]], owner: str = ""
    ) -> tuple[dict[str, Any], bool]:
        """The results under `key`, and whether no computation was begun for this call.

        Callers that want the same key at the same time wait for one computation, which runs under a scope of its own:
        a caller whose own `scope` is cancelled leaves, and the work stops with the last one. An error of the
        computation reaches everybody who waits and is not kept. `owner` is the show whose share they count for.
        """
        if (kept := self.kept.get(key)) is not None:
            return kept, True
        flight = self._flights.get(key)
        joined = flight is not None
        if flight is None:
            flight = self._flights[key] = _Flight()
            flight.task = asyncio.create_task(self._fly(key, owner, flight, compute))
        assert flight.task is not None
        flight.waiting += 1
        try:
            await scope.wait(flight.task)
            return flight.task.result(), joined
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                # Out of the table first: whoever asks from now on must not join work that is being stopped.
                self._drop(key, flight)
                flight.scope.cancel(scope.reason or GIVEN_UP)
                # The thread is only free once it has noticed, and with it the caller's place among the workers.
                await asyncio.wait({flight.task})
                flight.task.exception()

    async def _fly(
        self, key: Hashable, owner: str, flight: _Flight, compute: Callable[[Scope], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        try:
            results = _frozen(dict(await compute(flight.scope)))
            self.kept.put(key, results, _size(results), owner)
            return results
        finally:
            self._drop(key, flight)

    def _drop(self, key: Hashable, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def _frozen(value: Any) -> Any:
    """Arrays become read-only, and own their memory: a view would keep a whole frame alive uncounted."""
    if isinstance(value, np.ndarray):
        value = value if value.base is None else value.copy()
        value.flags.writeable = False
        return value
    if type(value) in (list, tuple):
        return type(value)(_frozen(item) for item in value)
    if type(value) is dict:
        return {name: _frozen(item) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _frozen(getattr(value, each.name)) for each in fields(value)})
    return value


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if type(value) in (list, tuple):
        return sum(_size(item) for item in value)
    if type(value) is dict:
        return sum(_size(item) for item in value.values())
    if is_dataclass(value) and not isinstance(value, type):
        return 256 + sum(_size(getattr(value, each.name)) for each in fields(value))
    return 256
