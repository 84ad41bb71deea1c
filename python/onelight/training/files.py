"""Writes files whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from onelight.errors import OnelightError


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` under its name only once all of it is on disk; OnelightError names the file where it cannot be."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write_through(part, data)
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole: sorted keys, so that equal content gives equal bytes."""
    write_whole(path, as_json(content))


def as_json(content: Any) -> bytes:
    """Indented JSON with sorted keys and a final newline."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def write_through(path: Path, data: bytes) -> None:
    """Write and flush to the disk itself. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder (new, renamed, removed) last through a loss of power. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Digest of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cannot_write(path: Path, error: OSError) -> OnelightError:
    """The sentence for a file that could not be written: a full disk, a read-only folder, a limit."""
    return OnelightError(f"{path} cannot be written: {error.strerror or error}.")
