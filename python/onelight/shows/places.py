"""Where a show's things lie: one directory a show, under a root that the person, the environment or we name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from onelight.errors import RequestError

ROOT_VARIABLE, SHOW_VARIABLE = "ONELIGHT_SHOWS", "ONELIGHT_SHOW"
RESERVED = "base"  # the built-in show
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def root(given: Path | None = None) -> Path:
    """The folder of all shows: as given, else `$ONELIGHT_SHOWS`, else `onelight/shows` under the user's data home."""
    if given is not None:
        return given.expanduser().absolute()
    if named := os.environ.get(ROOT_VARIABLE):
        return Path(named).expanduser().absolute()
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return home / "onelight" / "shows"


def checked(name: str) -> str:
    """The show's name, which is a folder, a part of gizmo names and of model names. Raises RequestError."""
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= 64 else name[:61] + "..."
        raise RequestError(
            f"A show cannot be called {shown!r}: 1 to 63 letters, digits, hyphens and underscores were expected, "
            "the first a letter or digit."
        )
    if name.lower() == RESERVED:
        raise RequestError(f"'{RESERVED}' is the built-in show: give this one another name.")
    return name


def folded(name: str) -> str:
    """The name as gizmos and case-blind disks see it: shows that are alike in this cannot be told apart there."""
    return name.lower().replace("-", "_")


@dataclass(frozen=True)
class Places:
    """The paths inside one show's directory."""

    folder: Path

    @property
    def sheet(self) -> Path:
        """What makes the folder a show: its name, its identity, the address of its store."""
        return self.folder / "show.toml"

    @property
    def store(self) -> Path:
        """The SQLite file, where no other database was named."""
        return self.folder / "store.db"

    @property
    def policy(self) -> Path:
        """What this show allows; people edit it."""
        return self.folder / "policy.toml"

    @property
    def keys(self) -> Path:
        """Private keys, for the owner's eyes only."""
        return self.folder / "keys"

    @property
    def models(self) -> Path:
        """Model versions, `TOOL/vNNN`."""
        return self.folder / "models"

    @property
    def training(self) -> Path:
        """Baked crops, checkpoints and curves, a folder a run."""
        return self.folder / "training"

    @property
    def look(self) -> Path:
        """Look fingerprints and their plots."""
        return self.folder / "look"

    @property
    def reports(self) -> Path:
        """Data sheets that were written for people."""
        return self.folder / "reports"

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return self.folder / "cache"

    @property
    def logs(self) -> Path:
        """Logs of work done for this show."""
        return self.folder / "logs"
