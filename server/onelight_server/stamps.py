"""Notices cheaply whether a show's sheet or store may have changed since somebody looked."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onelight.registry import Signed
    from onelight.shows.keeper import Keeper

SHEET = "show.toml"
TRUSTED_SECONDS = 5.0  # what was found out is looked at again after this: a database elsewhere changes no file here
_WATCHED = (SHEET, "store.db", "store.db-wal")
Stamp = tuple[Any, ...]


def stamp(folder: Path | None) -> Stamp:
    """Equal as long as nothing was written; three looks at a file's times, so cheap enough for every frame."""
    if folder is None:
        return ()
    found: list[Any] = []
    for name in _WATCHED:
        try:
            status = os.lstat(folder / name)
        except OSError:
            found.append(None)
        else:
            # Whoever only reads the store makes its log, empty, and removes it again.
            found.append((status.st_ino, status.st_mtime_ns, status.st_size) if status.st_size else None)
    return tuple(found)


@dataclass(frozen=True)
class _States:
    states: Mapping[tuple[str, str], str]
    until: float
    stamp: Stamp


class RememberingKeeper:
    """The shows' keeper for a server, which reads a store only where it has changed: a frame must not pay for opening
    a database, nor a server without shows for importing what opens one."""

    def __init__(self) -> None:
        self._states: dict[Path, _States] = {}

    @cached_property
    def _keeper(self) -> Keeper:
        from onelight.shows.keeper import Keeper

        return Keeper()

    def models(self, folder: Path) -> Path | None:
        """Where the show in that folder has its versions; None where the folder is no show."""
        return self._keeper.models(folder) if (folder / SHEET).exists() else None

    def signed(self, folder: Path, tool: str, name: str) -> Signed:
        """Digest and look of a version whose every byte is as the show signed it. Raises NotReady."""
        return self._keeper.signed(folder, tool, name)

    def states(self, folder: Path) -> Mapping[tuple[str, str], str]:
        """State by (tool, name) of all versions of the show in that folder."""
        now, seen = time.monotonic(), stamp(folder)
        kept = self._states.get(folder)
        if kept is None or now > kept.until or kept.stamp != seen:
            kept = self._states[folder] = _States(self._keeper.states(folder), now + TRUSTED_SECONDS, seen)
        return kept.states
