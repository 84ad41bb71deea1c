"""Brings a show's store to the revision that this release knows, by Alembic."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from onelight.errors import NotReady
from onelight.shows import engines

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, show: str) -> None:
    """Raises NotReady where the store is of a newer release, OnelightError where it cannot be read.

    All of it is one transaction: killed or refused in between, the store is as it was.
    """
    try:
        with engine.connect().execution_options(**{engines.READING: True}) as connection:
            if current(connection, show) == _scripts().get_current_head():
                return
        with engine.begin() as connection:
            current(connection, show)  # another may have been quicker
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise engines.plain(error, show) from error


def current(connection, show: str) -> str | None:
    """The store's revision. Raises NotReady where this release does not know it."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in {revision.revision for revision in _scripts().walk_revisions()}:
        raise NotReady(f"The show '{show}' was opened by a newer Onelight (store {found}): update this one.")
    return found


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
