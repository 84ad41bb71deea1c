"""Brings a show's store to the revision that this release knows, by Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from onelight.errors import NotReady, OnelightError

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, show: str) -> None:
    """Raises NotReady where the store is of a newer release, OnelightError where it cannot be read."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in scripts.walk_revisions()}
    try:
        with engine.begin() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            if current is not None and current not in known:
                raise NotReady(f"The show '{show}' was opened by a newer Onelight (store {current}): update this one.")
            if current != scripts.get_current_head():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise OnelightError(
            f"The store of the show '{show}' cannot be opened: {getattr(error, 'orig', error)}."
        ) from error
