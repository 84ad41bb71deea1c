"""Shows to try things on, and the ways in which disks and people treat them badly."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from onelight.cli import main
from onelight.shows import files, journal
from onelight.shows.store import Show

NOBODY = 65534
ONELIGHT = [sys.executable, "-c", "from onelight.cli import main; main()"]
SHOW = [sys.executable, "-c", "from onelight.cli.show import app; app()"]  # `onelight show`, sooner at its work


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def onelight(*args: str | Path, **env: str) -> Done:
    """Runs the command line in this process, with nobody at the keyboard."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, open(os.devnull) as nobody:
        patch.setattr(sys, "argv", ["onelight", *map(str, args)])
        patch.setattr(sys, "stdin", nobody)
        for name, value in {"COLUMNS": "200", **env}.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    signal.signal(signal.SIGTERM, handler)
    return Done(code, out.getvalue(), err.getvalue())


def on_small_disk(largest_file: int, *args: str | Path) -> Done:
    """Runs the command line in a process of its own, whose disk takes that many bytes of one file and no more."""
    done = subprocess.run(
        [*ONELIGHT, *map(str, args)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file)),
    )
    return Done(done.returncode, done.stdout, done.stderr)


def filled(root: Path, name: str = "apollo", url: str = "") -> Show:
    """A show with a model version's files, a training run's and one with a name that is no UTF-8."""
    show = Show.create(name, root, url)
    for path, size in {"models/relight/v001/shade.onnx": 300_000, "training/run1/crops.bin": 700_001}.items():
        (show.folder / path).parent.mkdir(parents=True)
        (show.folder / path).write_bytes(os.urandom(size))
    (show.folder / "look").mkdir()
    (show.folder / "look" / os.fsdecode(b"caf\xe9 \xc3\xa9\n.json")).write_text("{}")
    (show.folder / "cache" / "frame").write_text("what can be made again")
    return show


def contents(show: Show) -> dict[str, bytes]:
    """Every file below models, training and look."""
    found = {}
    for top in ("models", "training", "look"):
        for path in sorted((show.folder / top).rglob("*")):
            if path.is_file():
                found[str(path.relative_to(show.folder))] = path.read_bytes()
    return found


def whole(show: Show) -> int:
    """The length of the log of a show that is as it should be."""
    with show.reading() as session:
        count = journal.check(session)
    show.engine.dispose()
    return count


def leftovers(root: Path) -> list[str]:
    """Hidden folders that a sweep would remove."""
    return [path.name for end in (files.PART, files.GONE) for path in files.hidden(root, end)]


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """As somebody whom modes of files stop, which they do not root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
