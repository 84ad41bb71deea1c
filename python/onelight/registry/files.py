"""Reads the files of a version without following a link anywhere, and never more of one than it may have."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@contextmanager
def opened(path: Path, largest: int) -> Iterator[BinaryIO]:
    """A plain file to read. Raises OSError; also for a link, a pipe or device, and more than `largest` bytes."""
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no plain file", path.name)
        if status.st_size > largest:
            raise OSError(errno.EFBIG, f"has more than {largest} bytes", path.name)
        yield file


def read(path: Path, largest: int) -> bytes:
    """The whole of a plain file, as `opened`."""
    with opened(path, largest) as file:
        data = file.read(largest + 1)  # it may have grown since
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"has more than {largest} bytes", path.name)
    return data


def is_folder(path: Path) -> bool:
    """Whether a folder itself lies there, not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):  # ValueError: a name with a NUL in it
        return False


def marks(folder: Path) -> tuple:
    """What changes when anything in a folder does: names, kinds, sizes and times. Raises OSError."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    return tuple(sorted((name, s.st_mode, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in found))
