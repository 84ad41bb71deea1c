"""Where a server listens: Unix sockets that are one's own, TCP, TLS with and without client certificates."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from conftest import Server
from grpc_health.v1 import health_pb2, health_pb2_grpc
from oip import Memfd, Wire, pixels_of, plate, refused, request, shared
from onelight.wire import studio_pb2
from onelight_server import Config, create_server
from onelight_server.__main__ import BEFORE_MAIN
from onelight_server.peers import owners_in
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


def test_the_server_started_over_with_what_must_be_set_before_main(server: Server) -> None:
    environment = Path(f"/proc/{server.pid}/environ").read_bytes().decode().split("\0")
    assert {f"{name}={value}" for name, value in BEFORE_MAIN.items()} <= set(environment)


def address_in(log: str, prefix: str) -> str:
    """An address that the server printed when it was ready."""
    line = next(line for line in log.splitlines() if line.startswith("ready "))
    return next(word for word in line.split()[1:] if word.startswith(prefix))


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


def test_a_metrics_port_that_is_taken_is_refused_and_nothing_is_left(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = start_and_fail("--address", f"unix:{folder}/s.sock", "--metrics-port", str(port))
    assert said == f"onelight-server: Cannot answer metrics on '127.0.0.1:{port}': Address already in use.\n"
    assert list(folder.iterdir()) == []


def test_an_address_that_fails_takes_the_ones_before_it_along(folder: Path) -> None:
    said = start_and_fail("--address", f"unix:{folder}/s.sock", "--address", "nonsense", "--metrics-port", "0")
    assert "'nonsense' is no address" in said
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::]"])
def test_shared_memory_works_over_loopback_for_the_servers_own_user(
    start_server: Callable[..., Server], host: str
) -> None:
    server = start_server("--address", f"{host}:0")
    port = address_in(server.log, host).rpartition(":")[2]
    sent = plate(32, 32)
    memory = Memfd(sent.nbytes)
    memory.array(sent.shape, sent.dtype)[:] = sent
    for number, target in enumerate(["127.0.0.1"] if host == "127.0.0.1" else ["[::1]"]):
        with Wire(f"{target}:{port}") as wire:
            name = f"own{number}"
            wire.call("SystemSharedMemoryRegister", name=name, key=memory.key, byte_size=memory.size)
            reply = wire.infer({"Source@+0": (sent, shared(name, sent.nbytes))})
            assert np.array_equal(pixels_of(reply), sent)
    memory.close()


STRANGER = """
import sys
import grpc
from oip import Wire, plate, refused, request, shared
from onelight.wire import studio_pb2
with Wire(sys.argv[1]) as wire:
    assert wire.infer({"Source@+0": plate()}).outputs
    for method, fields in {
        "SystemSharedMemoryRegister": {"name": "theirs", "key": sys.argv[2], "byte_size": 1152},
        "SystemSharedMemoryStatus": {},
        "SystemSharedMemoryUnregister": {"name": "owners"},
    }.items():
        try:
            wire.call(method, **fields)
        except grpc.RpcError as error:
            print(error.code().name, error.details())
    print(*refused(wire, request({"Source@+0": (plate(), shared("owners", 1152))})))
    put = studio_pb2.PutFrameRequest(show="base", datatype="FP16", height=9, width=16)
    put.shared_memory.region, put.shared_memory.byte_size = "owners", 1152
    try:
        wire.put(put)
    except grpc.RpcError as error:
        print(error.code().name, error.details())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_of_the_machine_does_not_get_at_the_owners_memory(start_server: Callable[..., Server]) -> None:
    server = start_server("--address", "127.0.0.1:0")
    address = address_in(server.log, "127.")
    memory = Path("/dev/shm") / f"onelight-test-{os.getpid()}-owners"
    memory.touch(0o600)
    memory.write_bytes(plate().tobytes())
    try:
        with Wire(address) as wire:
            wire.call("SystemSharedMemoryRegister", name="owners", key=f"/{memory.name}", byte_size=1152)
        # Everything is imported first: the stranger may not be able to read this user's Python.
        become = "import os; os.setresuid(65534, 65534, 65534)\n"
        warm = "import oip, grpc, onelight.wire.studio_pb2; oip.plate()\n"
        done = subprocess.run(
            [sys.executable, "-c", warm + become + STRANGER, address, f"/{memory.name}"],
            capture_output=True, text=True, timeout=60, check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        )  # fmt: skip
    finally:
        memory.unlink()
    assert done.returncode == 0, done.stderr
    own = "Shared memory is for clients on the server's own machine that run as the server's own user."
    theirs = "Source@+0 lies in shared memory, which only clients on the server's machine can use."
    assert done.stdout.splitlines() == [
        *[f"PERMISSION_DENIED {own}"] * 3,
        f"StatusCode.INVALID_ARGUMENT {theirs}",
        f"PERMISSION_DENIED {own}",
    ]


