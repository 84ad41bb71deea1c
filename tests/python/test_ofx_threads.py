"""Four threads at once through the binary, in a host without Python: what the thread sanitizer watches in its build."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import MODULES, Server
from ofxcases import PERSONALITIES
from oip import metric, metrics_port
from test_ofx_failures import until

PROGRAM = MODULES / "onelight_threads"
SECONDS = 120  # a sanitizer makes everything some ten times slower


def command(bundle: Path, personality: str, address: str, scenario: str) -> list[str]:
    return [str(PROGRAM), str(bundle / "Contents" / "Linux-x86-64" / "Onelight.ofx"), personality, address, scenario]


def play(bundle: Path, personality: str, address: str, scenario: str) -> None:
    """Run one scenario to its end; what the program or a sanitizer has to say is the failure."""
    done = subprocess.run(
        command(bundle, personality, address, scenario), capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_four_threads_render_what_one_would_while_knobs_are_turned(
    personality: str, bundle: Path, server: Server
) -> None:
    play(bundle, personality, server.address, "frames")


@pytest.mark.parametrize("personality", ["strict", "natron"])
def test_four_threads_are_cancelled_together_and_go_on(personality: str, bundle: Path, server: Server) -> None:
    play(bundle, personality, server.address, "abort")


@pytest.mark.parametrize("personality", ["natron", "mlt"])
def test_four_threads_are_told_of_a_missing_server(personality: str, bundle: Path) -> None:
    play(bundle, personality, "unix:/nonexistent/onelight.sock", "missing")


@pytest.mark.parametrize("personality", ["strict", "mlt"])
def test_four_threads_outlive_their_server_and_use_its_successor(
    personality: str, bundle: Path, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server("--metrics-port", "0")
    port = metrics_port(server.log)
    reports = tmp_path / "reports.txt"  # a pipe would fill up with a sanitizer's words, and stop the program
    with (
        reports.open("w") as stderr,
        subprocess.Popen(
            command(bundle, personality, server.address, "restart"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as program,
    ):
        watch = threading.Timer(SECONDS, program.kill)  # ends every wait below: the lines end with the program
        watch.start()
        try:
            assert program.stdin is not None and program.stdout is not None
            assert program.stdout.readline() == "working\n", reports.read_text()
            until(lambda: metric(port, "onelight_stages_running") >= 1)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(SECONDS)
            assert program.stdout.readline() == "failed\n", reports.read_text()
            start_server("--address", server.address)  # takes the dead one's place
            program.communicate("go on\n", timeout=SECONDS)
        finally:
            watch.cancel()
            program.kill()
    assert program.returncode == 0, reports.read_text()
    assert reports.read_text() == ""
