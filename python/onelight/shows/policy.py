"""What a show allows, from its policy.toml, which people edit."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onelight import tomlfile
from onelight.errors import NotReady, RequestError
from onelight.shows import files

if TYPE_CHECKING:
    from onelight.shows.store import Show

_LARGEST = 64 << 10
_LONGEST_DAYS = 36_500

TEXT = """\
# What this show allows. Edit it with any text editor; who starts next reads it. A line taken away means its default.

# May the server write frames of this show to disk (traces, spilled caches)?
frames_on_disk = false

# May Cleanup interpolate over wardrobe where no frame of the shot shows what lies behind?
interpolate_over_wardrobe = true

# May pixels be made at all? false: a render that holds any gets no sidecar, so that it cannot be delivered as proven.
synthesise = true

# May a model version run that carries no signature of this show?
unsigned_models = false

# May a signed sidecar be written beside renders?
sidecars = true

# How many days logs, reports and training runs are kept: 'onelight show prune' removes older ones. Without the line:
# until the show is deleted.
# retention_days = 365
"""


@dataclass(frozen=True)
class Policy:
    """See the comments of policy.toml."""

    frames_on_disk: bool = False
    interpolate_over_wardrobe: bool = True
    synthesise: bool = True
    unsigned_models: bool = False
    sidecars: bool = True
    retention_days: int | None = None

    @classmethod
    def of(cls, show: Show) -> Policy:
        """The show's policy now. Raises RequestError naming what is wrong in it, NotReady where it is missing."""
        return cls.read(show.places.policy)

    @classmethod
    def read(cls, path: Path) -> Policy:
        """See `of`."""
        try:
            told = tomlfile.parsed(files.read(path, _LARGEST), str(path))
        except FileNotFoundError as error:  # what a lead forbade must not become allowed by a lost file
            raise NotReady(f"{path} is missing: put it back; an empty file means the defaults.") from error
        except OSError as error:
            raise NotReady(f"{path} cannot be read: {error.strerror}.") from error
        for name, value in told.items():
            _check(path, name, value)
        return cls(**told)


def write(path: Path) -> None:
    """The defaults, each with its comment."""
    files.write(path, TEXT.encode())


def _check(path: Path, name: str, value: Any) -> None:
    known = [field.name for field in fields(Policy)]
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"it knows {', '.join(known)}."
        raise RequestError(f"{path}: there is no '{name}': {hint}")
    if name == "retention_days":
        if type(value) is not int or not 1 <= value <= _LONGEST_DAYS:
            raise RequestError(f"{path}: '{name}' is {value!r}: a whole number of days from 1 was expected.")
    elif type(value) is not bool:
        raise RequestError(f"{path}: '{name}' is {value!r}: true or false was expected.")