def test_only_the_very_connection_counts_in_the_kernels_table() -> None:
    row = (
        "   7: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 {uid:5}        0 4711 1 0 20 4 30 10 -1"
    )
    mapped = "0000000000000000FFFF00000100007F"
    rows = [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        row.format(local="0100007F:D431", remote="0100007F:1F41", state="01", uid=1000),
        row.format(local=f"{mapped}:D432", remote=f"{mapped}:1F41", state="01", uid=1001),
        row.format(local="0100007F:D431", remote="0100007F:1F42", state="01", uid=1002),  # to another server
        row.format(local="0100007F:1F41", remote="0100007F:D431", state="01", uid=1003),  # the server's own end
        row.format(
            local="0100007F:D433", remote="0100007F:1F41", state="06", uid=0
        ),  # ended: nobody's, shown as root's
    ]
    home, ports = socket.inet_aton("127.0.0.1"), frozenset({0x1F41})
    assert owners_in(rows, (home, 0xD431), ports) == {1000}
    assert owners_in(rows, (home, 0xD432), ports) == {1001}
    assert owners_in(rows, (home, 0xD433), ports) == set()
    assert owners_in(rows, (home, 0xD434), ports) == set()


def test_a_server_that_nobody_needs_ends_and_leaves_no_socket(folder: Path) -> None:
    command = [sys.executable, "-m", "onelight_server", "--address", f"unix:{folder}/s.sock", "--idle-exit", "0.2"]
    command += ["--log-level", "warning"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ready unix:" in done.stdout
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("what", ["lease", "watch"])
async def test_an_open_stream_keeps_an_idle_server_and_its_end_lets_it_go(what: str) -> None:
    server, (address,) = await create_server(Config(idle_exit=60.0))
    idle, release, expired = server.idle, threading.Event(), asyncio.Event()
    assert idle is not None
    idle.expired = expired.set
    assert idle.armed

    def held() -> Any:
        yield studio_pb2.LeaseRequest(client_id="node")
        release.wait()

    with Wire(address) as wire:
        health: Any = health_pb2_grpc.HealthStub(wire.channel)
        stream = wire.lease(held()) if what == "lease" else health.Watch(health_pb2.HealthCheckRequest())
        await asyncio.to_thread(next, stream)
        assert (idle.open, idle.armed) == (1, False)
        # Another call that ends meanwhile changes nothing.
        assert (await asyncio.to_thread(wire.call, "ServerLive")).live
        assert (idle.open, idle.armed) == (1, False)
        idle.seconds = 0.05
        release.set()
        stream.cancel()
        async with asyncio.timeout(20):
            await expired.wait()
        assert idle.open == 0
    await server.stop()


def test_a_broken_colour_config_does_not_keep_the_server_from_starting(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    broken = tmp_path / "show.ocio"
    broken.write_text("this is no config")
    server = start_server("--log-json", env={"OCIO": str(broken)})
    with Wire(server.address) as wire:
        code, sentence = refused(wire, request({"Source@+0": plate()}))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert str(broken) in sentence
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    assert [line["sentence"] for line in lines if line["event"] == "not ready"] == [sentence]
    assert "Traceback" not in server.log
