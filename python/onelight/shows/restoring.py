"""Makes a show again from its archive, trusting nothing that the file says."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from onelight.errors import NotReady, OnelightError
from onelight.shows import archive, files, journal, migration, store
from onelight.shows.places import Places, checked
from onelight.shows.sealing import BadArchive, Key, unsealed
from onelight.shows.store import Show

_HEADER, _PIECE = 64 << 10, 1 << 20  # bytes read at once, of what describes a file and of a file
_LARGEST_ABOUT, _LARGEST_SUMS = 64 << 10, 64 << 20
_IDENTITY = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SCHEMA = text("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
# What tarfile and json make of bytes that are no tar, no JSON, or another's.
_MALFORMED = (tarfile.TarError, ValueError, KeyError, TypeError, OverflowError, RecursionError, EOFError)


def restore(file: Path, key: Key, root: Path | None = None, name: str = "") -> Show:
    """The show of an archive, under its own or another name; it is there when all of it was checked, not before.

    Raises BadArchive where the file is not whole and ours, RequestError where the name is taken, NotReady where the
    archive is of a newer release, OnelightError where the disk refuses.
    """
    try:
        opened = file.open("rb")
    except OSError as error:
        raise OnelightError(f"{file} cannot be read: {error.strerror}.") from error
    with opened, unsealed(opened, key, str(file)) as plain, _well_formed(file):
        size = os.fstat(opened.fileno()).st_size
        source = _Forward(plain.stream)
        with tarfile.open(fileobj=source, mode="r:") as tar:  # pyright: ignore[reportCallIssue, reportArgumentType]
            about = _about(tar, source, file)
            name = name or checked(about["show"])
            folder = store.free(name, root)
            with store.written(folder), files.made(folder) as part:
                if size > (free := shutil.disk_usage(part).free):
                    raise OnelightError(f"{folder} needs {size >> 20} MB, and the disk has {free >> 20} MB left.")
                try:
                    _unpack(tar, source, part, size)
                    source.drain()
                    plain.finish()
                    _settle(part, about, name, file)
                except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                    raise BadArchive(f"{file} was changed: a file of it has a folder's place.") from error
    return Show.open(name, root)


@contextlib.contextmanager
def _well_formed(file: Path) -> Iterator[None]:
    try:
        yield
    except _MALFORMED as error:
        raise BadArchive(f"{file} is no archive of a show, or was changed: {error}.") from error


def _about(tar: tarfile.TarFile, source: _Forward, file: Path) -> dict[str, str]:
    member = tar.next()
    if member is None or member.name != archive.ABOUT:
        raise ValueError(f"it does not begin with {archive.ABOUT}")
    told = json.loads(source.take(member.size, _LARGEST_ABOUT))
    if type(told["format"]) is not int or told["format"] > archive.FORMAT:
        raise NotReady(f"{file} was made by a newer Onelight: update this one.")
    about = {each: told[each] for each in ("show", "identity", "created", "made")}
    if not all(isinstance(value, str) and len(value) < 100 for value in about.values()):
        raise ValueError(f"{archive.ABOUT} is of another kind")
    if not _IDENTITY.fullmatch(about["identity"]):
        raise ValueError("the show's identity is of another kind")
    return about


def _unpack(tar: tarfile.TarFile, source: _Forward, part: Path, size: int) -> None:
    """Writes the members below `part`; each of them fits the list at the end."""
    found: dict[str, Any] = {}
    while (member := tar.next()) is not None:
        tar.members.clear()  # pyright: ignore[reportAttributeAccessIssue] # it would keep them all
        if not member.isreg() or member.issparse():
            raise ValueError(f"{member.name!r} is a link or no plain file")
        if member.name == archive.SUMS:
            sums = json.loads(source.take(member.size, _LARGEST_SUMS))
            if tar.next() is not None:
                raise ValueError("there is more after its list")
            if sums != found:
                raise ValueError(f"{_first_difference(sums, found)!r} is not as it was archived")
            return
        # Nothing in it is compressed, so that it cannot hold more than the file that it came in.
        if not 0 <= member.size <= size or len(found) > archive.MOST_FILES:
            raise ValueError("it says that it holds more than it can")
        if member.name in found:
            raise ValueError(f"{member.name!r} is there twice")
        found[member.name] = _write(source, part, archive.inside(member.name), member.size)
    raise ValueError(f"it does not end with {archive.SUMS}")


def _write(source: _Forward, path: Path, parts: list[str], size: int) -> dict[str, Any]:
    # The folder is new and only we make things in it: there is no link in it that could be followed.
    for name in parts[:-1]:
        path /= name
        path.mkdir(mode=0o700, exist_ok=True)
    path /= parts[-1]
    sum = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as out:
        for data in source.pieces(size):
            sum.update(data)
            out.write(data)
    return {"size": size, "sha256": sum.hexdigest()}


def _settle(part: Path, about: dict[str, str], name: str, file: Path) -> None:
    """Makes an openable show of what was unpacked, and logs it. Raises BadArchive where it is not what it says."""
    places = Places(part)
    if not places.store.is_file():
        raise BadArchive(f"{file} holds no show: its {places.store.name} is missing.")
    for folder in (places.models, places.logs, places.cache):
        folder.mkdir(mode=0o700, exist_ok=True)
    files.write(places.sheet, store.sheet(name, about["identity"], about["created"]).encode())
    show = Show(name, part, about["identity"], "", about["created"])
    try:
        migration.upgrade(show.engine, name)
        _check_tables(show.engine, name)
        show.check_identity()
        with show.session() as session:
            journal.check(session)
            journal.record(session, "show restore", name, file=file.name, made=about["made"], archived=about["show"])
    except NotReady:
        raise
    except (OnelightError, DBAPIError) as error:
        raise BadArchive(f"{file} was changed before it was encrypted: {error}") from error
    finally:
        show.engine.dispose()


def _check_tables(engine: Engine, name: str) -> None:
    """Whether the store is whole and has our tables and triggers, no more, no fewer: both could act later."""
    fresh = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    migration.upgrade(fresh, name)
    with fresh.connect() as ours, engine.connect() as theirs:
        if theirs.execute(text("PRAGMA integrity_check(1)")).scalar() != "ok":
            raise OnelightError("The store is damaged.")
        if theirs.execute(text("PRAGMA foreign_key_check")).first() is not None:
            raise OnelightError("The store refers to rows that are not there.")
        if theirs.execute(_SCHEMA).all() != ours.execute(_SCHEMA).all():
            raise OnelightError("The store has other tables or triggers than Onelight's.")


def _first_difference(sums: Any, found: dict[str, Any]) -> str:
    names = sorted({*sums, *found})
    return next(name for name in names if sums.get(name) != found.get(name))


class _Forward:
    """The stream as tarfile wants it, which reads only small pieces of it: headers, however large they say they are."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._at = stream, 0

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence or not self._at <= offset <= self._at + _HEADER:
            raise ValueError("it is not a tar that is read from its beginning to its end")
        self.read(offset - self._at)
        return self._at

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER:
            raise ValueError("it describes a file with more than a path needs")
        return self._exactly(size)

    def take(self, size: int, largest: int) -> bytes:
        """A member's bytes at once."""
        if not 0 <= size <= largest:
            raise ValueError("its list is larger than one can be")
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """A member's bytes, in pieces."""
        while size > 0:
            data = self._exactly(min(size, _PIECE))
            if not data:
                raise EOFError("it ends within a file")
            size -= len(data)
            yield data

    def drain(self) -> None:
        """Reads to the end."""
        while self._exactly(_PIECE):
            pass

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._at += len(data)
        return data
