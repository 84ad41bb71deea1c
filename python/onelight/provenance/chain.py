"""A file of signed lines that grows safely: each line names the one before, so none can be changed, moved or left out.

A line is one JSON object in canonical form. `before` is the SHA-256 of an earlier line (64 zeros in the first),
`signature` is over the line without it. Several processes and machines append under a lock on the file. A process
killed while it appends leaves a line without an end, which the next one to append takes away. Where a file system's
locks do not reach from machine to machine, two lines may name the same line before: both stay proven.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelight.errors import ImageError, OnelightError

FIRST = "0" * 64
LONGEST = 16 << 20  # bytes of a line; a record of a frame is a few thousand
LARGEST = 4 << 30  # bytes of a file

_ONE = threading.Lock()  # the file's lock is the process's: it holds off no other thread

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], str]  # the fingerprint of the key; raises OnelightError


def canonical(told: Any) -> bytes:
    """The one way to write it: keys in order, no spaces, UTF-8, and no number that JSON has not."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def line_of(told: dict[str, Any], before: str, sign: Sign | None) -> bytes:
    """What is appended: the line with its end."""
    told = told | {"before": before}
    if sign is not None:
        told["signature"] = sign(canonical(told)).hex()
    return canonical(told) + b"\n"


def digest(line: bytes) -> str:
    """By which a later line names this one."""
    return hashlib.sha256(line.removesuffix(b"\n")).hexdigest()


class Chain:
    """The file, for those who add to it."""

    def __init__(self, path: Path, sign: Sign | None) -> None:
        self.path = path
        self._sign = sign

    def append(self, told: dict[str, Any], first: Callable[[], dict[str, Any]]) -> None:
        """Add a line, and before it `first()` where the file is new; the line is on disk when this returns.

        Raises ImageError naming the file where it cannot be written.
        """
        try:
            with _ONE, self._locked() as file:
                end, added = self._mend(file), b""
                last = self._last(file, end)
                if not last:
                    last = added = line_of(first(), FIRST, self._sign)
                added += line_of(told, digest(last), self._sign)
                self._write(file, end, added)
        except OSError as error:
            raise ImageError(f"{self.path} cannot be written: {error.strerror or error}") from error

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX)  # of the kind that NFS carries to the other machines
            yield file
        finally:
            os.close(file)

    @staticmethod
    def _mend(file: int) -> int:
        """The end of the last whole line; what a killed process began behind it is cut off."""
        end = size = os.fstat(file).st_size
        while end > 0:
            begin = max(0, end - 65536)
            newline = os.pread(file, end - begin, begin).rfind(b"\n")
            if newline >= 0:
                end = begin + newline + 1
                break
            end = begin
        if end != size:
            os.ftruncate(file, end)
        return end

    @staticmethod
    def _last(file: int, end: int) -> bytes:
        """The last line."""
        tail = os.pread(file, min(end, LONGEST), max(0, end - LONGEST))
        return tail[tail.rfind(b"\n", 0, -1) + 1 :]

    @staticmethod
    def _write(file: int, end: int, data: bytes) -> None:
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(file, data[done:], end + done)
            os.fsync(file)
        except OSError:
            os.ftruncate(file, end)
            raise


@dataclass(frozen=True)
class Line:
    """One line as read: what it tells, or what is wrong with it."""

    number: int  # from 1
    told: dict[str, Any]
    problem: str = ""
    key: str = ""  # fingerprint of the key that signed it; empty: not signed
    whole: bool = True  # whether it has its end


def read(path: Path, verify: Verify | None) -> list[Line]:
    """All lines of a chain, each checked. Raises ImageError where the file cannot be read at all."""
    try:
        if path.stat().st_size > LARGEST:
            raise ImageError(f"{path} is too large for a sidecar")
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}") from error
    *whole, rest = data.split(b"\n")
    lines: list[Line] = []
    seen: set[str] = set()
    for number, text in enumerate(whole, 1):
        own = digest(text)
        told, problem = _parsed(text)
        key = ""
        if own in seen:
            problem = f"line {number} is there twice"
        elif not problem:
            key, problem = _signed(number, told, verify)
            problem = problem or _linked(number, told, seen, bool(lines) and bool(lines[-1].problem))
        else:
            problem = f"line {number} {problem}"
        seen.add(own)
        lines.append(Line(number, told, problem, key))
    if rest:
        number = len(lines) + 1
        lines.append(
            Line(number, {}, f"line {number} has no end: the file was cut short, or a render was killed", whole=False)
        )
    return lines


def _parsed(text: bytes) -> tuple[dict[str, Any], str]:
    try:
        told = json.loads(text)
        if isinstance(told, dict) and canonical(told) == text:
            return told, ""
    except (ValueError, RecursionError):
        pass
    return {}, "was changed: it is not written as we write"


def _signed(number: int, told: dict[str, Any], verify: Verify | None) -> tuple[str, str]:
    if "signature" not in told:
        return "", ""
    if verify is None:
        return "", ""
    bare = {name: value for name, value in told.items() if name != "signature"}
    try:
        return verify(canonical(bare), bytes.fromhex(str(told["signature"]))), ""
    except (OnelightError, ValueError) as error:
        return "", f"line {number} was changed, or signed with another key ({error})"


def _linked(number: int, told: dict[str, Any], seen: set[str], after_a_broken_one: bool) -> str:
    before = told.get("before")
    if (number == 1) != (before == FIRST):
        return f"line {number} is not where it was: lines in front of it were taken out or put in"
    if number > 1 and before not in seen and not after_a_broken_one:
        return f"a line was taken out in front of line {number}, or lines changed places"
    return ""
