"""The files of a clip: their sizes and hashes, and whether they still are what was ingested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xxhash
from ascmhl.hasher import multiple_format_hash_file

from onelight.errors import ImageError

PROBE = 1 << 16  # bytes at the beginning, in the middle and at the end that the quick hash covers
WHOLE = "xxh128"  # the hash of a whole file that a clip is known by


def quick(path: Path, size: int) -> str:
    """XXH128 over the size and three pieces of the file: what a changed or re-encoded file will not share."""
    seen = xxhash.xxh3_128(str(size).encode())
    with path.open("rb") as file:
        for at in sorted({0, max(0, size // 2 - PROBE // 2), max(0, size - PROBE)}):
            file.seek(at)
            seen.update(file.read(PROBE))
    return seen.hexdigest()


def told(path: Path, formats: Iterable[str] = ()) -> dict[str, Any]:
    """Size, quick hash, XXH128 of the whole file and its hashes in other ASC MHL `formats`, in one reading.

    Raises ImageError where it cannot be read.
    """
    try:
        size = path.stat().st_size
        hashes = multiple_format_hash_file(str(path), sorted({WHOLE, *formats}))
        return {"size": size, "quick": quick(path, size), **hashes}
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error


def digest(told: Iterable[dict[str, Any]]) -> str:
    """SHA-256 over the files' sizes and hashes in order: the clip's identity, wherever it lies."""
    text = "\n".join(f"{one['size']} {one[WHOLE]}" for one in told)
    return hashlib.sha256(text.encode()).hexdigest()


def unchanged(path: Path, told: dict[str, Any]) -> bool:
    """Whether the file is still the one whose size and quick hash are told. Raises OSError where it is gone."""
    size = path.stat().st_size
    return size == told["size"] and quick(path, size) == told["quick"]


def check(path: Path, told: dict[str, Any], clip: str) -> None:
    """Raises ImageError where the file is gone or is no longer the one that was ingested."""
    try:
        same = unchanged(path, told)
    except OSError as error:
        raise ImageError(f"{path} of the clip '{clip}' cannot be read: {error.strerror}.") from error
    if not same:
        raise ImageError(
            f"{path} is not the file that was ingested as '{clip}': withdraw the clip and ingest it again, "
            "or bring the file back."
        )
