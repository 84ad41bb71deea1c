"""Publishes gizmos into a folder that Nuke reads: files that never change, their changelog, and which is the default.

    apollo_relight_v003.gizmo   read-only; its second line says which version it is, its third what changed
    apollo_relight_v003.nk      the same as a Group, where that was asked for
    apollo_relight.default      the name of the gizmo that new nodes get; scripts keep the one they were made with
    apollo_changelog.md         the lines of all that lie here, written anew from them each time

Every file appears whole or not at all, and the same command again completes what a killed one began.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.errors import NotFound, OnelightError, RequestError
from onelight.shows import files, journal, versions
from onelight.shows.schema import Entry, ModelVersion
from onelight.shows.store import Show

ACTION, ALIAS_ACTION = "gizmo publish", "gizmo default"
HEADER = re.compile(r"# onelight gizmo ([\w-]+)/(\w+)@(v\d{3,}) (.*)")
_GAINS = {"gain": "better than its base", "no gain": "no gain over its base", "not measured": "not measured"}
_LARGEST = 4 << 20  # bytes of a gizmo


@dataclass(frozen=True)
class Release:
    """A version as it is published; `note` is its line of the changelog."""

    show: str
    tool: str
    version: str
    digest: str
    state: str
    note: str


@dataclass(frozen=True)
class Published:
    """A gizmo that lies in a folder."""

    path: Path
    show: str
    tool: str
    version: str
    label: str
    note: str
    default: bool


def release(show: Show, tool: str, version: str, candidate: bool = False) -> Release:
    """The version, every byte of it checked. Raises NotFound, bundle.Altered, or RequestError where it is not approved.

    `candidate` lets one through that nobody has approved yet; a retired one never.
    """
    row = versions.get(show, tool, version)
    if row.state == versions.RETIRED:
        raise RequestError(f"{tool} {version} of '{show.name}' is retired: publish the approved version.")
    if row.state != versions.APPROVED and not candidate:
        raise RequestError(
            f"{tool} {version} of '{show.name}' is a candidate: approve it first, or publish it with --candidate."
        )
    versions.verify(show, tool, version)
    return Release(show.name, tool, version, row.digest, row.state, _note(show, row))


def note_of(folder: Path, what: Release) -> str:
    """The line of the changelog that a gizmo has: as it was published, where it lies in `folder` already."""
    asked = (what.show, what.tool, what.version)
    return next((g.note for g in listed(folder, what.show) if (g.show, g.tool, g.version) == asked), what.note)


def publish(
    show: Show, what: Release, node_class: str, texts: Mapping[str, str], folder: Path, who: str = ""
) -> list[Path]:
    """Puts the files of a gizmo into `folder`: `texts` are by ending, '.gizmo' and perhaps '.nk'.

    An approved version becomes the folder's default of its tool. Raises RequestError where another gizmo of that name
    was published there, OnelightError where the folder cannot be written.
    """
    paths = [folder / f"{node_class}{ending}" for ending in texts]
    digests = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _sweep(folder)
            for path, text in zip(paths, texts.values(), strict=True):
                data = text.encode()
                digests[path.name] = hashlib.sha256(data).hexdigest()
                _place(path, data)
            _write_changelog(folder, what.show)
            if what.state == versions.APPROVED:
                _write_default(folder, node_class, what.version)
            _enter(show, what, digests, folder, who)
    except OSError as error:
        raise OnelightError(f"{error.filename or folder} cannot be written: {error.strerror or error}.") from error
    return paths


def set_default(show: Show, tool: str, version: str, folder: Path, who: str = "") -> Path:
    """Makes a gizmo that lies in `folder` the one that new nodes get. Raises NotFound, OnelightError."""
    found = next((each for each in listed(folder, show.name) if (each.tool, each.version) == (tool, version)), None)
    if found is None:
        raise NotFound(f"No gizmo of {tool} {version} of '{show.name}' lies in {folder}: publish it first.")
    if versions.get(show, tool, version).state == versions.RETIRED:
        raise RequestError(f"{tool} {version} of '{show.name}' is retired.")
    try:
        with _locked(folder):
            path = _write_default(folder, found.path.stem, version)
    except OSError as error:
        raise OnelightError(f"{error.filename or folder} cannot be written: {error.strerror or error}.") from error
    with show.session() as session:
        journal.record(session, ALIAS_ACTION, f"{tool}@{version}", who=who, tool=tool, folder=str(folder))
    return path


def listed(folder: Path, show: str = "") -> list[Published]:
    """The gizmos that lie in a folder, of one show or all, by tool, the newest first."""
    found = []
    for path in sorted(folder.glob("*.gizmo")):
        lines = _text(path).splitlines()[:3]
        match = HEADER.fullmatch(lines[1]) if len(lines) == 3 else None
        if match and (not show or match[1] == show):
            default = _text(_alias(folder, path.stem, match[3])).strip() == path.stem
            found.append(Published(path, match[1], match[2], match[3], match[4], lines[2][2:], default))
    return sorted(found, key=lambda each: (each.show, each.tool, -int(each.version[1:])))


def _note(show: Show, row: ModelVersion) -> str:
    """What a version's line in the changelog says: when and by whom it was approved, why, and how it measured."""
    approvals = [e for e in versions.history(show, row.tool, row.name) if e.action == "version approve"]
    measured = _GAINS[row.gain]
    if not approvals:
        return f"{row.name}, made {row.created:%Y-%m-%d}: {measured}"
    # The first approval: a version that is approved again later stays the gizmo that was published.
    first = approvals[0]
    why = " ".join(first.why.split())
    return f"{row.name}, approved {first.at[:10]} by {first.who}: {f'{why}; ' if why else ''}{measured}"


