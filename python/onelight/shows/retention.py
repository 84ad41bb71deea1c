"""Removes what a show's policy says is kept no longer: logs, reports and training runs of a certain age."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from onelight.shows import files, journal, store
from onelight.shows.policy import Policy
from onelight.shows.store import Show

_DAY = 86_400.0


def prune(show: Show, now: float | None = None) -> list[str]:
    """Paths inside the show that were older than the policy's `retention_days` and are gone; logged. [] without one.

    A run's age is that of its newest file, so that one which goes on is never touched. Versions stay: they are no runs.
    """
    days = Policy.of(show).retention_days
    if days is None:
        return []
    before = (time.time() if now is None else now) - days * _DAY
    with store.written(show.folder):
        for path in files.hidden(show.places.training, files.GONE):  # a killed call left it
            files.remove(path)
        old = sorted(_old(show, before))
        if not old:
            return []
        names = [str(path.relative_to(show.folder)) for path in old]
        with show.session() as session:
            journal.record(session, "show prune", show.name, f"older than {days} days", gone=names)
        for path in old:
            if path.is_dir():
                files.remove(files.hide(path))
            else:
                path.unlink(missing_ok=True)
    return names


def _old(show: Show, before: float) -> Iterator[Path]:
    for folder in (show.places.logs, show.places.reports):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.lstat().st_mtime < before:
                yield path
    for run in show.places.training.glob("[!.]*"):
        if run.is_dir() and not run.is_symlink() and _newest(run) < before:
            yield run


def _newest(folder: Path) -> float:
    times = [path.lstat().st_mtime for path in folder.rglob("*") if not path.is_dir()]
    return max(times, default=folder.stat().st_mtime)
