"""TOML that people write, read with errors that name the file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from onelight.errors import RequestError

LARGEST = 1 << 20  # bytes of such a file


def load(path: Path, what: str) -> tuple[dict[str, Any], bytes]:
    """A file's tables, and its bytes. Raises RequestError; `what` begins its sentences, with the path after it."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise RequestError(f"{what} {path} cannot be read: {error.strerror or error}.") from error
    return parsed(data, f"{what} {path}"), data


def parsed(data: bytes, where: str) -> dict[str, Any]:
    """The tables in a file's bytes. Raises RequestError that begins with `where`."""
    if len(data) > LARGEST:
        raise RequestError(f"{where} is larger than {LARGEST >> 20} MiB.")
    try:
        return tomllib.loads(data.decode())
    except ValueError as error:
        raise RequestError(f"{where} is not TOML: {error}.") from error
