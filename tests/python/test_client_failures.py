"""When the server is missing, dies, comes back or cannot share memory: what the client says, and that it goes on."""

from __future__ import annotations

import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from onelight import _bridge
from onelight.cli.bench_wire import expected
from onelight.client import Client, stop_local_server
from onelight.errors import Cancelled, OnelightError, RequestError

FLIP = {"flip": True}
SLOW = {"flip": True, "work": 20000}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets in it."""
    made = Path(tempfile.mkdtemp(prefix="onelight-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a server at an address, again and again; returns once it listens."""
    running: list[subprocess.Popen[str]] = []

    def start(address: str, *flags: str, **options) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "onelight_server", "--address", address, "--log-level", "warning", *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready "), line
        process.address = line.split()[1]  # type: ignore[attr-defined]
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def plate(width: int = 320, height: int = 180, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((height, width, 4), np.float32)


def right(client: Client, seed: int = 0) -> str:
    """Render a frame, check every byte, and return how it travelled."""
    sent = plate(seed=seed)
    rendered = client.render("probe", {"Source": sent}, FLIP)
    assert np.array_equal(rendered.image.view(np.uint8), expected(sent).view(np.uint8))
    return rendered.parameters["transport"]


def killed_in_mid_frame(client: Client, server: subprocess.Popen[str]) -> tuple[str, float]:
    """Kill the server while it works on a frame: the sentence the client raises, and how long after the kill."""
    polls, killed = 0, 0.0

    def aborted() -> bool:
        nonlocal polls, killed
        polls += 1
        if polls == 15:
            server.kill()
            server.wait()
            killed = time.perf_counter()
        return False

    with pytest.raises(OnelightError) as caught:
        client.render("probe", {"Source": plate()}, SLOW, aborted=aborted)
    return str(caught.value), time.perf_counter() - killed


@pytest.mark.parametrize("address", ["unix:{folder}/none.sock", "127.0.0.1:1", "localhost:1"])
def test_a_missing_server_is_named_with_how_to_start_it(folder, address):
    address = address.format(folder=folder)
    start = time.perf_counter()
    with pytest.raises(OnelightError) as caught:
        Client(address).render("probe", {"Source": plate()}, FLIP)
    assert str(caught.value) == f"Onelight server at {address} does not answer: start it with `onelight serve`"
    assert time.perf_counter() - start < 5
    assert Client(address).problem() == str(caught.value)


def test_an_attempt_that_a_dying_server_took_and_never_answered_does_not_fail_its_successors_frame(folder, serve):
    path = folder / "a.sock"
    client = Client(f"unix:{path}", deadline=20)
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(path))
        dying.listen()
        with pytest.raises(OnelightError, match=r"No answer within 0\.5 s"):
            Client(client.server, deadline=0.5).render("probe", {"Source": plate()}, FLIP)
    path.unlink()
    serve(client.server)
    right(client)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_killed_in_mid_frame_it_says_so_and_the_next_frame_after_a_restart_works(folder, serve, kind, shared):
    _bridge.use_shared_memory(shared)
    try:
        server = serve(f"unix:{folder}/a.sock" if kind == "unix" else "127.0.0.1:0")
        client = Client(server.address, deadline=20)
        right(client)
        sentence, seconds = killed_in_mid_frame(client, server)
        assert sentence == f"Onelight server at {server.address} does not answer: start it with `onelight serve`"
        assert seconds < 5
        serve(server.address)
        assert right(client, 1) == ("shared_memory" if shared else "inline")
    finally:
        _bridge.use_shared_memory(True)


def test_a_restart_between_two_frames_goes_unnoticed(folder, serve):
    address = f"unix:{folder}/a.sock"
    client = Client(address)
    for seed in range(3):
        server = serve(address)
        assert right(client, seed) == "shared_memory"
        server.kill()
        server.wait()


