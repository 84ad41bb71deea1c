"""Keeps a second process out of a folder that one already writes to."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onelight.errors import Busy, OnelightError


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Make the folder and hold it alone; the lock ends with its process.

    Raises Busy where another process holds it, OnelightError where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise OnelightError(f"{folder} cannot be written: {error.strerror or error}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"{folder} is in use: another process is {doing} there; wait for it or stop it.") from error
        yield
