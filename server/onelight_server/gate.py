"""Who gets at which show: one answer to a caller without the right credential and to one who asks for no show at all.

The built-in show `base`, and shows that are plain folders of versions under `--models`, are everybody's. A folder with
a show.toml is a show of its own: a token of it, a client certificate in its name, or the owner of its folder at the
other end of a Unix socket opens it, and to everybody else it is not there.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import stat
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from onelight.errors import Busy, NotFound
from onelight.registry import BASE

from onelight_server.callers import Caller, caller_of
from onelight_server.diary import Diary
from onelight_server.holders import Holders
from onelight_server.metrics import Metrics
from onelight_server.peers import Peers
from onelight_server.refusal import quoted
from onelight_server.stamps import SHEET, TRUSTED_SECONDS, Stamp, stamp

STEP = 0.25  # seconds; a refusal comes at a multiple of this, whatever there was to look at
MOST_WAITING = 64  # credentials that may wait to be looked at: each takes tens of milliseconds on purpose
MOST_KEPT = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

asked: ContextVar[str] = ContextVar("asked", default="")  # the show that the call under way is about
admitted: ContextVar[Path | None] = ContextVar("admitted", default=None)  # its folder, where it is kept apart


@dataclass(frozen=True)
class Verdict:
    """What was found out about one caller and one show, and how its files were at that moment."""

    admitted: bool
    folder: Path | None  # of a show that is kept apart; None: everybody's, or there is none
    until: float
    stamp: Stamp


class Gate:
    """Lives on the event loop; files and hashes are looked at in threads of its own."""

    def __init__(self, plain: Sequence[Path], shows: Sequence[Path], peers: Peers, metrics: Metrics) -> None:
        self._plain, self._shows = tuple(map(_real, plain)), tuple(map(_real, shows))
        self._peers, self._metrics, self.diary = peers, metrics, Diary()
        self._threads, self._holders = ThreadPoolExecutor(2, "gate"), Holders()
        self._kept: OrderedDict[Hashable, Verdict] = OrderedDict()
        self._looks: dict[Hashable, asyncio.Future[Verdict]] = {}

    def close(self) -> None:
        """Lets the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.diary.close()

    def warm(self) -> None:
        """Imports what stores are read with, where shows are kept: the first frame should not wait. Blocks."""
        if any(root.is_dir() for root in self._shows) or any(self._all_apart()):
            from onelight.shows import access, keeper  # noqa: F401

    async def admit(self, context: grpc.aio.ServicerContext, show: str) -> Path | None:
        """The folder of a show that is kept apart, None for one that is everybody's.

        Raises NotFound, always with the same sentence and after the same time, where the caller may not use the show
        or where there is none.
        """
        asked.set(show)
        if show == BASE:
            return None
        began = time.monotonic()
        caller = caller_of(context, self._peers)
        verdict = await self._verdict(caller, show)
        self._metrics.admissions.labels(caller.kind, "yes" if verdict.admitted else "no").inc()
        if verdict.admitted:
            admitted.set(verdict.folder)
            return verdict.folder
        if verdict.folder is not None:
            self.diary.tally(verdict.folder).refused(caller.kind)
            self.diary.tell(
                verdict.folder, "not admitted", credential=caller.kind, token=caller.public, peer=_host(context.peer())
            )
        await _round_up(began)
        raise NotFound(
            f"No show named {quoted(show)} here for this caller: set the node's Show, give the show's token in "
            f"ONELIGHT_TOKEN or ONELIGHT_TOKEN_FILE, or use '{BASE}'."
        )

    def tell(self, event: str, **fields: Any) -> bool:
        """Writes into the own log of the show that the call under way was admitted to; False where it has none."""
        folder = admitted.get()
        if folder is not None:
            self.diary.tell(folder, event, **fields)
        return folder is not None

    def count(self, tool: str, version: str, code: str, seconds: float) -> None:
        """Counts a frame among those of the show that the call under way was admitted to, where that has numbers."""
        if (folder := admitted.get()) is not None:
            self.diary.tally(folder).count(tool, version, code, seconds)

    async def visible(self, context: grpc.aio.ServicerContext, shows: Iterable[str]) -> list[str]:
        """Those of the shows that the caller may use, in the order given; it takes no longer where there are more."""
        began, caller = time.monotonic(), caller_of(context, self._peers)
        holders: frozenset[str] = frozenset()
        if caller.token:
            look = partial(self._holders.of, caller.public, self._all_apart())
            holders = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        found = []
        for show in shows:
            who = caller if show in holders else replace(caller, token="")
            if show == BASE or (await self._verdict(who, show)).admitted:
                found.append(show)
        if caller.uid != os.geteuid():  # who is this server's own user can look for themselves
            await _round_up(began)
        return found

    async def _verdict(self, caller: Caller, show: str) -> Verdict:
        key = (show, *caller.key())
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept.until and stamp(kept.folder) == kept.stamp:
            self._kept.move_to_end(key)
            return kept
        look = self._looks.get(key)
        if look is None:
            # Whoever was admitted a moment ago is not locked out by others who try tokens by the thousand.
            if len(self._looks) >= MOST_WAITING and not (kept is not None and kept.admitted):
                raise Busy("The server is busy with other callers' credentials: try again.")
            loop = asyncio.get_running_loop()
            look = self._looks[key] = loop.run_in_executor(self._threads, self._look, caller, show)
            look.add_done_callback(partial(self._done, caller, key))
        return await asyncio.shield(look)

    def _done(self, caller: Caller, key: Hashable, look: asyncio.Future[Verdict]) -> None:
        del self._looks[key]
        # A no without a token costs nothing to find out again; one with a token is kept whether or not there is such
        # a show, or a second attempt would tell.
        if look.cancelled() or look.exception() is not None or not (look.result().admitted or caller.token):
            return
        self._kept[key] = look.result()
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _look(self, caller: Caller, show: str) -> Verdict:
        folder, everybodys = self._find(show)
        seen = stamp(folder)  # before the look, so that what changes meanwhile is looked at again
        admitted = everybodys or self._opens(caller, show, folder)
        return Verdict(admitted, folder, time.monotonic() + TRUSTED_SECONDS, seen)

    def _find(self, show: str) -> tuple[Path | None, bool]:
        """The folder of a show that is kept apart, and whether the name is that of a show for everybody.

        Every root is looked at, whatever was found: how long it takes must not tell which holds a show.
        """
        apart: list[Path] = []
        plain = False
        for root in (*self._shows, *self._plain) if _NAME.fullmatch(show) else ():
            folder = root / show
            if _is_show(folder):
                apart.append(folder)
            # A sheet that is reached through a link makes neither a show nor a folder for everybody.
            elif root in self._plain and folder.is_dir() and not os.path.lexists(folder / SHEET):
                plain = True
        return (apart[0], False) if apart else (None, plain)

    def _opens(self, caller: Caller, show: str, folder: Path | None) -> bool:
        by_name = folder is not None and bool(caller.names & {show, f"onelight:{show}"})
        by_user = folder is not None and caller.uid is not None and folder.lstat().st_uid == caller.uid
        if by_name or by_user or not caller.token:
            return by_name or by_user
        # For a show that is not there another one's store is read, and what it says is thrown away: both take as long.
        stand_in = next(self._all_apart(), None)
        if (read := folder or stand_in) is None:
            return False
        from onelight.shows.access import (
            Access,
        )  # brings SQLAlchemy and argon2, which a server without shows never needs

        return Access(read).check(caller.token) and folder is not None

    def _all_apart(self) -> Iterator[Path]:
        """Folders of the shows that are kept apart."""
        for root in (*self._shows, *self._plain):
            yield from (sheet.parent for sheet in root.glob(f"*/{SHEET}") if _is_show(sheet.parent))


async def _round_up(began: float) -> None:
    """Waits for the next step after `began`, so that an answer's time does not tell what there was to look at."""
    spent = time.monotonic() - began
    await asyncio.sleep(math.ceil(spent / STEP) * STEP - spent)


def _real(root: Path) -> Path:
    return Path(root).resolve()


def _is_show(folder: Path) -> bool:
    return _is(folder, stat.S_ISDIR) and _is(folder / SHEET, stat.S_ISREG)


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(os.lstat(path).st_mode)
    except OSError:
        return False


def _host(peer: str) -> str:
    """The other end without its port."""
    return peer.rpartition(":")[0] if peer.startswith("ipv") else peer