def test_a_server_that_is_back_at_once_gets_the_frame_again(folder, serve):
    address = f"unix:{folder}/a.sock"
    server, client = serve(address), Client(address)
    right(client)
    polls = 0

    def aborted() -> bool:
        nonlocal polls
        polls += 1
        if polls == 10:
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            serve(address)
        return False

    sent = plate(seed=3)
    image = client.render("probe", {"Source": sent}, {"flip": True, "work": 600}, aborted=aborted).image
    assert polls > 10
    assert np.array_equal(image.view(np.uint8), expected(sent).view(np.uint8))


def test_threads_whose_server_dies_all_recover(folder, serve):
    address = f"unix:{folder}/a.sock"
    server, client = serve(address, "--workers", "4"), Client(address, deadline=20)
    right(client)
    told: list[str] = []

    def ask(seed: int) -> None:
        try:
            client.render("probe", {"Source": plate(seed=seed)}, SLOW)
        except OnelightError as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    with pytest.raises(Cancelled):  # by then the four are at work
        Client(address, deadline=0.5).render("probe", {"Source": plate(seed=9)}, SLOW)
    server.kill()
    server.wait()
    for thread in threads:
        thread.join(20)
    assert told == [f"Onelight server at {address} does not answer: start it with `onelight serve`"] * 4
    serve(address)
    assert right(client) == "shared_memory"


def test_cancelled_frames_give_their_shared_memory_back(folder, serve):
    client = Client(serve(f"unix:{folder}/a.sock", "--workers", "4").address)
    right(client)
    fds = psutil.Process().num_fds()
    for number in range(20):
        polls = iter(range(1000))
        with pytest.raises(Cancelled):
            client.render("probe", {"Source": plate(seed=number)}, SLOW, aborted=lambda polls=polls: next(polls) > 2)
    assert right(client) == "shared_memory"
    assert psutil.Process().num_fds() <= fds + 2


IN_A_PROCESS = """
import resource, sys
import numpy as np
from onelight.client import Client
sent = np.random.default_rng(0).standard_normal((180, 320, 4), np.float32)
{before}
for _ in range(2):
    rendered = Client(sys.argv[1]).render("probe", {{"Source": sent}}, {{"flip": True}})
    assert np.array_equal(np.abs(rendered.image), np.abs(sent))
    print(rendered.parameters["transport"])
"""


def in_a_process(address: str, before: str = "", **options) -> list[str]:
    """Render two frames in a process of their own and return how they travelled."""
    script = IN_A_PROCESS.format(before=before)
    done = subprocess.run(
        [sys.executable, "-c", script, address], capture_output=True, text=True, timeout=60, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_bytes_are_sent_where_the_system_gives_no_shared_memory(server):
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, (65536, {resource.RLIM_INFINITY}))"
    assert in_a_process(server.address) == ["shared_memory"] * 2
    assert in_a_process(server.address, limit) == ["inline"] * 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_bytes_are_sent_to_a_server_of_another_user(serve):
    server = serve("127.0.0.1:0")
    assert in_a_process(server.address, "import os; os.setegid(65534); os.seteuid(65534)") == ["inline"] * 2


def test_a_fork_has_connections_and_buffers_of_its_own(server):
    # gRPC promises nothing to a child whose parent has used it, so that the first call comes after the fork.
    fork = "import os; pid = os.fork()\nif pid: sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    assert in_a_process(server.address, fork) == ["shared_memory"] * 2


