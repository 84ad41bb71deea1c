"""Who is at the other end of a connection: whether it may use this machine's memory as this server's own user."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import grpc

from onelight_server.refusal import Refused

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"
_MAPPED = ipaddress.ip_address("::ffff:0.0.0.0").packed[:12]
_LOCAL, _REMOTE, _STATE, _UID = 1, 2, 3, 7  # columns of the kernel's tables
_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid


class Peers:
    """Tells own clients from others.

    A server opens shared memory with its own rights, so only its own user may ask it to. A Unix socket is reachable
    by its owner alone, unless somebody opened its file to others. Loopback is reachable by every user of the machine:
    there the kernel's table of connections has to say that the other end of this very connection belongs to this
    server's user.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, "peers")
        self.ports: frozenset[int] = frozenset()  # TCP ports that this server listens on
        self.sockets: frozenset[str] = frozenset()  # paths of its Unix sockets

    def close(self) -> None:
        """Lets the thread end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def is_own(self, context: grpc.aio.ServicerContext) -> bool:
        """Whether the client runs on this machine as this server's user."""
        peer = context.peer()
        if peer.startswith("unix:"):
            return self.uid(peer) == os.geteuid()
        if (end := _loopback_end(peer)) is None:
            return False
        uids = await asyncio.get_running_loop().run_in_executor(self._threads, _owners, end, self.ports)
        return bool(uids) and uids == {os.geteuid()}

    def uid(self, peer: str) -> int | None:
        """The user at the other end of a Unix socket; None for other connections, or where it cannot be told."""
        if not peer.startswith("unix:") or not self.sockets:
            return None
        if all(_is_private(path) for path in self.sockets):
            return os.geteuid()
        # gRPC does not say which connection a call came by: it is one of ours, so what all have in common holds.
        users = _connected_users(self.sockets)
        return users.pop() if len(users) == 1 else None

    async def check(self, context: grpc.aio.ServicerContext) -> None:
        """Raises Refused (PERMISSION_DENIED) where the client may not use shared memory."""
        if not await self.is_own(context):
            raise Refused(
                grpc.StatusCode.PERMISSION_DENIED,
                "Shared memory is for clients on the server's own machine that run as the server's own user.",
            )


def is_loopback_peer(peer: str) -> bool:
    """Whether the other end, as gRPC writes it, is on this machine and reached by TCP."""
    return _loopback_end(peer) is not None


def _is_private(path: str) -> bool:
    """Whether only this process's own user could have connected to the socket."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _connected_users(paths: frozenset[str]) -> set[int]:
    """Users at the other ends of this process's connections through these sockets."""
    users: set[int] = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as end:
                if end.family != socket.AF_UNIX or end.getsockname() not in paths:
                    continue
                end.getpeername()  # the listening socket itself has none
                given = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:  # closed meanwhile, or not connected
            continue
        users.add(_CREDENTIALS.unpack(given)[1])
    return users


def _loopback_end(peer: str) -> tuple[bytes, int] | None:
    """Packed address and port of `ipv4:127.0.0.1:4711` or `ipv6:%5B::1%5D:4711`; None where it is not loopback."""
    kind, _, rest = unquote(peer).partition(":")
    host, _, port = rest.rpartition(":")
    if kind not in ("ipv4", "ipv6") or not port.isdigit():
        return None
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return (address.packed, int(port)) if address.is_loopback else None


def _owners(end: tuple[bytes, int], ports: frozenset[int]) -> set[int]:
    """Users of the sockets that are bound to `end` and connected to one of `ports`."""
    uids: set[int] = set()
    for table in TABLES:
        try:
            with table.open() as rows:
                uids |= owners_in(rows, end, ports)
        except FileNotFoundError:  # a kernel without IPv6
            continue
    return uids


def owners_in(rows: Iterable[str], end: tuple[bytes, int], ports: frozenset[int]) -> set[int]:
    """The same from the rows of /proc/net/tcp or tcp6: addresses in words of the machine's own byte order."""
    packed, port = end
    # gRPC connects through IPv6 sockets also where the address is one of IPv4, which is then a mapped one.
    forms = [packed, _MAPPED + packed] if len(packed) == 4 else [packed]
    wanted = {f"{_words(form)}:{port:04X}" for form in forms}
    uids = set()
    for row in rows:
        cells = row.split()
        if len(cells) <= _UID or cells[_LOCAL] not in wanted or cells[_STATE] != ESTABLISHED:
            continue
        if int(cells[_REMOTE].rpartition(":")[2], 16) in ports:
            uids.add(int(cells[_UID]))
    return uids


def _words(packed: bytes) -> str:
    order = "<" if sys.byteorder == "little" else ">"
    return "".join(f"{word:08X}" for word in struct.unpack(f"{order}{len(packed) // 4}I", packed))
