"""Shared memory of clients on the same machine: opened with suspicion, registered once, gone with its client.

Two kinds of key. `memfd:<pid>:<fd>` is a memfd sealed against shrinking and growing: no access to it can fault, so it
is mapped once and read and written in place. `/name` is POSIX shared memory, which its owner can truncate at any time
(a mapping would then kill this process with SIGBUS): it is only read with pread and written with pwrite.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
from onelight.errors import NotFound, RequestError

from onelight_server.refusal import Refused, quoted

MOST_REGIONS = 1024
MOST_PER_CLIENT = 128
LONGEST_NAME = 255
LARGEST = 1 << 34  # bytes of a region, and of a file that is mapped

_MEMFD = re.compile(r"memfd:([1-9]\d{0,9}):(\d{1,9})")
_POSIX = re.compile(r"/?([A-Za-z0-9_][A-Za-z0-9._-]{0,200})")  # tritonclient's users write the slash or leave it out
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


@dataclass
class Region:
    """One registered region: `offset` and `size` are what the client gave, `memory` its bytes where it is mapped.

    Nothing is closed while a frame is being worked on: arrays hold the mapping, a call holds the descriptor's owner.
    """

    name: str
    key: str
    offset: int
    size: int
    fd: _Descriptor | None = None
    memory: np.ndarray | None = None

    def check(self, offset: int, size: int, tensor: str) -> None:
        """Raises RequestError unless the bytes lie inside the region."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise RequestError(
                f"{tensor} asks for bytes {offset} to {offset + size} of the shared memory {quoted(self.name)}, "
                f"which has {self.size}."
            )

    def view(self, offset: int, size: int) -> np.ndarray | None:
        """The bytes in place (uint8, writable), or None where this kind of region has to be copied."""
        if self.memory is None:
            return None
        return self.memory[offset : offset + size]

    def read(self, offset: int, into: np.ndarray) -> None:
        """Copies bytes out of the region into a packed array of our own; frees the GIL."""
        target = into.reshape(-1).view(np.uint8)
        if (place := self.view(offset, target.size)) is not None:
            np.copyto(target, place)
            return
        self._transfer(os.preadv, offset, target)

    def write(self, offset: int, pixels: np.ndarray) -> None:
        """Copies packed pixels into the region; frees the GIL."""
        source = pixels.reshape(-1).view(np.uint8)
        if (place := self.view(offset, source.size)) is not None:
            np.copyto(place, source)
            return
        assert self.fd is not None
        # pwrite past the end would grow the file again: a client that truncated is told so.
        if os.fstat(self.fd.number).st_size < self.offset + offset + source.size:
            raise RequestError(f"The shared memory {quoted(self.name)} has become smaller than it was registered.")
        self._transfer(os.pwritev, offset, source)

    def _transfer(self, call, offset: int, data: np.ndarray) -> None:
        assert self.fd is not None
        done = 0
        while done < data.size:
            moved = call(self.fd.number, [data.data[done:]], self.offset + offset + done)
            if moved <= 0:
                raise RequestError(f"The shared memory {quoted(self.name)} has become smaller than it was registered.")
            done += moved


