"""What happened on behalf of one show, in that show's own folder: common log and metrics name no show."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import structlog

from onelight_server.tally import Tally

LARGEST = 1 << 20  # bytes; then the file becomes server.log.1, and what that held is gone
MOST_WAITING = 1000  # lines
FILE = Path("logs", "server.log")
log = structlog.get_logger()


class Diary:
    """Appends JSON lines to `<show>/logs/server.log` and keeps the show's numbers beside it, in a thread of its own:
    nobody waits for a show's disk."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "diary")
        self._failed, self._room = False, BoundedSemaphore(MOST_WAITING)
        self._tallies: dict[Path, Tally] = {}

    def close(self) -> None:
        """Writes what is still to be written."""
        for tally in self._tallies.values():
            self._thread.submit(tally.write)
        self._thread.shutdown(wait=True)

    def tally(self, folder: Path) -> Tally:
        """The numbers of a show; they are written every few seconds while they are asked for, and at the end."""
        if folder not in self._tallies:
            self._tallies[folder] = Tally(folder)
        tally = self._tallies[folder]
        if tally.is_due():
            self._thread.submit(tally.write)
        return tally

    def tell(self, folder: Path, event: str, **fields: Any) -> None:
        """One line; a field never holds a secret or pixels."""
        if not self._room.acquire(blocking=False):  # a disk that hangs: the common log has it, without the name
            return
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
        self._thread.submit(self._write, folder / FILE, json.dumps(line) + "\n")

    def _write(self, path: Path, line: str) -> None:
        self._room.release()
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(path, flags, 0o600), "ab", buffering=0) as file:
                full = os.fstat(file.fileno()).st_size > LARGEST
                if not full:
                    file.write(line.encode())
            if full:
                os.replace(path, path.with_suffix(".log.1"))
                with os.fdopen(os.open(path, flags, 0o600), "ab", buffering=0) as file:
                    file.write(line.encode())
        except OSError as error:
            if not self._failed:  # a show on a disk that is full or read-only must not fill the common log
                log.warning("a show's own log cannot be written", why=error.strerror)
            self._failed = True
