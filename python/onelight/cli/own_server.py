"""Starts an inference server of one's own, as users run it: another process, on a Unix socket, ended with the block."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onelight.errors import OnelightError

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class OwnServer:
    """A running server: where it listens (its Unix socket first), and its process."""

    addresses: tuple[str, ...]
    pid: int

    @property
    def address(self) -> str:
        """Its Unix socket."""
        return self.addresses[0]

    def peak_mb(self) -> float:
        """The most memory it had in RAM since `forget_peak`, in MiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise OnelightError(f"/proc/{self.pid}/status has no VmHWM: the peak memory cannot be read")

    def forget_peak(self) -> None:
        """Start measuring the peak from what it has now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")


@contextmanager
def own_server(*flags: str) -> Iterator[OwnServer]:
    """A server that is ready; OnelightError with its last words where it does not start."""
    with tempfile.TemporaryDirectory(prefix="onelight-") as folder:
        log = Path(folder, "log")
        command = [sys.executable, "-m", "onelight_server", "--log-level", "warning"]
        command += ["--address", f"unix:{folder}/server.sock", *flags]
        with log.open("wb") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
            try:
                assert process.stdout is not None
                ready = process.stdout.readline().decode().split()
                if ready[:1] != ["ready"]:
                    last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
                    raise OnelightError(f"the server did not start: {last}")
                yield OwnServer(tuple(word for word in ready[1:] if not word.startswith("metrics:")), process.pid)
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
