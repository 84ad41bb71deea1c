"""How many bytes of frames the server takes on at once: a count of frames bounds nothing where one may be 2 GB."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from onelight.errors import Busy, RequestError

LEAST_MB = 2048  # what one message can have
_CGROUP = Path("/sys/fs/cgroup/memory.max")


class Inflight:
    """Bytes held for requests that are not answered yet, within a limit. Lives on the event loop."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0

    def check(self) -> None:
        """Raises Busy where nothing more can be taken."""
        if self.used >= self.limit:
            raise Busy(self._busy())

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """While inside, `size` bytes count. Raises Busy, or RequestError where no wait would ever help."""
        if size > self.limit:
            raise RequestError(
                f"This frame needs {_mb(size)} MB in the server, which takes {_mb(self.limit)} MB at once: send fewer "
                "or smaller clips, or raise its --inflight-mb."
            )
        if self.used + size > self.limit:
            raise Busy(self._busy())
        self.used += size
        try:
            yield
        finally:
            self.used -= size

    def _busy(self) -> str:
        return (
            f"The server is busy: it holds {_mb(self.used)} of the {_mb(self.limit)} MB of frames that it takes at "
            "once. Try again, or raise its --inflight-mb."
        )


def taking(method: Callable[[bytes, Any], Awaitable[bytes]], inflight: Inflight) -> Callable[[Any, Any], Any]:
    """A method of one large message, as one that takes a stream of requests: so it is read only when there is room,
    and until then stays with its client. It counts until the reply is made."""

    async def call(requests: Any, context: Any) -> bytes:
        inflight.check()
        message = await anext(aiter(requests), b"")
        with inflight.hold(len(message)):
            return await method(message, context)

    return call


def default_mb() -> int:
    """A quarter of the memory that this machine, or this container, has."""
    total = psutil.virtual_memory().total
    with suppress(OSError, ValueError):  # no such control group, or one without a limit ("max")
        total = min(total, int(_CGROUP.read_text()))
    return max(LEAST_MB, total // 2**22)


def _mb(size: int) -> int:
    return -(-size // 2**20)
