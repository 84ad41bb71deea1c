"""Runs the command `onelight` as a process of its own: Nuke's Python has none of the packages that it needs."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

VARIABLE = "ONELIGHT_COMMAND"
POLL_SECONDS = 0.2


class Failed(Exception):
    """The command ended badly; `str()` is the sentence to show."""


class Cancelled(Exception):
    """The person gave up."""


def command() -> list[str]:
    """The words that begin the command line: $ONELIGHT_COMMAND, else beside the server that nodes start, else PATH."""
    named = shlex.split(os.environ.get(VARIABLE, ""))
    if named:
        return named
    for server in (os.environ.get("ONELIGHT_SERVER_COMMAND", ""), _server_command()):
        words = shlex.split(server)
        beside = Path(words[0]).with_name("onelight") if words else None
        if beside and beside.is_file() and beside.is_absolute():
            return [str(beside)]
    found = shutil.which("onelight")
    if not found:
        raise Failed(f"The command 'onelight' was not found: set {VARIABLE} to where it is installed.")
    return [found]


def environment() -> dict[str, str]:
    """Ours, without what Nuke sets for its own libraries and its own Python: those are not the command's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LD_", "DYLD_", "PYTHON"))}


def run(words: Sequence[str], told: Callable[[str], None], cancelled: Callable[[], bool]) -> str:
    """Run `onelight` with these words and return what it printed. Not for Nuke's main thread.

    `told` gets each line of stderr as it comes. `cancelled` is polled; true ends the process. Raises Failed with the
    command's own sentence, or Cancelled.
    """
    lines: list[str] = []
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        try:
            process = subprocess.Popen(
                [*command(), *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=environment(),
            )
        except OSError as error:
            raise Failed(f"'{command()[0]}' cannot be started: {error.strerror}.") from error
        reader = threading.Thread(target=_read, args=(process, lines, told), daemon=True)
        reader.start()
        stopped = _waited(process, cancelled)
        reader.join()
        if stopped:
            raise Cancelled
        if process.returncode:
            raise Failed(_sentence(lines, process.returncode))
        output.seek(0)
        return output.read()


def _waited(process: subprocess.Popen[str], cancelled: Callable[[], bool]) -> bool:
    while True:
        try:
            process.wait(POLL_SECONDS)
            return False
        except subprocess.TimeoutExpired:
            if cancelled():
                process.terminate()  # it removes what it had begun
                process.wait()
                return True


def _read(process: subprocess.Popen[str], lines: list[str], told: Callable[[str], None]) -> None:
    for line in process.stderr or ():
        lines.append(line.rstrip())
        told(lines[-1])


def _sentence(lines: Sequence[str], code: int) -> str:
    own = [line[len("onelight: ") :] for line in lines if line.startswith("onelight: ")]
    said = own or [line for line in lines if line.strip()]
    return said[-1] if said else f"The command 'onelight' ended with {code} and said nothing."


def _server_command() -> str:
    """What is recorded beside the bridge, as it is beside the plug-in."""
    try:
        from onelight import _bridge
    except ImportError:
        return ""
    file: str | None = getattr(_bridge, "__file__", None)
    recorded = Path(file).with_name("server-command") if file else None
    return recorded.read_text("utf-8").strip() if recorded and recorded.is_file() else ""
