"""Another vendor's client of the protocol works against this server as it comes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Server

DRIVE = Path(__file__).with_name("triton_drive.py")
SETUP = Path(__file__).parents[2] / "scripts" / "setup_tritonclient"


@pytest.fixture(scope="session")
def triton_python() -> Path:
    """Python of the environment with tritonclient that `make test` sets up."""
    made = subprocess.run([SETUP], capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"{SETUP} failed: connect to a package index once.\n{made.stderr}"
    return Path(made.stdout.strip())


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_tritonclient_drives_the_server_unchanged(
    start_server: Callable[..., Server], triton_python: Path, transport: str
) -> None:
    server = start_server(*(("--address", "127.0.0.1:0") if transport == "tcp" else ()))
    ready = next(line for line in server.log.splitlines() if line.startswith("ready "))
    address = ready.split()[-1]
    assert address.startswith("unix:") == (transport == "unix")
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [triton_python, DRIVE, address], capture_output=True, text=True, timeout=120, check=False, env=clean
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tritonclient is content" in done.stdout