@pytest.fixture
def local(folder, monkeypatch) -> Iterator[Path]:
    """A machine where no server runs yet: the folder of its socket, log and lock."""
    monkeypatch.delenv("ONELIGHT_SERVER", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("ONELIGHT_SERVER_COMMAND", f"'{sys.executable}' -m onelight_server")
    yield folder / "onelight"
    for pid_file in folder.glob("onelight/server-*.pid"):
        try:
            process = psutil.Process(int(pid_file.read_text()))
            process.kill()
            process.wait(20)
        except psutil.NoSuchProcess:
            continue


def pids(local: Path) -> list[int]:
    """The local servers that were started last, one for each socket."""
    return [int(file.read_text()) for file in sorted(local.glob("server-*.pid"))]


def test_with_no_address_a_local_server_is_started_and_shared(local):
    assert right(Client()) == "shared_memory"
    assert stat.S_IMODE(local.stat().st_mode) == 0o700
    [pid] = pids(local)
    command = psutil.Process(pid).cmdline()
    assert command[-2:] == ["--idle-exit", "900"]  # nobody ends it when the last host is gone
    assert os.getsid(pid) == pid  # survives a Ctrl-C at the host's terminal
    assert in_a_process("") == ["shared_memory"] * 2  # another host of this user finds the same one
    assert pids(local) == [pid]
    os.kill(pid, signal.SIGKILL)
    assert right(Client(), 1) == "shared_memory"  # and starts another when that has died
    assert pids(local) != [pid]


def test_hosts_of_another_colour_config_or_server_command_do_not_share_a_server(local, monkeypatch, tmp_path):
    addresses = [_bridge.local_address()]
    for name, value in (("OCIO", "ocio://default"), ("ONELIGHT_SERVER_COMMAND", f"{sys.executable} -mb")):
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            addresses.append(_bridge.local_address())
    assert len(set(addresses)) == 3
    assert _bridge.local_address() == addresses[0]
    assert right(Client()) == "shared_memory"
    monkeypatch.setenv("OCIO", "ocio://default")
    assert right(Client(), 1) == "shared_memory"
    assert len(pids(local)) == 2
    for pid in pids(local):
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        listening = psutil.Process(pid).cmdline()
        assert (b"OCIO=ocio://default" in environment) == (addresses[1] in listening)


def test_a_process_ends_the_local_server_that_it_started_and_no_other(local):
    assert right(Client()) == "shared_memory"
    [pid] = pids(local)
    command = [
        sys.executable,
        "-c",
        "from onelight import _bridge; print(_bridge.ping('', 20), _bridge.stop_local_server())",
    ]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["False"]
    assert psutil.pid_exists(pid)
    assert stop_local_server()
    assert not psutil.pid_exists(pid)
    assert not stop_local_server()


def test_four_hosts_at_once_start_one_server(local):
    hosts = [
        subprocess.Popen([sys.executable, "-c", IN_A_PROCESS.format(before=""), ""], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [host.communicate(timeout=90)[0].split() for host in hosts] == [["shared_memory"] * 2] * 4
    listening = [p for p in psutil.process_iter(["cmdline"]) if _bridge.local_address() in (p.info["cmdline"] or [])]
    assert [p.pid for p in listening] == pids(local)


def test_the_local_server_inherits_nothing_that_points_into_the_host(local, monkeypatch, tmp_path):
    script = tmp_path / "server with blanks.sh"
    script.write_text(
        f"#!/bin/sh\nenv > {tmp_path}/env\nls /proc/$$/fd > {tmp_path}/fds\n"
        f'exec {sys.executable} -m onelight_server "$@"\n'
    )
    script.chmod(0o755)
    for name in ("LD_LIBRARY_PATH", "PYTHONSTARTUP", "PYTHONPATH"):
        monkeypatch.setenv(name, "/somewhere/in/the/host")
    monkeypatch.setenv("ONELIGHT_SERVER_COMMAND", f'"{script}"')
    with open("/dev/null") as null:
        held = fcntl.fcntl(null, fcntl.F_DUPFD, 200)  # a number that no channel of this process holds
    os.set_inheritable(held, True)
    try:
        assert right(Client()) == "shared_memory"
    finally:
        os.close(held)
    names = [line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()]
    assert "PATH" in names and not [name for name in names if name.startswith(("LD_", "PYTHON"))]
    assert str(held) not in (tmp_path / "fds").read_text().split()


def test_the_colour_config_that_mlt_sets_and_nothing_can_read_does_not_reach_the_server(local, monkeypatch):
    without = _bridge.local_address()
    monkeypatch.setenv("OCIO", "ocio://ocio://default")
    assert _bridge.local_address() == without
    assert right(Client()) == "shared_memory"
    [pid] = pids(local)
    assert b"\0OCIO=" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_local_server_that_cannot_start_says_why(local, monkeypatch):
    monkeypatch.setenv("ONELIGHT_SERVER_COMMAND", "/no/such/onelight-server")
    with pytest.raises(
        OnelightError, match="Cannot start the local server with `/no/such/onelight-server`: No such file"
    ):
        right(Client())
    monkeypatch.setenv("ONELIGHT_SERVER_COMMAND", "/bin/sh -c 'echo the disk is full >&2; exit 3'")
    with pytest.raises(OnelightError, match=r"stopped while starting: the disk is full \(see .*server-.*.log\)"):
        right(Client())
    monkeypatch.setenv("ONELIGHT_SERVER_COMMAND", "/bin/sh -c 'exec sleep 30'")
    with pytest.raises(Cancelled, match="The local server did not start"):
        right(Client(deadline=0.5))


def test_a_local_server_that_cannot_start_is_noticed_where_the_host_ignores_its_children(local):
    program = (
        "import signal, time\n"
        "from onelight import _bridge\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "began = time.monotonic()\n"
        "print(_bridge.ping('', 60))\n"
        "print(time.monotonic() - began)\n"
    )
    command = {"ONELIGHT_SERVER_COMMAND": "/bin/sh -c 'echo the disk is full >&2; exit 3'"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ | command
    )
    sentence, seconds = done.stdout.splitlines()
    assert "stopped while starting: the disk is full" in sentence
    assert float(seconds) < 10


@pytest.mark.parametrize("address", ["http://x:1", "grpc://127.0.0.1:8001"])
def test_an_address_with_a_scheme_is_refused_with_what_addresses_are(address, monkeypatch):
    with pytest.raises(
        RequestError, match=f"'{address}'.*: server addresses are host:port, tls:host:port or unix:/path"
    ):
        Client(address).render("probe", {"Source": plate()}, FLIP)
    monkeypatch.setenv("ONELIGHT_SERVER", address)
    assert "server addresses are host:port, tls:host:port or unix:/path" in Client().problem()


def test_a_socket_folder_that_others_can_enter_is_refused(local):
    local.mkdir(mode=0o700)
    local.chmod(0o755)
    with pytest.raises(OnelightError, match=re.escape(f"{local} is not a folder of this user's alone")):
        right(Client())
    local.chmod(0o700)
    local.rename(local.with_name("elsewhere"))
    local.symlink_to(local.with_name("elsewhere"))
    with pytest.raises(OnelightError, match="is not a folder of this user's alone"):
        right(Client())
    local.unlink()


def test_a_socket_path_that_is_too_long_is_refused(monkeypatch, tmp_path):
    monkeypatch.delenv("ONELIGHT_SERVER", raising=False)
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(OnelightError, match="more than 107 bytes"):
        right(Client())


def test_the_environment_names_the_server_of_everybody_without_an_address(server, monkeypatch):
    monkeypatch.setenv("ONELIGHT_SERVER", server.address)
    assert right(Client()) == "shared_memory"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    made = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(
        [*command.split(), "-keyout", "key.pem", "-out", "cert.pem"], cwd=made, check=True, capture_output=True
    )
    return made / "cert.pem", made / "key.pem"


def test_tls_needs_the_right_authority(serve, certificate, monkeypatch, tmp_path):
    cert, key = certificate
    server = serve("tls:localhost:0", "--tls-cert", str(cert), "--tls-key", str(key))
    monkeypatch.setenv("ONELIGHT_TLS_CA", str(tmp_path / "none.pem"))
    with pytest.raises(RequestError, match="ONELIGHT_TLS_CA names .*none.pem, which cannot be read"):
        right(Client(server.address))
    monkeypatch.setenv("ONELIGHT_TLS_CA", str(cert))
    assert right(Client(server.address)) in ("shared_memory", "inline")
    monkeypatch.delenv("ONELIGHT_TLS_CA")
    other = server.address.replace("localhost", "127.0.0.1")  # another channel, without the authority
    with pytest.raises(OnelightError, match="does not answer"):
        right(Client(other))
