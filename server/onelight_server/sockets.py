"""Binds a server to its addresses: TCP, TLS, and Unix sockets that only their owner can reach."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import grpc
import structlog

from onelight_server.config import Config

LONGEST_PATH = 107  # of sun_path's 108 bytes one is the terminator
log = structlog.get_logger()


class AddressError(Exception):
    """An address that cannot be listened on; the sentence says why."""


def bind(server: grpc.aio.Server, address: str, config: Config) -> str:
    """Listens on one address and returns it as clients write it, with the port it got. Raises AddressError."""
    if address.startswith("unix:"):
        return _bind_unix(server, Path(address.removeprefix("unix:").removeprefix("//")))
    tls = address.startswith("tls:")
    plain = address.removeprefix("tls:")
    host, _, port = plain.rpartition(":")
    if not host or not port.isdigit():
        raise AddressError(f"'{address}' is no address: expected host:port, tls:host:port or unix:/path.")
    if not tls and not is_loopback(host):
        log.warning(
            "frames will travel unencrypted, and anybody who reaches this port can use the server: "
            "give tls:host:port with --tls-cert and --tls-key",
            address=address,
        )
    try:
        got = server.add_secure_port(plain, _credentials(config)) if tls else server.add_insecure_port(plain)
    except RuntimeError as error:
        raise AddressError(f"Cannot listen on '{address}': is another server running there?") from error
    return f"{'tls:' if tls else ''}{host}:{got}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server on `host`; a name other than localhost may be anything."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _credentials(config: Config) -> grpc.ServerCredentials:
    if config.tls_cert is None or config.tls_key is None:
        raise AddressError("A tls: address needs --tls-cert and --tls-key (PEM files).")
    try:
        pair = config.tls_key.read_bytes(), config.tls_cert.read_bytes()
        roots = config.tls_ca.read_bytes() if config.tls_ca else None
    except OSError as error:
        raise AddressError(f"The TLS file {error.filename} cannot be read: {error.strerror}.") from error
    # With a CA given, only clients that show a certificate of it get in.
    return grpc.ssl_server_credentials([pair], roots, require_client_auth=roots is not None)


def _bind_unix(server: grpc.aio.Server, path: Path) -> str:
    if not path.is_absolute() or len(os.fsencode(path)) > LONGEST_PATH:
        raise AddressError(f"'{path}' cannot be a socket: expected an absolute path of at most {LONGEST_PATH} bytes.")
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise AddressError(f"The folder {folder} for the socket cannot be made: {error.strerror}.") from error
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise AddressError(f"The folder {folder} has to belong to you and nobody else may write there (mode 0700).")
    # The folder is locked while looking and binding, so that of two servers started at once one is told no: gRPC
    # itself removes whatever socket it finds at the path, also a living one.
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    mask = os.umask(0o177)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _clear(path)
        server.add_insecure_port(f"unix:{path}")
    except (RuntimeError, OSError) as error:
        raise AddressError(f"Cannot listen on the socket {path}: {error}.") from error
    finally:
        os.umask(mask)
        os.close(lock)
    return f"unix:{path}"


def _clear(path: Path) -> None:
    """Removes a socket that nobody answers on; leaves everything else alone and raises AddressError."""
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise AddressError(f"{path} exists and is no socket: it is left alone, choose another path.")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:  # a full backlog or a slow answer is still somebody
            pass
    raise AddressError(f"Another server answers on {path}: use it, or stop it first.")


def remover(addresses: list[str]) -> Callable[[], None]:
    """Removes our sockets at the end, unless another server has put its own in their place."""
    own = {path: _inode(path) for path in (a.removeprefix("unix:") for a in addresses if a.startswith("unix:"))}

    def remove() -> None:
        for path, inode in own.items():
            if inode is not None and _inode(path) == inode:
                Path(path).unlink(missing_ok=True)

    return remove


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
