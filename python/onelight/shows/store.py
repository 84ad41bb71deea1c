"""A show on disk: made whole or not at all, opened with its store at the revision that this release knows."""

from __future__ import annotations

import contextlib
import json
import os
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from onelight.errors import NotFound, OnelightError, RequestError
from onelight.shows import engines, files, journal, keys, migration, places, policy
from onelight.shows.places import Places
from onelight.shows.schema import Entry

_LARGEST_SHEET = 64 << 10


@dataclass(frozen=True)
class Show:
    """One show, open. `identity` stays the same however the folder is called."""

    name: str
    folder: Path
    identity: str
    url: str  # of its database; empty: the SQLite file in its folder
    created: str = ""

    @classmethod
    def create(cls, name: str, root: Path | None = None, url: str = "") -> Show:
        """A new show under `root` (see `places.root`); `url` names another database than a SQLite file of its own.

        Raises RequestError where the name cannot be one or is taken, OnelightError where the disk refuses.
        """
        folder = free(name, root)
        with written(folder), files.made(folder) as part:
            created = datetime.now(UTC).isoformat(timespec="seconds")
            cls(name, part, uuid.uuid4().hex, url, created)._begin()
        return cls.open(name, root)

    @classmethod
    def open(cls, name: str, root: Path | None = None) -> Show:
        """The show of that name. Raises NotFound, or NotReady where its store was made by a newer release."""
        show = cls.at(places.root(root) / places.checked(name))
        if not show.url and not show.places.store.is_file():
            raise OnelightError(f"The store of the show '{name}' is missing: restore the show from its archive.")
        migration.upgrade(show.engine, name)
        show.check_identity()
        if (show.places.keys / keys.NEXT).exists():
            from onelight.shows import rekeying

            rekeying.settle(show)
        return show

    @classmethod
    def at(cls, folder: Path) -> Show:
        """The show in that folder, its store not looked at: for who only reads (`reading`) and must change nothing."""
        name = folder.name
        try:
            if folder.is_symlink():
                raise OnelightError(f"{folder} is a link: a show is a folder of its own.")
            told = tomllib.loads(files.read(Places(folder).sheet, _LARGEST_SHEET).decode())
            given = [told["identity"], told.get("database", ""), told.get("created", "")]
            if not all(isinstance(each, str) for each in given):
                raise ValueError("identity, database and created are texts")
            return cls(name, folder, *given)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"There is no show '{name}' in {folder.parent}.") from error
        except (OSError, ValueError, KeyError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise OnelightError(f"{Places(folder).sheet} cannot be read: {reason}.") from error

    @cached_property
    def places(self) -> Places:
        """Its paths."""
        return Places(self.folder)

    @cached_property
    def engine(self) -> Engine:
        """The database."""
        return engines.at(self.url) if self.url else engines.sqlite(self.places.store)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back by an exception. Objects stay readable afterwards.

        Only one is open at a time, whoever runs it; another waits. Raises OnelightError (Busy where the wait was too
        long) where the database refuses; sqlalchemy's IntegrityError passes.
        """
        with self._session(self.engine) as session:
            session.connection()  # begins now, not at the first statement: what the block finds in files stays true too
            yield session

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads, neither waits for a writer nor holds one up, and leaves the folder alone."""
        engine = engines.at(self.url) if self.url else engines.sqlite_read_only(self.places.store)
        try:
            with self._session(engine.execution_options(**{engines.READING: True})) as session:
                yield session
        finally:
            engine.dispose()

    @contextlib.contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, expire_on_commit=False, info={"show": self}) as session, session.begin():
                yield session
        except DBAPIError as error:
            if not engines.is_refusal(error):
                raise
            raise engines.plain(error, self.name) from error

    def _begin(self) -> None:
        for folder in (self.places.keys, self.places.models, self.places.logs, self.places.cache):
            folder.mkdir(mode=0o700)
        keys.make(self.places.keys)
        policy.write(self.places.policy)
        files.write(self.places.sheet, sheet(self.name, self.identity, self.created, self.url).encode())
        if self.url:
            self._check_unused()
        else:
            os.close(os.open(self.places.store, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        migration.upgrade(self.engine, self.name)
        with self.session() as session:
            fingerprint = keys.Keys(self).fingerprint
            journal.record(session, "show create", self.name, identity=self.identity, key=fingerprint)
        self.engine.dispose()

    def _check_unused(self) -> None:
        """A database keeps one show: a second would see the first one's clips."""
        try:
            tables = set(inspect(self.engine).get_table_names())
        except DBAPIError as error:
            raise engines.plain(error, self.name) from error
        if tables:
            raise RequestError(
                f"The database {engines.shown(self.url)} is in use already, it has tables: name an empty one."
            )

    def check_identity(self) -> None:
        """Raises OnelightError where the store is of another show."""
        with self._session(self.engine.execution_options(**{engines.READING: True})) as session:
            first = session.scalars(select(Entry).order_by(Entry.number).limit(1)).first()
        if first is None or first.told.get("identity") != self.identity:
            raise OnelightError(f"The store in {self.folder} is not the one that the show '{self.name}' began with.")


def free(name: str, root: Path | None) -> Path:
    """Where a show of that name can be made. Raises RequestError where something is there, or the name cannot be."""
    folder = places.root(root) / places.checked(name)
    if Places(folder).sheet.is_file():
        raise RequestError(f"There is a show '{name}' already: {folder}.")
    if folder.is_symlink() or folder.exists():
        raise RequestError(f"{folder} is there already, and is no show: move it away, or take another name.")
    alike = [other for other in shows(root) if places.folded(other) == places.folded(name)]
    if alike:
        raise RequestError(f"There is a show '{alike[0]}', whose gizmos would have the same names: take another name.")
    return folder


@contextlib.contextmanager
def written(folder: Path) -> Iterator[None]:
    """What a disk refuses, as a sentence about the folder that was to be written."""
    try:
        yield
    except FileExistsError as error:
        raise RequestError(f"{error.filename or folder} is there already.") from error
    except OSError as error:
        raise OnelightError(f"{folder} cannot be written: {error.strerror or error}.") from error


def sheet(name: str, identity: str, created: str, url: str = "") -> str:
    """The text of show.toml."""
    told = {"name": name, "identity": identity, "created": created, **({"database": url} if url else {})}
    # A JSON text is a TOML text too, but for this one character.
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f") for key, value in told.items()
    ]
    return "\n".join([*lines, ""])


def shows(root: Path | None = None) -> list[str]:
    """Names of the shows under `root`, in order."""
    try:
        found = sorted(places.root(root).iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OnelightError(f"{places.root(root)} cannot be read: {error.strerror}.") from error
    return [each.name for each in found if _is_show(each)]


def _is_show(folder: Path) -> bool:
    try:
        places.checked(folder.name)
    except RequestError:
        return False
    return not folder.is_symlink() and Places(folder).sheet.is_file()
