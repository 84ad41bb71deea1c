"""A show on disk: made whole or not at all, opened with its store at the revision that this release knows."""

from __future__ import annotations

import contextlib
import os
import shutil
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import sqlalchemy
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from onelight.errors import NotFound, OnelightError, RequestError
from onelight.shows import journal, migration, places
from onelight.shows.places import Places

BUSY_SECONDS = 30  # how long a writer waits for another's transaction


@dataclass(frozen=True)
class Show:
    """One show, open. `identity` stays the same however the folder is called."""

    name: str
    folder: Path
    identity: str
    url: str  # of its database

    @classmethod
    def create(cls, name: str, root: Path | None = None, url: str = "") -> Show:
        """A new show under `root` (see `places.root`); `url` names another database than a SQLite file of its own.

        Raises RequestError where the name cannot be one or is taken, OnelightError where the disk refuses.
        """
        folder = places.root(root) / places.checked(name)
        if folder.exists():
            raise RequestError(f"There is a show '{name}' already: {folder}.")
        part = folder.with_name(f".{name}.{uuid.uuid4().hex[:8]}.part")
        try:
            part.mkdir(parents=True, mode=0o700)
            show = cls(name, part, uuid.uuid4().hex, url)
            try:
                show._begin()
                os.rename(part, folder)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
        except OSError as error:
            raise OnelightError(f"{folder} cannot be written: {error.strerror}.") from error
        return cls.open(name, root)

    @classmethod
    def open(cls, name: str, root: Path | None = None) -> Show:
        """The show of that name. Raises NotFound, or NotReady where its store was made by a newer release."""
        folder = places.root(root) / places.checked(name)
        try:
            told = tomllib.loads(Places(folder).sheet.read_text())
            show = cls(name, folder, str(told["identity"]), str(told.get("database", "")))
        except FileNotFoundError as error:
            raise NotFound(f"There is no show '{name}' in {folder.parent}.") from error
        except (OSError, ValueError, KeyError) as error:
            raise OnelightError(f"{Places(folder).sheet} cannot be read: {error}.") from error
        migration.upgrade(show.engine, name)
        return show

    @cached_property
    def places(self) -> Places:
        """Its paths."""
        return Places(self.folder)

    @cached_property
    def engine(self) -> Engine:
        """The database."""
        if self.url:
            return sqlalchemy.create_engine(self.url)
        engine = sqlalchemy.create_engine(f"sqlite:///{self.places.store}", connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back by an exception. Objects stay readable afterwards."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def _begin(self) -> None:
        for folder in (self.places.keys, self.places.models, self.places.logs, self.places.cache):
            folder.mkdir(mode=0o700)
        lines = [f'name = "{self.name}"', f'identity = "{self.identity}"']
        lines += [f'database = "{self.url}"'] if self.url else []
        lines += [f'created = "{datetime.now(UTC).isoformat(timespec="seconds")}"', ""]
        self.places.sheet.write_text("\n".join(lines))
        migration.upgrade(self.engine, self.name)
        with self.session() as session:
            journal.record(session, "show create", self.name)
        self.engine.dispose()


def shows(root: Path | None = None) -> list[str]:
    """Names of the shows under `root`, in order."""
    folder = places.root(root)
    try:
        return sorted(
            found.name for found in folder.iterdir() if Places(found).sheet.is_file() and found.name[0] != "."
        )
    except OSError:
        return []


def _prepare_sqlite(connection, _) -> None:
    # The driver's own way of beginning is put aside: a transaction that reads, then writes, has to hold the lock from
    # its beginning, or another could write in between.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
