"""Notices that nobody needs the server any more: no call, lease or health watch has been open for so long."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import grpc

_BEHAVIOURS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class IdleWatch(grpc.aio.ServerInterceptor):
    """Calls `expired` once nothing has been open for `seconds`. Counts from `start` on."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.open = seconds, 0
        self.expired: Callable[[], None] = lambda: None
        self._timer: asyncio.TimerHandle | None = None
        self._started = False

    def start(self) -> None:
        """From now on quiet counts."""
        self._started = True
        self._rest()

    def stop(self) -> None:
        """The server ends anyway."""
        self._started = False
        self._disarm()

    @property
    def armed(self) -> bool:
        """Whether quiet is being counted at this moment."""
        return self._timer is not None

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Every method of every service, the health and reflection services included."""
        handler: Any = await continuation(handler_call_details)
        for kind in _BEHAVIOURS:
            if (behaviour := getattr(handler, kind, None)) is not None:
                return handler._replace(**{kind: self._counted(behaviour)})
        return handler

    def _counted(self, behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        async def stream(request: Any, context: Any) -> Any:
            with self._call():
                async with aclosing(behaviour(request, context)) as replies:
                    async for reply in replies:
                        yield reply

        async def once(request: Any, context: Any) -> Any:
            with self._call():
                return await behaviour(request, context)

        return stream if inspect.isasyncgenfunction(behaviour) else once

    @contextmanager
    def _call(self) -> Iterator[None]:
        self.open += 1
        self._disarm()
        try:
            yield
        finally:
            self.open -= 1
            self._rest()

    def _rest(self) -> None:
        if self._started and not self.open:
            self._disarm()
            self._timer = asyncio.get_running_loop().call_later(self.seconds, self._expire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        self.expired()
