"""Deletes a show so that nothing of it is left, also when that is interrupted and done again."""

from __future__ import annotations

import contextlib
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from onelight.errors import NotFound, OnelightError
from onelight.shows import engines, files, places, store
from onelight.shows.places import Places
from onelight.shows.schema import Base
from onelight.shows.store import Show


def delete(name: str, root: Path | None = None) -> None:
    """The show is gone from sight at once; then its tables in another database and its folder are removed.

    Raises NotFound where there is none, OnelightError where the disk or the database refuses: the next call goes on.
    """
    folder = places.root(root) / places.checked(name)
    with store.written(folder):
        if Places(folder).sheet.is_file():
            Show.at(folder)  # a link is not ours to delete
            files.hide(folder)
        left = [path for path in files.hidden(folder.parent, files.GONE) if _name(path) == name]
        if not left:
            raise NotFound(f"There is no show '{name}' in {folder.parent}.")
        for path in left:
            _remove(path)


def finish(root: Path | None = None) -> None:
    """Goes on with deletions that were interrupted; what still refuses stays for the next time."""
    for path in files.hidden(places.root(root), files.GONE):
        with contextlib.suppress(OnelightError, OSError):
            _remove(path)


def _remove(path: Path) -> None:
    with files.held(path) as ours:
        if not ours:
            return
        if Places(path).sheet.is_file():
            show = Show.at(path)
            if show.url:
                _drop(show)
        files.remove(path)


def _drop(show: Show) -> None:
    name = _name(show.folder)
    try:
        if inspect(show.engine).has_table("journal"):  # otherwise an interrupted call got here
            show.check_identity()
        with show.engine.begin() as connection:
            Base.metadata.drop_all(connection)
            connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
            if show.engine.dialect.name == "postgresql":
                connection.execute(text("DROP FUNCTION IF EXISTS journal_refuse"))
    except DBAPIError as error:
        reason = engines.plain(error, name)
        raise OnelightError(f"{reason} Delete the show again when {engines.shown(show.url)} lets you.") from error
    finally:
        show.engine.dispose()


def _name(path: Path) -> str:
    return path.name[1:].split(".")[0]
