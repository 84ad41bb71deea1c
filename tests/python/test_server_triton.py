"""Another vendor's client of the protocol works against this server as it comes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from conftest import Server

NEEDS = "tritonclient[grpc]==2.73.0"
DRIVE = Path(__file__).with_name("triton_drive.py")


@pytest.fixture(scope="session")
def triton_python() -> Path:
    """Python of an environment with tritonclient, made once and kept beside the other caches of the build.

    Its protobuf is older than the project's and its proto has the same package as ours: it cannot live in `.venv`.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "onelight"
    mark = hashlib.sha256(f"{NEEDS} {sys.version}".encode()).hexdigest()[:12]
    folder = cache / f"tritonclient-{mark}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        cache.mkdir(parents=True, exist_ok=True)
        venv.create(folder, clear=True, with_pip=True)
        made = subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", NEEDS],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            pytest.fail(f"{NEEDS} cannot be installed into {folder}: connect to a package index once.\n{made.stderr}")
        (folder / "complete").touch()
    return python


def test_tritonclient_drives_the_server_unchanged(server: Server, triton_python: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [triton_python, DRIVE, server.address], capture_output=True, text=True, timeout=120, check=False, env=clean
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tritonclient is content" in done.stdout
