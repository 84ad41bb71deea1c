"""What a registry asks of shows, answered from their folders by reading alone, so that a server changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from onelight.errors import NotReady
from onelight.registry import Signed, is_folder
from onelight.shows import bundle, engines
from onelight.shows.keys import Keys
from onelight.shows.places import Places
from onelight.shows.policy import Policy
from onelight.shows.schema import ModelVersion
from onelight.shows.store import Show


class Keeper:
    """Reads shows for `registry.Registry(tools, roots, Keeper())`."""

    def models(self, folder: Path) -> Path | None:
        """Where the show in that folder has its versions; None where the folder is no show."""
        places = Places(folder)
        return places.models if is_folder(folder) and places.sheet.is_file() and not places.sheet.is_symlink() else None

    def states(self, folder: Path) -> Mapping[tuple[str, str], str]:
        """See the function of that name."""
        return states(folder)

    def signed(self, folder: Path, tool: str, name: str) -> Signed:
        """Digest and look of a version whose every byte is as the show signed it. Raises NotReady, naming the file.

        A version that came in as an archive has no look here: it may be another show's footage that was measured.
        """
        show, what = Show.at(folder), f"{tool} {name}"
        path = show.places.models / tool / name
        checked = bundle.read(path, Keys(show).verify, what, Policy.of(show).unsigned_models)
        bundle.check_identity(checked, show.identity, tool, name, what)
        told = checked.manifest
        look = told.get("look") if not told.get("origin") else None
        return Signed(checked.digest, json.dumps(look) if look else "")


def states(folder: Path) -> dict[tuple[str, str], str]:
    """State by (tool, name) of all versions of the show in a folder, read without changing anything.

    Raises NotReady where the store cannot be read.
    """
    show = Show.at(folder)
    try:
        try:
            rows = _rows(_reader(show.places.store, show.url))
        except OperationalError:
            # A folder that may not be written has no place for what readers of a write-ahead log share. Where there is
            # no log either, nothing can change below us.
            if show.url or show.places.store.with_name(f"{show.places.store.name}-wal").exists():
                raise
            rows = _rows(_unchanging(show.places.store))
    except SQLAlchemyError as error:
        raise NotReady(f"The store of '{show.name}' cannot be read: {getattr(error, 'orig', error)}.") from error
    return {(tool, bundle.name_of(number)): state for tool, number, state in rows}


def _rows(engine: Engine) -> Sequence[Any]:
    with engine.connect() as connection:
        return connection.execute(select(ModelVersion.tool, ModelVersion.number, ModelVersion.state)).all()


# Making an engine takes longer than what is asked of it; one of a file keeps no connection open.
@lru_cache(maxsize=256)
def _reader(store: Path, url: str) -> Engine:
    return engines.at(url).execution_options(**{engines.READING: True}) if url else engines.sqlite_read_only(store)


def _unchanging(store: Path) -> Engine:
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    return create_engine(URL.create("sqlite", database=f"file:{quote(str(store))}", query=query), poolclass=NullPool)
