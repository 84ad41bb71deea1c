"""Follows what a training run writes of its progress, line by line, without ever leaving the show's folder."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onelight.errors import NotFound
from onelight.wire import studio_pb2 as wire

from onelight_server.refusal import quoted

FILE = "progress.jsonl"
OVER = ("stopped", "done", "failed")
POLL = 0.25  # seconds between looks: a step takes longer
LONGEST_LINE = 1 << 14
MOST_AT_ONCE = 1 << 20  # bytes read in one look; of a longer file the beginning has been told before, or is skipped
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


async def follow(show: Path, run: str, ending: asyncio.Event) -> AsyncIterator[wire.WatchReply]:
    """Replies for every line of the run's progress, from the last that is there on. Ends when the run or the server
    does. Raises NotFound where the show has no such run."""
    name = await asyncio.to_thread(_chosen, show, run)
    reader, first = _Reader(show / "training" / name / FILE), True
    while not ending.is_set():
        told = [reply for line in await asyncio.to_thread(reader.lines) if (reply := _reply(name, line))]
        for reply in told[-1:] if first else told:
            yield reply
        first = first and not told
        if told and told[-1].state in OVER:
            return
        try:
            await asyncio.wait_for(ending.wait(), POLL)
        except TimeoutError:
            continue


def _chosen(show: Path, run: str) -> str:
    """The run's name; with none given, that of the run which wrote last."""
    folder = show / "training"
    try:
        runs = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and _is_run(path)]
    except OSError:
        runs = []
    if run:
        if any(path.name == run for path in runs):
            return run
        raise NotFound(f"The show '{show.name}' has no training run {quoted(run)}.")
    if not runs:
        raise NotFound(f"The show '{show.name}' has not trained anything yet.")
    return max(runs, key=lambda path: os.lstat(path / FILE).st_mtime_ns).name


def _is_run(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode) and stat.S_ISREG(os.lstat(path / FILE).st_mode)
    except OSError:
        return False


@dataclass
class _Reader:
    """Whole lines that were added since the last look; a file that was begun anew is read from its beginning."""

    path: Path
    _inode: int = 0
    _at: int = 0
    _rest: bytes = field(default=b"")

    def lines(self) -> list[bytes]:
        try:
            number = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # between two files: rotated, or gone
            return []
        try:
            found = os.fstat(number)
            if not stat.S_ISREG(found.st_mode):
                return []
            if found.st_ino != self._inode or found.st_size < self._at:
                self._inode, self._at, self._rest = found.st_ino, 0, b""
            if found.st_size - self._at > MOST_AT_ONCE:
                self._at, self._rest = found.st_size - MOST_AT_ONCE, b""
            data = os.pread(number, MOST_AT_ONCE, self._at)
        finally:
            os.close(number)
        self._at += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LONGEST_LINE:]
        return [line for line in whole if len(line) <= LONGEST_LINE]


def _reply(run: str, line: bytes) -> wire.WatchReply | None:
    """None for a line that is no progress: half of one, or of a later release."""
    try:
        told = json.loads(line)
        reply = wire.WatchReply(
            run=run, step=int(told["step"]), steps=int(told["steps"]), state=str(told.get("state", "running"))
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    for name in ("loss", "gain", "eta_s"):
        if _is_number(value := told.get(name)):
            setattr(reply, name, float(value))
    return reply


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
