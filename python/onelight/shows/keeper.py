"""What a registry asks of shows, answered from their folders by reading alone, so that a server changes nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from onelight.errors import NotReady
from onelight.registry import is_folder, read_file
from onelight.shows import bundle, engines
from onelight.shows.keys import Keys
from onelight.shows.places import Places
from onelight.shows.policy import Policy
from onelight.shows.schema import ModelVersion
from onelight.shows.store import Show

_LARGEST_SHEET = 64 << 10


class Keeper:
    """Reads shows for `registry.Registry(tools, roots, Keeper())`."""

    def models(self, folder: Path) -> Path | None:
        """Where the show in that folder has its versions; None where the folder is no show."""
        places = Places(folder)
        return places.models if is_folder(folder) and places.sheet.is_file() and not places.sheet.is_symlink() else None

    def states(self, folder: Path) -> Mapping[tuple[str, str], str]:
        """See the function of that name."""
        return states(folder)

    def digest(self, folder: Path, tool: str, name: str) -> str:
        """The digest of a version whose every byte is as the show signed it. Raises NotReady, naming the file."""
        show, what = _show(folder), f"{tool} {name}"
        path = show.places.models / tool / name
        checked = bundle.read(path, Keys(show).verify, what, Policy.of(show).unsigned_models)
        bundle.check_identity(checked, show.identity, tool, name, what)
        return checked.digest


def states(folder: Path) -> dict[tuple[str, str], str]:
    """State by (tool, name) of all versions of the show in a folder, read without changing anything.

    Raises NotReady where the store cannot be read.
    """
    show = _show(folder)
    wanted = select(ModelVersion.tool, ModelVersion.number, ModelVersion.state)
    try:
        engine = engines.at(show.url) if show.url else engines.sqlite_read_only(show.places.store)
        with engine.connect() as connection:
            rows = connection.execute(wanted).all()
        engine.dispose()
    except SQLAlchemyError as error:
        raise NotReady(f"The store of '{show.name}' cannot be read: {getattr(error, 'orig', error)}.") from error
    return {(tool, bundle.name_of(number)): state for tool, number, state in rows}


def _show(folder: Path) -> Show:
    """The show in a folder as it stands; its store is not brought up to date."""
    sheet = Places(folder).sheet
    try:
        told = tomllib.loads(read_file(sheet, _LARGEST_SHEET).decode())
        return Show(folder.name, folder, str(told["identity"]), str(told.get("database", "")))
    except (OSError, ValueError, KeyError) as error:
        raise NotReady(f"The sheet of the show '{folder.name}' cannot be read: {error}.") from error
