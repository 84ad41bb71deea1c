"""Opens the database of a show: its own SQLite file, or another that an SQLAlchemy URL names."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote

import psutil
import sqlalchemy
from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from onelight.errors import Busy, OnelightError, RequestError

BUSY_SECONDS = 30  # how long a writer waits for another's transaction
READING = "onelight_reading"  # execution option: a transaction that only reads
_ONE_WRITER = 0x6F6E656C  # PostgreSQL's advisory locks are numbers
# A write-ahead log is shared memory, which these do not have between machines.
_NETWORK = ("nfs", "cifs", "smb", "afs", "9p", "lustre", "beegfs", "gpfs", "ceph", "gluster", "fuse", "pvfs", "panfs")


def sqlite(path: Path) -> Engine:
    """The SQLite file, made where it is missing. A transaction that may write holds the lock from its beginning.

    Raises OnelightError where a link or something else than a file has its place.
    """
    _check(path)
    engine = sqlalchemy.create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS})
    mode = "DELETE" if on_network(path.parent) else "WAL"

    @event.listens_for(engine, "connect")
    def prepare(connection, _) -> None:
        # The driver's own way of beginning is put aside: a transaction that reads, then writes, has to hold the lock
        # from its beginning, or another could write in between.
        connection.isolation_level = None
        pragmas = {
            "journal_mode": mode,
            "synchronous": "FULL",
            "foreign_keys": "ON",
            "secure_delete": "ON",
            "trusted_schema": "OFF",  # a store that came from elsewhere runs no functions of its own
        }
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name} = {value}")

    @event.listens_for(engine, "begin")
    def begin(connection) -> None:
        reading = connection.get_execution_options().get(READING)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def sqlite_read_only(path: Path) -> Engine:
    """The SQLite file, which is neither made nor changed; no connection is kept."""
    _check(path)
    query = {"mode": "ro", "uri": "true"}
    if path.exists() and os.statvfs(path).f_flag & os.ST_RDONLY:
        query["immutable"] = "1"  # even a reader keeps its place in a file beside a write-ahead log
    url = URL.create("sqlite", database=f"file:{quote(str(path))}", query=query)
    return sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, poolclass=NullPool)


def at(url: str) -> Engine:
    """The database of that URL. Raises RequestError for SQLite, OnelightError where no driver is installed for it."""
    try:
        if sqlalchemy.make_url(url).get_backend_name() == "sqlite":
            raise RequestError("A show keeps its SQLite file in its own folder: give no URL for that.")
        engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
    except (ArgumentError, ImportError) as error:
        raise OnelightError(f"The database {shown(url)} cannot be used: {error}.") from error

    @event.listens_for(engine, "begin")
    def begin(connection) -> None:
        # As in SQLite one transaction writes at a time: the log's entries are numbered without gaps.
        if engine.dialect.name == "postgresql" and not connection.get_execution_options().get(READING):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")

    return engine


def shown(url: str) -> str:
    """A database's URL for people: without its password."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "URL"


def plain(error: DBAPIError, show: str) -> OnelightError:
    """What a database's refusal means for the person."""
    reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
    if isinstance(error.orig, sqlite3.Error):
        name = getattr(error.orig, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return Busy(f"The store of the show '{show}' was in use for {BUSY_SECONDS} s: try again.")
        for code, sentence in _SENTENCES.items():
            if name.startswith(code):
                return OnelightError(f"The store of the show '{show}' {sentence}.")
    return OnelightError(f"The store of the show '{show}' cannot be used: {reason}.")


def is_refusal(error: Exception) -> bool:
    """Whether the database refused as such; a row that breaks a rule is the caller's to answer."""
    return isinstance(error, DBAPIError) and not isinstance(error, IntegrityError)


def on_network(folder: Path) -> bool:
    """Whether the folder lies on a file system that several machines share."""
    best, folder = ("", ""), folder.resolve()
    for mount in psutil.disk_partitions(all=True):
        if folder.is_relative_to(mount.mountpoint) and len(mount.mountpoint) >= len(best[0]):
            best = (mount.mountpoint, mount.fstype)
    return best[1].startswith(_NETWORK)


def _check(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise OnelightError(f"{path} cannot be opened: {error.strerror}.") from error
    if not stat.S_ISREG(kind):
        raise OnelightError(f"{path} is no file of its own: links are not followed.")


_SENTENCES = {
    "SQLITE_FULL": "cannot be written: the disk is full",
    "SQLITE_READONLY": "cannot be written: the folder or disk is read-only",
    "SQLITE_CANTOPEN": "cannot be opened: the folder is missing, or may not be written",
    "SQLITE_CORRUPT": "is damaged: restore the show from its archive",
    "SQLITE_NOTADB": "is damaged: restore the show from its archive",
    "SQLITE_IOERR": "cannot be read or written: the disk refuses, or is full",
}
