"""Where a server listens: Unix sockets that are one's own, TCP, TLS with and without client certificates."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from conftest import Server
from oip import Wire, pixels_of, plate, refused, request
from onelight_server.__main__ import MALLOC
from onelight_server.sockets import is_loopback


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="onelight-") as name:
        yield Path(name)


def start_and_fail(*flags: str) -> str:
    """The sentence with which a server refuses to start."""
    done = subprocess.run(
        [sys.executable, "-m", "onelight_server", *flags], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_socket_is_for_its_owner_only(server: Server) -> None:
    path = Path(server.address.removeprefix("unix:"))
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_missing_folder_is_made_for_the_owner_only(start_server: Callable[..., Server], folder: Path) -> None:
    start_server("--address", f"unix:{folder}/new/s.sock")
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o700


def test_a_living_server_keeps_its_socket(server: Server) -> None:
    said = start_and_fail("--address", server.address)
    assert "Another server answers" in said
    with Wire(server.address) as wire:
        assert wire.call("ServerLive").live


def test_a_dead_servers_socket_is_replaced(start_server: Callable[..., Server], folder: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(f"{folder}/s.sock")
    stale.close()
    start_server("--address", f"unix:{folder}/s.sock")
    with Wire(f"unix:{folder}/s.sock") as wire:
        assert wire.call("ServerLive").live


def test_what_is_no_socket_is_left_alone(folder: Path) -> None:
    (folder / "notes").write_text("mine")
    assert "left alone" in start_and_fail("--address", f"unix:{folder}/notes")
    assert (folder / "notes").read_text() == "mine"


def test_a_folder_where_others_may_write_is_refused(folder: Path) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    assert "nobody else may write" in start_and_fail("--address", f"unix:{folder}/open/s.sock")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nonsense", "is no address"),
        ("unix:relative.sock", "absolute path"),
        ("unix:/tmp/" + "x" * 110, "at most 107 bytes"),
        ("tls:127.0.0.1:0", "needs --tls-cert"),
    ],
)
def test_an_address_that_cannot_be_is_refused(address: str, words: str) -> None:
    assert words in start_and_fail("--address", address)


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "Cannot listen" in start_and_fail("--address", f"127.0.0.1:{taken.getsockname()[1]}")


def test_the_server_started_over_with_raised_malloc_thresholds(server: Server) -> None:
    environment = Path(f"/proc/{server.pid}/environ").read_bytes().decode().split("\0")
    assert {f"{name}={value}" for name, value in MALLOC.items()} <= set(environment)


def address_in(log: str, prefix: str) -> str:
    """An address that the server printed when it was ready."""
    line = next(line for line in log.splitlines() if line.startswith("ready "))
    return next(word for word in line.split()[1:] if word.startswith(prefix))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca, server (for localhost), client and stranger: .pem and .key."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for authority in ("ca", "stranger"):
        openssl(
            "req", "-x509", *new, "-subj", f"/CN={authority}", "-keyout", f"{authority}.key", "-out", f"{authority}.pem"
        )
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for name in ("server", "client"):
        openssl("req", *new[:-2], "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", f"{name}.pem",
        )  # fmt: skip
    return folder


def test_tls_carries_frames_to_whoever_trusts_the_certificate(
    start_server: Callable[..., Server], certificates: Path
) -> None:
    server = start_server(
        "--address", "tls:localhost:0",
        "--tls-cert", f"{certificates}/server.pem", "--tls-key", f"{certificates}/server.key",
    )  # fmt: skip
    address = address_in(server.log, "tls:")
    sent = plate(32, 32)
    trusted = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())
    with Wire(address, trusted) as wire:
        assert np.array_equal(pixels_of(wire.infer({"Source@+0": sent})), sent)
    stranger = grpc.ssl_channel_credentials((certificates / "stranger.pem").read_bytes())
    with Wire(address, stranger) as wire:
        code, _ = refused(wire, request({"Source@+0": sent}))
        assert code == grpc.StatusCode.UNAVAILABLE


def test_with_a_client_authority_only_its_clients_get_in(
    start_server: Callable[..., Server], certificates: Path
) -> None:
    server = start_server(
        "--address", "tls:localhost:0", "--tls-ca", f"{certificates}/ca.pem",
        "--tls-cert", f"{certificates}/server.pem", "--tls-key", f"{certificates}/server.key",
    )  # fmt: skip
    address = address_in(server.log, "tls:")
    roots, key, own = ((certificates / name).read_bytes() for name in ("ca.pem", "client.key", "client.pem"))
    with Wire(address, grpc.ssl_channel_credentials(roots, key, own)) as wire:
        assert wire.call("ServerLive").live
    with Wire(address, grpc.ssl_channel_credentials(roots)) as wire:
        code, _ = refused(wire, request({"Source@+0": plate()}))
        assert code == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True), ("127.8.9.1", True), ("localhost", True), ("[::1]", True), ("[::ffff:127.0.0.1]", True),
        ("0.0.0.0", False), ("[::]", False), ("10.0.0.4", False), ("render12", False),
    ],
)  # fmt: skip
def test_only_tcp_that_others_can_reach_counts_as_open(host: str, own: bool) -> None:
    assert is_loopback(host) is own


def test_a_server_on_loopback_warns_of_nothing(start_server: Callable[..., Server]) -> None:
    server = start_server("--address", "127.0.0.1:0", "--log-level", "warning")
    with Wire(address_in(server.log, "127.")) as wire:
        assert wire.call("ServerLive").live
    assert "unencrypted" not in server.log
