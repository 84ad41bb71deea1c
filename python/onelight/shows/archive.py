"""Puts a whole show into one encrypted file, from which `restoring` makes it again elsewhere.

Inside the encryption lies a tar: first `archive.json`, which says whose it is; then the show's files, databases as they
were at one moment; last `sums.json` with size and SHA-256 of each.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from onelight.errors import NotReady, OnelightError, RequestError
from onelight.shows import copying, files, journal, store
from onelight.shows.sealing import Lock, sealed
from onelight.shows.store import Show

ABOUT, SUMS, FORMAT, MOST_FILES = "archive.json", "sums.json", 1, 200_000
LEFT_OUT = ("-wal", "-shm", "-journal", files.PART)  # of the moment; a copy through SQLite needs none
_LONGEST_NAME, _DEEPEST = 255, 24
_SQLITE = b"SQLite format 3\0"
Progress = Callable[[int, int, str], None]


def archive(show: Show, to: Path, lock: Lock, progress: Progress = lambda done, total, name: None) -> int:
    """Writes the show, without its cache, to the file `to`; how many files went in.

    Raises RequestError where `to` is there or inside the show, NotReady where something in the show cannot be kept
    (a link, a file that changes meanwhile), OnelightError where the disk refuses.
    """
    to = to.expanduser().absolute()
    if to.is_symlink() or to.exists():
        raise RequestError(f"{to} is there already: name a file that is not.")
    if to.resolve().is_relative_to(show.folder.resolve()):
        raise RequestError(f"{to} lies in the show itself: name a file elsewhere.")
    with show.reading() as session:
        journal.check(session)
    part = to.with_name(f".{to.name}{files.PART}")
    with store.written(to), _work_folder(show) as work, _exclusive(part) as out:
        try:
            with sealed(out, lock) as stream:
                count = _write(show, stream, work, progress)
            out.flush()
            os.fsync(out.fileno())
            # Logged before it is there: a copy of the show that the log does not know would be worse than the reverse.
            _log(show, to, lock, count)
            files.name(part, to)
        except BaseException:  # Ctrl-C too must not leave a part of an archive behind
            part.unlink(missing_ok=True)
            raise
    return count


def _log(show: Show, to: Path, lock: Lock, count: int) -> None:
    kind = "passphrase" if lock.passphrase else f"{len(lock.recipients)} recipients"
    with show.session() as session:
        journal.record(session, "show archive", show.name, file=to.name, files=count, lock=kind)


def inside(name: str) -> list[str]:
    """The folders and the file of a path inside an archive. Raises ValueError for one that could lead elsewhere."""
    parts = name.split("/")
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or "\\" in part or len(os.fsencode(part)) > _LONGEST_NAME:
            raise ValueError(f"{name[:200]!r} is no path inside a show")
    if len(parts) > _DEEPEST or parts[-1].endswith(LEFT_OUT) or parts[0].startswith(".") or name in (ABOUT, SUMS):
        raise ValueError(f"{name[:200]!r} is no path inside a show")
    return parts


def _write(show: Show, stream: BinaryIO, work: Path, progress: Progress) -> int:
    told: dict[str, dict[str, Any]] = {}
    names = list(_names(show))
    about = {"format": FORMAT, "show": show.name, "identity": show.identity, "created": show.created}
    about["made"] = datetime.now(UTC).isoformat(timespec="seconds")
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as tar:
        _add_json(tar, ABOUT, about)
        _add_store(show, tar, work, told)
        for index, name in enumerate(names):
            progress(index, len(names), name)
            _add_file(tar, name, show.folder / name, work, told)
        _add_json(tar, SUMS, told)
    progress(len(names), len(names), "")
    return len(told)


def _names(show: Show) -> Iterator[str]:
    """Paths of what goes in as it is. Raises NotReady for links and what else is no file."""
    count = 0
    left_out = {show.places.store, show.places.sheet, show.places.cache}
    for path, folders, names in os.walk(show.folder, onerror=_raise):
        top = Path(path) == show.folder
        # What a desktop or a file server leaves at the top (.DS_Store, .snapshot) is not the show's.
        folders[:], names = (
            sorted(each for each in found if Path(path, each) not in left_out and not (top and each[0] == "."))
            for found in (folders, names)
        )
        for each in (*folders, *names):
            full = Path(path, each)
            name = str(full.relative_to(show.folder))
            mode = full.lstat().st_mode
            if stat.S_ISDIR(mode) or each.endswith(LEFT_OUT):
                continue
            if not stat.S_ISREG(mode):
                raise NotReady(f"{full} is a link or no file: an archive holds the show's own files. Move it away.")
            try:
                inside(name)
            except ValueError as error:
                raise NotReady(f"An archive cannot hold {str(full)!r}: rename it, or move it away.") from error
            count += 1
            if count > MOST_FILES:
                raise NotReady(f"The show has more than {MOST_FILES} files: delete training runs that are done with.")
            yield name


def _add_store(show: Show, tar: tarfile.TarFile, work: Path, told: dict) -> None:
    snapshot = work / show.places.store.name
    if show.url:
        copying.copy_out(show, snapshot)
    else:
        _snapshot(show.places.store, snapshot)
    with snapshot.open("rb") as file:
        _add(tar, show.places.store.name, file, snapshot.stat().st_size, told)
    snapshot.unlink()


def _add_file(tar: tarfile.TarFile, name: str, path: Path, work: Path, told: dict) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:  # others write to it while it is copied
            snapshot = work / "other.db"
            _snapshot(path, snapshot)
            with snapshot.open("rb") as copy:
                _add(tar, name, copy, snapshot.stat().st_size, told)
            snapshot.unlink()
            return
        before = os.fstat(handle)
        file.seek(0)
        try:
            _add(tar, name, file, before.st_size, told)
        except OSError as error:
            if os.fstat(handle).st_size >= before.st_size:
                raise
            raise _changed(path) from error
        after = os.fstat(handle)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise _changed(path)


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO, size: int, told: dict) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    hashed = _Hashed(file)
    tar.addfile(info, hashed)  # pyright: ignore[reportArgumentType]
    told[name] = {"size": size, "sha256": hashed.sum.hexdigest()}


def _add_json(tar: tarfile.TarFile, name: str, value: dict) -> None:
    data = json.dumps(value).encode()
    _add(tar, name, io.BytesIO(data), len(data), {})


class _Hashed:
    def __init__(self, file: BinaryIO) -> None:
        self.file, self.sum = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.sum.update(data)
        return data


def _snapshot(source: Path, copy: Path) -> None:
    """A SQLite file as it is between two transactions of its writers."""
    try:
        with contextlib.closing(sqlite3.connect(source)) as one, contextlib.closing(sqlite3.connect(copy)) as two:
            one.backup(two)
    except sqlite3.Error as error:
        raise OnelightError(f"{source} cannot be copied: {error}.") from error


@contextlib.contextmanager
def _work_folder(show: Show) -> Iterator[Path]:
    """A folder in the show's cache for copies of its databases, emptied of what a killed archive left."""
    folder = files.below(show.folder, show.places.cache.name, "archiving", mode=0o700)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.iterdir():
            left.unlink()
        yield folder
        shutil.rmtree(folder)
    except BlockingIOError as error:
        raise NotReady(f"The show '{show.name}' is being archived already.") from error
    finally:
        os.close(handle)


@contextlib.contextmanager
def _exclusive(part: Path) -> Iterator[BinaryIO]:
    """The file to write, locked; what a killed process left of it is written over."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(part, flags, 0o600), "r+b") as out:
        try:
            fcntl.flock(out.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotReady(f"{part} is being written by another.") from error
        out.truncate(0)
        yield out


def _changed(path: Path) -> NotReady:
    return NotReady(f"{path} changed while it was archived: let what works on the show end, then archive it again.")


def _raise(error: OSError) -> None:
    raise error