class _Descriptor:
    """A file descriptor that closes with its last user."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


class Regions:
    """All regions by name. `<client_id>/…` names live as long as the client's lease."""

    def __init__(self) -> None:
        self._regions: dict[str, Region] = {}

    def register(self, name: str, key: str, offset: int, size: int) -> None:
        """Opens the memory behind `key`. Blocks for as long as mapping its pages takes: call it in a thread.

        Raises Refused (ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED), NotFound or RequestError.
        """
        self._admit(name, offset, size)
        if match := _MEMFD.fullmatch(key):
            region = Region(name, key, offset, size, memory=_map_memfd(name, match[1], match[2], offset, size))
        elif match := _POSIX.fullmatch(key):
            region = Region(name, key, offset, size, fd=_open_posix(name, match[1], need=offset + size))
        else:
            raise RequestError(
                f"The shared memory key {quoted(key)} is not understood: expected '/name' or 'memfd:<pid>:<fd>'."
            )
        self._admit(name, offset, size)  # another thread may have been quicker
        self._regions[name] = region

    def _admit(self, name: str, offset: int, size: int) -> None:
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise RequestError(f"A shared memory region needs a printable name of 1 to {LONGEST_NAME} characters.")
        if not 0 < size <= LARGEST or not 0 <= offset <= LARGEST:
            raise RequestError(f"The shared memory {quoted(name)} cannot have {size} bytes from byte {offset} on.")
        if name in self._regions:
            raise Refused(
                grpc.StatusCode.ALREADY_EXISTS, f"A shared memory named {quoted(name)} is registered already."
            )
        client = name.partition("/")[0]
        mine = sum(other.partition("/")[0] == client for other in self._regions) if "/" in name else 0
        if len(self._regions) >= MOST_REGIONS or mine >= MOST_PER_CLIENT:
            raise Refused(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"No room for the shared memory {quoted(name)}: a client may register {MOST_PER_CLIENT} regions, "
                f"all together {MOST_REGIONS}. Unregister what is not used.",
            )

    def find(self, name: str, tensor: str) -> Region:
        """The region of that name; RequestError naming the tensor where there is none."""
        region = self._regions.get(name)
        if region is None:
            raise RequestError(f"{tensor} lies in the shared memory {quoted(name)}, which is not registered.")
        return region

    def status(self, name: str) -> list[Region]:
        """One region, or all that belong to no lease: names under a lease are their client's own business."""
        if name:
            if name not in self._regions:
                raise NotFound(f"No shared memory named {quoted(name)} is registered.")
            return [self._regions[name]]
        return [region for region in self._regions.values() if "/" not in region.name]

    def unregister(self, name: str) -> None:
        """Forgets one region (none of that name: nothing to do), or with no name all that belong to no lease."""
        for gone in [name] if name else [key for key in self._regions if "/" not in key]:
            self._regions.pop(gone, None)

    def forget(self, region: Region) -> bool:
        """Forgets this very region; whether it was still there."""
        there = self._regions.get(region.name) is region
        if there:
            del self._regions[region.name]
        return there

    def drop(self, client: str) -> int:
        """Forgets everything under a client's lease; how many regions that were."""
        gone = [name for name in self._regions if name.startswith(client + "/")]
        for name in gone:
            del self._regions[name]
        return len(gone)

    def __len__(self) -> int:
        return len(self._regions)

    def __iter__(self) -> Iterator[Region]:
        return iter(list(self._regions.values()))


def _map_memfd(name: str, pid: str, fd: str, offset: int, size: int) -> np.ndarray:
    path = Path("/proc", pid, "fd", fd)
    # Looked at before it is opened: opening a device or a pipe has effects of its own.
    try:
        if not _is_memfd(path) or not stat.S_ISREG(path.stat().st_mode):
            raise _denied(name, "is not a memfd.")
        descriptor = _Descriptor(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        raise _unreachable(name, error) from error
    found = _owned(name, descriptor, offset + size)
    if not _is_memfd(Path("/proc/self/fd", str(descriptor.number))):
        raise _denied(name, "is not a memfd.")
    seals = fcntl.fcntl(descriptor.number, fcntl.F_GET_SEALS)
    if seals & _SEALS != _SEALS:
        raise _denied(name, "could change its size: seal the memfd against shrinking, growing and more seals.")
    # Mapping fills holes with memory that the client never paid for; LARGEST keeps even an honest file in bounds.
    if found.st_size > LARGEST or found.st_blocks * 512 < found.st_size:
        raise _denied(name, f"has to be allocated (posix_fallocate) and of at most {LARGEST} bytes.")
    first = offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
    try:
        # Populated now, in one go: faulting 17,000 pages in later would cost each first frame several times its copy.
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        mapping = mmap.mmap(descriptor.number, offset - first + size, flags, offset=first)
    except OSError as error:
        raise _denied(name, f"cannot be mapped for reading and writing: {error.strerror}.") from error
    return np.frombuffer(mapping, np.uint8)[offset - first :]


def _is_memfd(path: Path) -> bool:
    return str(path.readlink()).startswith("/memfd:")


def _open_posix(name: str, file: str, need: int) -> _Descriptor:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = _Descriptor(os.open(f"/dev/shm/{file}", flags))
    except OSError as error:
        raise _unreachable(name, error) from error
    _owned(name, descriptor, need)
    return descriptor


def _owned(name: str, descriptor: _Descriptor, need: int) -> os.stat_result:
    """What the file is, once it is known to be a regular file of this server's own user and large enough."""
    found = os.fstat(descriptor.number)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise _denied(name, "belongs to another user: server and client must run as the same one.")
    if found.st_size < need:
        raise RequestError(f"The shared memory {quoted(name)} has {found.st_size} bytes where {need} were announced.")
    return found


def _unreachable(name: str, error: OSError) -> Exception:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"The shared memory {quoted(name)} is not there for this server: another machine or container?")
    return _denied(name, f"cannot be opened by this server: {error.strerror}.")


def _denied(name: str, why: str) -> Refused:
    return Refused(grpc.StatusCode.PERMISSION_DENIED, f"The shared memory {quoted(name)} {why}")
