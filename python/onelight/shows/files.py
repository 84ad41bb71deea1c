"""Files of a show, handled so that a kill, a full disk or a planted link leaves the old or the new, never a half."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

PART, GONE = ".part", ".gone"  # ends of hidden folders: being made, being deleted
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
_HERE, _NO_REPLACE = -100, 1  # AT_FDCWD, RENAME_NOREPLACE of Linux


def read(path: Path, largest: int) -> bytes:
    """The bytes of a regular file. Raises OSError where it is missing, a link, no file, or larger than `largest`."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a file", str(path))
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"larger than {largest} bytes", str(path))
    return data


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Puts a file in place of what was there, whole and on the disk when this returns."""
    part = path.with_name(f".{path.name}{PART}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync(path.parent)


def below(top: Path, *names: str, mode: int = 0o777) -> Path:
    """The folder of those names below `top`, made where it is missing; `top` never, for a deleted show must stay so.

    Raises FileNotFoundError where `top` is gone.
    """
    for each in names:
        top = top / each
        top.mkdir(mode, exist_ok=True)
    return top


def name(part: Path, path: Path) -> None:
    """Gives the finished file `part` its name; raises FileExistsError where something has it, a dangling link too."""
    try:
        os.link(part, path, follow_symlinks=False)  # unlike a rename, never takes the place of what is there
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename(part, path)
    else:
        part.unlink()
    sync(path.parent)


def _rename(part: Path, path: Path) -> None:
    """As `name`, for disks and file servers without hard links: exFAT, SMB."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        if libc.renameat2(_HERE, os.fsencode(part), _HERE, os.fsencode(path), _NO_REPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number), str(path))
    # Some that are mounted through FUSE know no such rename: only between these two lines could another be replaced.
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    os.rename(part, path)


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Waits until all below a folder is on the disk."""
    for path, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(path, name))
        sync(Path(path))


@contextlib.contextmanager
def made(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder` to make things in; it becomes `folder` when the block ends well, else vanishes.

    What a killed process left of another is removed here too. Raises FileExistsError where `folder` is there by then.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent)
    part, lock = _locked(folder)
    try:
        yield part
        sync_tree(part)
        try:
            os.rename(part, folder)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise FileExistsError(errno.EEXIST, "made by another meanwhile", str(folder)) from error
            raise
        sync(folder.parent)
    except BaseException:  # Ctrl-C too must not leave a part of a folder behind
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def sweep(root: Path) -> None:
    """Removes what killed processes left half made."""
    for path in hidden(root, PART):
        with held(path) as ours:
            if ours:
                remove(path)


def hidden(root: Path, end: str) -> list[Path]:
    """Hidden folders of that end below `root`."""
    found = sorted(root.glob(f".*{end}")) if root.is_dir() else []
    return [path for path in found if path.is_dir() and not path.is_symlink()]


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Whether nobody else works in the folder; nobody will while the block runs."""
    lock = _lock(folder)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def hide(folder: Path) -> Path:
    """Takes a folder from sight in one step, to be removed."""
    gone = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}{GONE}")
    os.rename(folder, gone)
    sync(folder.parent)
    return gone


def remove(folder: Path) -> None:
    """Deletes a folder with all in it, files and folders made read-only too; links are removed, not followed."""

    def writable_first(function, path: str, info) -> None:
        if isinstance(info[1], FileNotFoundError):
            return  # another sweep was quicker
        if not isinstance(info[1], PermissionError):
            raise info[1]
        for each in (os.path.dirname(path), path):
            if not os.path.islink(each):
                os.chmod(each, 0o700)
        if function in (os.unlink, os.rmdir):
            function(path)
        else:  # a folder that could not be opened or listed
            shutil.rmtree(path)

    shutil.rmtree(folder, onerror=writable_first)


def _locked(folder: Path) -> tuple[Path, int]:
    while True:
        part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}{PART}")
        part.mkdir(mode=0o700)
        lock = _lock(part)
        if lock is not None:
            return part, lock  # otherwise a sweep took it in the moment between


def _lock(folder: Path) -> int | None:
    """A handle that holds the folder as long as this process lives, or None where another's holds it, or it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == os.stat(folder, follow_symlinks=False).st_ino:
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None