def _place(path: Path, data: bytes) -> None:
    """A read-only file under its name, or RequestError where another is there; the same one again is no mistake."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{files.PART}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444), "wb") as file:
            os.fchmod(file.fileno(), 0o444)  # whatever the umask: workstations and the farm read it
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        files.name(part, path)
    except FileExistsError as error:
        if path.is_symlink() or files.read(path, _LARGEST) != data:
            raise RequestError(
                f"{path} was published and never changes, and this one differs: make a new version, or publish into "
                "another folder."
            ) from error
    finally:
        part.unlink(missing_ok=True)
    files.sync(path.parent)  # also of one that a killed command named


def _write_changelog(folder: Path, show: str) -> None:
    lines = [f"# Gizmos of {show}", ""]
    tool = ""
    for each in listed(folder, show):
        lines += [] if each.tool == tool else [f"## {each.label}", ""]
        lines.append(f"- {each.note}")
        tool = each.tool
    files.write(folder / f"{_plain(show)}_changelog.md", ("\n".join(lines) + "\n").encode(), 0o644)


def _write_default(folder: Path, node_class: str, version: str) -> Path:
    path = _alias(folder, node_class, version)
    if _text(path).strip() != node_class:
        files.write(path, f"{node_class}\n".encode(), 0o644)
    return path


def _alias(folder: Path, node_class: str, version: str) -> Path:
    return folder / f"{node_class.removesuffix(f'_{version}')}.default"


def _enter(show: Show, what: Release, digests: Mapping[str, str], folder: Path, who: str) -> None:
    """One entry of the log for what lies there, however often the command was begun."""
    told = {"tool": what.tool, "version": what.version, "digest": what.digest, "folder": str(folder.absolute())}
    with show.session() as session:
        if not any(e.told.get("sha256") == digests and e.told["folder"] == told["folder"] for e in _entries(session)):
            journal.record(session, ACTION, f"{what.tool}@{what.version}", who=who, **told, sha256=dict(digests))


def _entries(session: Session) -> Iterator[Entry]:
    return iter(session.scalars(select(Entry).where(Entry.action == ACTION)))


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds off another who publishes into the folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Removes what killed processes left half written; only while the folder is locked."""
    for path in folder.glob(f".*{files.PART}"):
        if path.is_file() or path.is_symlink():
            path.unlink()


def _text(path: Path) -> str:
    try:
        return files.read(path, _LARGEST).decode(errors="replace")
    except OSError:  # gone, unreadable or no file of ours: nothing was published there
        return ""


def _plain(show: str) -> str:
    return show.replace("-", "_")
