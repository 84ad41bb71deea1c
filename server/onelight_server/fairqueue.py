"""Who gets a worker next: artists before the farm, shows in turn, and no more waiting than was agreed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

from onelight.errors import Busy

from onelight_server.scope import Scope

PRIORITIES = ("interactive", "farm")
_Waiting = tuple[Scope, asyncio.Future]


class FairQueue:
    """Hands out `workers` places. Lives on the event loop.

    Each priority has `bound` places to wait in, so that a farm that fills its own never locks an artist out. Within a
    priority shows take turns, each first come first served; where the line is full, a show that has fewer waiting
    than another gets in, and the other's youngest is refused instead.
    """

    def __init__(self, workers: int, bound: int, changed: Callable[[FairQueue], None] = lambda queue: None) -> None:
        self._free, self.workers, self.bound, self._changed = workers, workers, bound, changed
        self._lines: dict[str, OrderedDict[str, deque[_Waiting]]] = {name: OrderedDict() for name in PRIORITIES}

    def depth(self, priority: str) -> int:
        """How many wait."""
        return sum(len(line) for line in self._lines[priority].values())

    @property
    def busy(self) -> int:
        """How many hold a worker."""
        return self.workers - self._free

    async def enter(self, show: str, priority: str, scope: Scope) -> None:
        """Waits for a place. Raises Busy where too many wait, Cancelled where the scope ends first."""
        scope.check()
        if self._free:
            self._free -= 1
            self._changed(self)
            return
        if self.depth(priority) >= self.bound:
            self._make_room(show, priority)
        waiting = scope, asyncio.get_running_loop().create_future()
        self._lines[priority].setdefault(show, deque()).append(waiting)
        self._changed(self)
        try:
            await scope.wait(waiting[1])
        except BaseException:  # a cancelled wait too must not leave its place in the line behind
            self._leave_line(show, priority, waiting)
            raise

    def leave(self) -> None:
        """Gives a place back: to the next that waits, or to nobody."""
        self._free += 1
        for lines in self._lines.values():
            if lines:
                show, line = lines.popitem(last=False)
                line.popleft()[1].set_result(None)
                self._free -= 1
                if line:
                    lines[show] = line  # to the end: the other shows are next
                break
        self._changed(self)

    def _leave_line(self, show: str, priority: str, waiting: _Waiting) -> None:
        if waiting[1].done() and not waiting[1].cancelled() and waiting[1].exception() is None:
            self.leave()  # a place came in the same moment as the end
            return
        lines = self._lines[priority]
        if waiting in lines.get(show, ()):
            lines[show].remove(waiting)
            if not lines[show]:
                del lines[show]
        self._changed(self)

    def _make_room(self, show: str, priority: str) -> None:
        lines = self._lines[priority]
        longest = max(lines, key=lambda name: len(lines[name]), default=show)
        full = f"The server is busy: {self.bound} frames wait already. Try again, or raise its --queue."
        if not lines or len(lines[longest]) <= len(lines.get(show, ())) + 1:
            raise Busy(full)
        lines[longest].pop()[1].set_exception(Busy(full))
