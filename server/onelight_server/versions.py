"""Looks model versions up beside the event loop: folders are walked and networks hashed, which can take seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from onelight import spec
from onelight.errors import NotFound, OnelightError
from onelight.registry import Registry, Version

from onelight_server.refusal import quoted

T = TypeVar("T")


class Versions:
    """The registry for coroutines. All who want to know the same at the same time wait for one look."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        # Threads of its own: a model that loads for seconds must not keep frames of other models from being found.
        self._threads = ThreadPoolExecutor(4, "look")
        self._looks: dict[Hashable, asyncio.Future[Any]] = {}

    def close(self) -> None:
        """Lets the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def find(self, name: str, version: str = "") -> tuple[spec.Tool, Version]:
        """Tool and version of the model `<show>/<tool>`. Raises NotFound or NotReady."""
        show, slash, tool = name.partition("/")
        if not slash:
            raise NotFound(f"No model named {quoted(name)}: a model is called '<show>/<tool>', such as 'base/relight'.")
        found = await self._look(("find", name, version), partial(self.registry.find, show, tool, version))
        return self.registry.tools[tool], found

    async def names(self, show: str, tool: str) -> list[str]:
        """Names of the versions a show has of a tool, oldest first."""
        return await self._look(("names", show, tool), partial(self.registry.names, show, tool))

    async def shows(self) -> list[str]:
        """Every show there is, whoever may use it."""
        return await self._look(("shows",), self.registry.shows)

    async def all(self, shows: Iterable[str]) -> list[tuple[str, str, str, Version | OnelightError]]:
        """(show, tool, version name, the version or why it cannot run) of these shows; neither tool nor name where a
        show cannot be read at all."""
        wanted = tuple(shows)
        return await self._look(("all", wanted), partial(self._all, wanted))

    def _all(self, shows: tuple[str, ...]) -> list[tuple[str, str, str, Version | OnelightError]]:
        rows: list[tuple[str, str, str, Version | OnelightError]] = []
        for show in shows:
            try:
                rows += self.registry.all(show)
            except OnelightError as error:  # one show's broken store must not hide the others
                rows.append((show, "", "", error))
        return rows

    async def _look(self, what: Hashable, work: Callable[[], T]) -> T:
        look = self._looks.get(what)
        if look is None:
            look = self._looks[what] = asyncio.get_running_loop().run_in_executor(self._threads, work)
            look.add_done_callback(partial(self._done, what))
        # One asker that gives up must not take the answer from the others.
        return await asyncio.shield(look)

    def _done(self, what: Hashable, look: asyncio.Future[Any]) -> None:
        del self._looks[what]
        if not look.cancelled():
            look.exception()  # whoever asked may have gone: it is no error that nobody took it
