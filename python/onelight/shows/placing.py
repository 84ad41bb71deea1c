"""Puts a version's folder into its show and enters it in the store: both or neither, whenever it is interrupted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.errors import NotFound, OnelightError, RequestError
from onelight.registry import LARGEST_JSON, is_folder, read_file
from onelight.shows import bundle, files, journal
from onelight.shows.keys import Keys
from onelight.shows.schema import Clip, ModelVersion
from onelight.shows.store import Show, written
from onelight.tools import discover


def place(
    session: Session,
    show: Show,
    tool: str,
    fill: Callable[[Path, str], None],
    told: Mapping[str, Any],
    clips: Sequence[Clip],
    action: str,
    who: str = "",
) -> ModelVersion:
    """Signs what `fill` puts into a folder as the next version, and enters it; in the caller's transaction, which
    holds off other writers."""
    if tool not in discover():
        raise NotFound(f"There is no tool {tool[:80]!r}: there are {', '.join(discover())}.")
    home, rows = _home(session, show, tool)
    number = max((found.number for found in rows), default=0) + 1
    name, now = bundle.name_of(number), datetime.now(UTC)
    try:
        with written(home / name), files.made(home / name) as part:
            fill(part, name)
            told = {
                "show": {"name": show.name, "identity": show.identity},
                "tool": tool,
                "version": name,
                "spec_version": _sheet(part)["spec_version"],
                "created": now.isoformat(timespec="seconds"),
                "by": who or journal.operator(),
                "look": _look(part),
                **told,
                "files": bundle.listed(part),
            }
            told["content"] = _content(told)
            if (same := _same(home, rows, told)) is not None:
                raise _Known(same)
            digest = bundle.seal(part, told, Keys(show).sign)
    except _Known as known:
        return known.version
    version = ModelVersion(
        tool=tool, number=number, digest=digest, state="candidate", created=now, gain=told["gain"], clips=list(clips)
    )
    return _entered(session, version, action, who)


def restore(
    session: Session,
    show: Show,
    checked: bundle.Bundle,
    unpack: Callable[[Path], None],
    clips: Sequence[Clip],
    who: str = "",
) -> ModelVersion | None:
    """Puts a version of this show back as it was signed; None where another has its name by now."""
    told, text = checked.manifest, checked.text
    tool, name = told["tool"], told["version"]
    home, rows = _home(session, show, tool)
    try:
        number, created = int(name[1:]), datetime.fromisoformat(told["created"])
    except ValueError as error:
        raise bundle.Altered(f"The archive was altered: its {bundle.MANIFEST} cannot be read.") from error
    if taken := [found for found in rows if found.name == name]:
        return taken[0] if taken[0].digest == checked.digest else None
    if bundle.name_of(number) != name or created.tzinfo is None:
        raise bundle.Altered(f"The archive was altered: {name!r} is no name of a version.")
    with written(home / name), files.made(home / name) as part:
        unpack(part)
        sheet = _sheet(part)
        if (sheet.get("tool"), sheet.get("version")) != (tool, name):
            raise bundle.Altered(f"The archive was altered: its {bundle.SHEET} speaks of another tool or version.")
        files.write(part / bundle.MANIFEST, text, bundle.READ_ONLY)
        files.write(part / bundle.SIGNATURE, checked.signature, bundle.READ_ONLY)
    version = ModelVersion(
        tool=tool,
        number=number,
        digest=checked.digest,
        state="candidate",
        created=created,
        gain=told["gain"],
        clips=list(clips),
    )
    return _entered(session, version, "version import", who)


def _entered(session: Session, version: ModelVersion, action: str, who: str) -> ModelVersion:
    session.add(version)
    session.flush()
    told = {"tool": version.tool, "version": version.name, "digest": version.digest, "gain": version.gain}
    journal.record(session, action, f"{version.tool}@{version.name}", who=who, **told)
    return version


def _home(session: Session, show: Show, tool: str) -> tuple[Path, Sequence[ModelVersion]]:
    rows = session.scalars(select(ModelVersion).where(ModelVersion.tool == tool)).all()
    home = show.places.models / tool
    with written(home):
        files.below(show.folder, show.places.models.name, tool)
    tidy(home, {found.name for found in rows})
    return home, rows


def tidy(home: Path, known: set[str]) -> None:
    """Removes versions that were put in place but never entered. Only within a transaction that holds off writers."""
    for path in sorted(home.glob("v*")) if is_folder(home) else ():
        if bundle.NAME.fullmatch(path.name) and path.name not in known and is_folder(path):
            files.remove(files.hide(path))


def row(session: Session, show: Show, tool: str, name: str) -> ModelVersion:
    """The version of that name. Raises NotFound."""
    number = int(name[1:]) if bundle.NAME.fullmatch(name) else -1
    wanted = select(ModelVersion).where(ModelVersion.tool == tool, ModelVersion.number == number)
    if (found := session.scalars(wanted).first()) is None or found.name != name:
        raise NotFound(f"The show '{show.name}' has no version {name[:80]!r} of {tool[:80]}.")
    return found


def rename(folder: Path, name: str) -> str:
    """Gives a version that is not signed yet another name; its tool."""
    sheet = _sheet(folder)
    files.write(folder / bundle.SHEET, bundle.canonical({**sheet, "version": name}), bundle.READ_ONLY)
    return str(sheet.get("tool"))


def _sheet(folder: Path) -> dict[str, Any]:
    try:
        sheet = json.loads(read_file(folder / bundle.SHEET, LARGEST_JSON))
        for stage in sheet["stages"].values():
            if stage["sha256"] != hashlib.sha256(read_file(folder / stage["file"], bundle.LARGEST_FILE)).hexdigest():
                raise RequestError(f"{stage['file']} is not the network that {bundle.SHEET} speaks of.")
        if not isinstance(sheet["spec_version"], int):
            raise TypeError("the spec version is no number")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{folder} is no finished version: its {bundle.SHEET} cannot be read ({error}).") from error
    return sheet


def _look(folder: Path) -> Any:
    """The look fingerprint that lies in the folder, as plain numbers."""
    try:
        return json.loads(read_file(folder / bundle.LOOK, LARGEST_JSON))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RequestError(f"{bundle.LOOK} cannot be read: {error}.") from error


def _content(told: Mapping[str, Any]) -> str:
    """What makes a version this one: its files, but for the sheet with the name, and what it learnt from."""
    learnt = {name: entry["sha256"] for name, entry in told["files"].items() if name != bundle.SHEET}
    facts = {"files": learnt, "clips": [clip["digest"] for clip in told["clips"]], "base": told["base"]}
    return hashlib.sha256(bundle.canonical(facts)).hexdigest()


def _same(home: Path, rows: Iterable[ModelVersion], told: Mapping[str, Any]) -> ModelVersion | None:
    """The version that holds just this, or that the same training run made: one that was killed makes no second."""
    for found in rows:
        try:
            manifest = bundle.parsed(
                read_file(home / found.name / bundle.MANIFEST, bundle.LARGEST_MANIFEST), found.name
            )
        except (OSError, OnelightError):  # an altered version is nothing to compare with
            continue
        if manifest.get("content") == told["content"] or (_run(told) and _run(manifest) == _run(told)):
            return found
    return None


def _run(told: Mapping[str, Any]) -> str:
    """The training run that made a version; empty for one that came in from elsewhere, where runs have like names."""
    training = told.get("training")
    return str(training.get("run", "")) if isinstance(training, Mapping) and not told.get("origin") else ""


class _Known(Exception):
    """The version is there already."""

    def __init__(self, version: ModelVersion) -> None:
        self.version = version
