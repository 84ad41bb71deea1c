"""Kills a real process at random moments, as a power cut would, and looks at what it leaves behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

LONGEST_SECONDS = 300.0


def kills(few: int) -> int:
    """How often a test kills: `few`, or what ONELIGHT_KILLS says (50 before a release)."""
    return int(os.environ.get("ONELIGHT_KILLS", few))


def killed_at_random(
    command: list[str],
    times: int,
    check: Callable[[], None],
    *,
    again: Callable[[], None] | None = None,
    watched: Path | None = None,
    seed: int = 1,
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs `command`, ends it by SIGKILL at a random moment of its run time, calls `check`; so `times` times.

    A first run is left to complete and measured, and so is the last, after which `check` is called once more.
    `again` puts things back to where the command has work to do; it is called before each run that follows a completed
    one (a killed run is followed by another on what it left). With `watched`, a folder, the moment lies
    between the first change in it and the end, so that no kill is spent on imports. Kills its children too.
    """
    again = again or (lambda: None)
    random_moment = random.Random(seed)
    again()
    seconds = _completed(command, env, watched)
    check()
    again()
    done = 0
    for _ in range(4 * times):
        if done == times:
            break
        process, lasted = _started(command, env, watched), random_moment.uniform(0, seconds)
        try:
            process.wait(lasted)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            done += 1
            check()
        else:
            _, errors = process.communicate()
            assert process.returncode == 0, f"A run after {done} kills failed: {errors}"
            check()
            again()
    assert done == times, f"Only {done} of {times} runs were still running when they were to be killed."
    _completed(command, env, watched)
    check()


def _started(command: list[str], env: Mapping[str, str] | None, watched: Path | None) -> subprocess.Popen[str]:
    before = _state(watched)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **(env or {})},
    )
    until = time.monotonic() + LONGEST_SECONDS
    while watched and process.poll() is None and _state(watched) == before and time.monotonic() < until:
        time.sleep(0.001)  # there is no event to wait for in a process that knows nothing of the test
    return process


def _completed(command: list[str], env: Mapping[str, str] | None, watched: Path | None) -> float:
    process = _started(command, env, watched)
    begun = time.monotonic()
    _, errors = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 0, f"{' '.join(command)} failed: {errors}"
    return time.monotonic() - begun


def _state(folder: Path | None) -> frozenset[tuple[str, int]]:
    """Names and times of what lies in the folder and one below."""
    found: set[tuple[str, int]] = set()
    if folder is None:
        return frozenset(found)
    for pattern in ("*", "*/*"):
        for path in folder.glob(pattern):
            try:
                found.add((str(path), path.lstat().st_mtime_ns))
            except FileNotFoundError:  # gone while we looked: the next look differs
                found.add((str(path), 0))
    return frozenset(found)
