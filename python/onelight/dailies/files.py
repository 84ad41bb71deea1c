"""The files of a clip: their sizes and hashes, and whether they still are what was ingested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xxhash

from onelight.errors import ImageError

CHUNK = 1 << 20
PROBE = 1 << 16  # bytes at the beginning, in the middle and at the end that the quick hash covers


def quick(path: Path, size: int) -> str:
    """XXH128 over the size and three pieces of the file: what a changed or re-encoded file will not share."""
    seen = xxhash.xxh3_128(str(size).encode())
    with path.open("rb") as file:
        for at in sorted({0, max(0, size // 2 - PROBE // 2), max(0, size - PROBE)}):
            file.seek(at)
            seen.update(file.read(PROBE))
    return seen.hexdigest()


def told(path: Path) -> dict[str, Any]:
    """Size, quick hash and XXH128 of the whole file. Raises ImageError where it cannot be read."""
    whole = xxhash.xxh128()
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                whole.update(piece)
        return {"size": size, "quick": quick(path, size), "xxh128": whole.hexdigest()}
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error


def digest(told: Iterable[dict[str, Any]]) -> str:
    """SHA-256 over the files' sizes and hashes in order: the clip's identity, wherever it lies."""
    text = "\n".join(f"{one['size']} {one['xxh128']}" for one in told)
    return hashlib.sha256(text.encode()).hexdigest()


def check(path: Path, told: dict[str, Any], clip: str) -> None:
    """Raises ImageError where the file is gone or is no longer the one that was ingested."""
    try:
        size = path.stat().st_size
        same = size == told["size"] and quick(path, size) == told["quick"]
    except OSError as error:
        raise ImageError(f"{path} of the clip '{clip}' cannot be read: {error.strerror}.") from error
    if not same:
        raise ImageError(
            f"{path} is not the file that was ingested as '{clip}': withdraw the clip and ingest it again, "
            "or bring the file back."
        )
