"""Somebody waits for some work, or no longer does: a flag that threads poll, and callbacks that stop them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from onelight.errors import Cancelled

GIVEN_UP = "The asker gave this frame up."
TOO_LATE = "The time limit passed before this frame was done."


class Scope:
    """Cancelled from the event loop, polled from worker threads. Cancelling twice keeps the first reason."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []
        self.reason = ""
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def cancel(self, reason: str = GIVEN_UP) -> None:
        """Nobody waits any more: everything under this scope stops as soon as it can."""
        with self._lock:
            if self.reason:
                return
            self.reason = reason
            stops, self._stops = self._stops, []
        for stop in stops:
            stop()
        if not self.gone.done():
            self.gone.set_result(None)

    @property
    def cancelled(self) -> bool:
        """Whether the work is no longer wanted."""
        return bool(self.reason)

    def check(self) -> None:
        """Raises Cancelled when the work is no longer wanted; cheap enough for inner loops."""
        if self.reason:
            raise Cancelled(self.reason)

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """While inside, `stop` is called at the moment of cancellation (from the event loop's thread)."""
        with self._lock:
            if self.reason:
                raise Cancelled(self.reason)
            self._stops.append(stop)
        try:
            yield
        finally:
            with self._lock:
                if stop in self._stops:
                    self._stops.remove(stop)

    async def wait(self, future: asyncio.Future) -> object:
        """The future's result, or Cancelled as soon as this scope is; the future itself goes on."""
        await asyncio.wait({future, self.gone}, return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        raise Cancelled(self.reason)
