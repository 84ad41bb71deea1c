"""Encrypts and decrypts a stream by age, for recipients' keys or for a passphrase.

For recipients the file is plain age, which `age --decrypt` opens. age takes a passphrase only for what fits in memory,
so for one the file is two: an age identity made for this file alone, itself encrypted with the passphrase and armored,
and after its END line the stream, encrypted for that identity.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyrage

from onelight.errors import OnelightError, RequestError
from onelight.shows import files

_END = b"-----END AGE ENCRYPTED FILE-----\n"
_BEGIN = b"-----BEGIN AGE"
_PIECE = 1 << 20
_LARGEST = 64 << 10  # bytes of a passphrase's or identity's file, and of the armored head


class BadArchive(OnelightError):
    """A file is no archive of a show, was changed, or is not for this key."""


@dataclass(frozen=True)
class Lock:
    """Who may open a file: either kind, not both."""

    recipients: tuple[Any, ...] = ()
    passphrase: str = ""

    @classmethod
    def for_recipients(cls, names: list[str]) -> Lock:
        """`age1...` (X25519) or `ssh-ed25519 ...` / `ssh-rsa ...` public keys. Raises RequestError."""
        return cls(tuple(_recipient(name.strip()) for name in names))


@dataclass(frozen=True)
class Key:
    """What opens a file."""

    identities: tuple[Any, ...] = ()
    passphrase: str = ""

    @classmethod
    def from_file(cls, path: Path) -> Key:
        """age identities, one a line as age-keygen writes them, or an SSH private key. Raises RequestError."""
        try:
            text = files.read(path, _LARGEST).decode()
            lines = [line.strip() for line in text.splitlines()]
            ours = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-1")]
            return cls(tuple(ours or [pyrage.ssh.Identity.from_buffer(text.encode())]))
        except OSError as error:
            raise RequestError(f"The identity {path} cannot be read: {error.strerror}.") from error
        except (pyrage.IdentityError, ValueError) as error:
            raise RequestError(f"{path} is no age identity and no SSH private key.") from error


def passphrase_of(path: Path) -> str:
    """The first line of a file. Raises RequestError where there is none."""
    try:
        text = files.read(path, _LARGEST).decode()
    except OSError as error:
        raise RequestError(f"The passphrase file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise RequestError(f"The passphrase file {path} is not text.") from error
    line = text.split("\n", 1)[0].rstrip("\r")
    if not line.strip():
        raise RequestError(f"The passphrase file {path} is empty: its first line is the passphrase.")
    return line


@contextlib.contextmanager
def sealed(out: BinaryIO, lock: Lock) -> Iterator[BinaryIO]:
    """What is written in the block goes into `out` encrypted, and is complete when the block ends well.

    Raises what `out` refuses with, as it was.
    """
    recipients = list(lock.recipients)
    if lock.passphrase:
        identity = pyrage.x25519.Identity.generate()
        out.write(pyrage.passphrase.encrypt(str(identity).encode(), lock.passphrase, armored=True))
        recipients = [identity.to_public()]
    read_end, write_end = os.pipe()
    taken = _Told(out)
    source = os.fdopen(read_end, "rb", buffering=_PIECE)
    worker = _Worker(lambda: pyrage.encrypt_io(source, taken, recipients), source)
    with os.fdopen(write_end, "wb", buffering=_PIECE) as stream:
        worker.start()
        try:
            yield stream
            stream.close()
        except BrokenPipeError:
            pass  # the worker gave up, and knows why
        finally:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
            worker.join()
    if taken.refused is not None:
        raise taken.refused
    if worker.refused is not None:
        raise OnelightError(f"The archive cannot be encrypted: {worker.refused}.") from worker.refused


class Unsealed:
    """A plain stream that is being decrypted; each piece of it was authenticated before it is handed out."""

    def __init__(self, stream: BinaryIO, worker: _Worker, name: str) -> None:
        self.stream, self._worker, self._name = stream, worker, name

    def finish(self) -> None:
        """To be called at the stream's end. Raises BadArchive where that is not the end that was written."""
        self._worker.join()
        if self._worker.refused is not None:
            other = "No matching keys" in str(self._worker.refused)
            reason = "was encrypted for another key" if other else "is no archive of a show, or was changed or cut"
            raise BadArchive(f"{self._name} {reason}.") from self._worker.refused


@contextlib.contextmanager
def unsealed(file: BinaryIO, key: Key, name: str) -> Iterator[Unsealed]:
    """Decrypts a file in the block. Raises BadArchive where the key does not open it, or it was changed or cut."""
    identities = list(key.identities)
    wrapped = file.read(len(_BEGIN)) == _BEGIN
    file.seek(0)
    if wrapped != bool(key.passphrase):
        asked = "a passphrase" if wrapped else "the age identity that it was encrypted for"
        raise BadArchive(f"{name} opens with {asked}, not with what was given.")
    if wrapped:
        identities = [_unwrapped(file, key.passphrase, name)]
    read_end, write_end = os.pipe()
    sink = os.fdopen(write_end, "wb", buffering=_PIECE)
    taken = _Told(sink)
    worker = _Worker(lambda: pyrage.decrypt_io(file, taken, identities), sink)
    with os.fdopen(read_end, "rb", buffering=_PIECE) as stream:
        worker.start()
        plain = Unsealed(stream, worker, name)
        try:
            yield plain
        except OnelightError:
            stream.close()
            worker.join()
            if taken.refused is None:  # the reader had not had enough: the stream ended too soon, and age says why
                plain.finish()
            raise
        finally:
            stream.close()
            worker.join()


class _Worker(threading.Thread):
    """One call of age, beside whoever makes or takes the plain stream; `end` is its end of the pipe between."""

    def __init__(self, work: Callable[[], None], end: BinaryIO) -> None:
        super().__init__(daemon=True)
        self._work, self._end = work, end
        self.refused: Exception | None = None

    def run(self) -> None:
        """Closes its end whatever happens: the other end would wait for ever."""
        try:
            self._work()
        except (pyrage.EncryptError, pyrage.DecryptError, OSError) as error:
            self.refused = error
        finally:
            with contextlib.suppress(OSError):
                self._end.close()


class _Told:
    """A file whose refusal is remembered as it was: age makes a text of it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.refused: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._out.write(data)
        except OSError as error:
            self.refused = error
            raise

    def flush(self) -> None:
        self._out.flush()


def _unwrapped(file: BinaryIO, passphrase: str, name: str) -> Any:
    head = file.read(_LARGEST)
    end = head.find(_END)
    if end < 0:
        raise BadArchive(f"{name} is no archive of a show, or was changed.")
    end += len(_END)
    file.seek(end)
    try:
        return pyrage.x25519.Identity.from_str(pyrage.passphrase.decrypt(head[:end], passphrase).decode())
    except (pyrage.DecryptError, pyrage.IdentityError, ValueError) as error:
        raise BadArchive(f"{name} does not open: the passphrase is another, or the file was changed.") from error


def _recipient(name: str) -> Any:
    kind = pyrage.ssh.Recipient if name.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(name)
    except pyrage.RecipientError as error:
        shown = name if len(name) <= 40 else name[:37] + "..."
        raise RequestError(
            f"{shown!r} is no recipient: a public key age1... or ssh-ed25519 ... was expected, as its owner gave it."
        ) from error
