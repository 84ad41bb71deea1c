"""Puts a trained model into its show as the next version: whole and signed, or not at all."""

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
from onelight.registry import BASE, LARGEST_JSON, Version, is_folder, read_file
from onelight.shows import bundle, files, journal
from onelight.shows.keys import Keys
from onelight.shows.schema import Clip, ModelVersion
from onelight.shows.store import Show

GAINS = ("gain", "no gain", "not measured")
PURPOSE = "training"


def add(
    show: Show,
    tool: str,
    folder: Path,
    *,
    gain: str,
    metrics: Any,
    manifest: Mapping[str, Any],
    clips: Iterable[Clip],
    base: Version | None,
    who: str = "",
) -> ModelVersion:
    """Makes the finished version in `folder` (as training.export writes one, of any name) the show's next candidate.

    `gain` says how it stands beside its base ("gain", "no gain", "not measured"), `metrics` by how much, `manifest`
    how it was made (code, settings, seeds). What the base learnt from, this one did too. `folder` stays; the same files
    learnt from the same clips are one version, so that a call that was interrupted can be repeated.
    Raises RequestError where a clip may not be learnt from (any more) or a file cannot be part of a version.
    """
    if gain not in GAINS:
        raise RequestError(f"The gain of a version is one of {', '.join(GAINS)}; it was given as {gain!r}.")
    asked = list(dict.fromkeys(clip.digest for clip in clips))
    told = {"gain": gain, "metrics": metrics, "training": dict(manifest), "base": _of(base)}
    with show.session() as session:
        learnt = [(clip, "") for clip in _clips(session, asked)]
        if base is not None and base.show == show.name:
            known = {clip.digest for clip, _ in learnt}
            found = row(session, show, tool, base.name)
            learnt += [(clip, base.name) for clip in found.clips if clip.digest not in known]
        for clip, _ in learnt:
            check_rights(clip)
        told["clips"] = [_clip(clip, through) for clip, through in learnt]

        def filled(part: Path, name: str) -> None:
            _fill(part, folder, tool, name)

        return place(session, show, tool, filled, told, [clip for clip, _ in learnt], "version add", who)


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
    rows = session.scalars(select(ModelVersion).where(ModelVersion.tool == tool)).all()
    home = show.places.models / tool
    tidy(home, {found.name for found in rows})
    number = max((found.number for found in rows), default=0) + 1
    name, now = bundle.name_of(number), datetime.now(UTC)
    try:
        with files.made(home / name) as part:
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
            if (same := _same(home, rows, told["content"])) is not None:
                raise _Known(same)
            digest = bundle.seal(part, told, Keys(show).sign)
    except _Known as known:
        return known.version
    except OSError as error:
        raise OnelightError(f"{home / name} cannot be written: {error.strerror or error}.") from error
    version = ModelVersion(
        tool=tool, number=number, digest=digest, state="candidate", created=now, gain=told["gain"], clips=list(clips)
    )
    session.add(version)
    session.flush()
    journal.record(
        session, action, f"{tool}@{name}", who=who, tool=tool, version=name, digest=digest, gain=told["gain"]
    )
    return version


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


def check_rights(clip: Clip) -> None:
    """Raises RequestError where the clip may not be learnt from, or not any more."""
    rights = clip.rights
    if clip.withdrawn is not None:
        raise RequestError(f"The clip {clip.name} was withdrawn ({clip.withdrawn_why}): train again without it.")
    if rights is None or PURPOSE not in rights.purposes:
        raise RequestError(f"The clip {clip.name} has no rights that allow {PURPOSE}: train again without it.")
    if rights.expires is not None and rights.expires <= datetime.now(UTC):
        raise RequestError(
            f"The rights to the clip {clip.name} expired on {rights.expires:%Y-%m-%d}: train without it."
        )


def _clips(session: Session, digests: Sequence[str]) -> list[Clip]:
    found = {clip.digest: clip for clip in session.scalars(select(Clip).where(Clip.digest.in_(digests)))}
    if missing := [digest for digest in digests if digest not in found]:
        raise NotFound(f"The show has no clip {missing[0][:12]}, which the version is said to have learnt from.")
    return [found[digest] for digest in digests]


def _clip(clip: Clip, through: str) -> dict[str, Any]:
    told = {"digest": clip.digest, "name": clip.name, "rights": clip.rights.digest if clip.rights else ""}
    return told | ({"through": through} if through else {})


def _of(base: Version | None) -> dict[str, str] | None:
    return None if base is None else {"show": base.show or BASE, "version": base.name, "digest": base.digest}


def _fill(part: Path, folder: Path, tool: str, name: str) -> None:
    bundle.gather(folder, part)
    sheet = _sheet(part)
    if sheet.get("tool") != tool:
        raise RequestError(f"{folder} is a version of {sheet.get('tool')!r}, not of {tool!r}.")
    files.write(part / bundle.SHEET, bundle.canonical({**sheet, "version": name}))


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


def _same(home: Path, rows: Iterable[ModelVersion], content: str) -> ModelVersion | None:
    for found in rows:
        try:
            manifest = bundle.parsed(read_file(home / found.name / bundle.MANIFEST, LARGEST_JSON), found.name)
        except (OSError, OnelightError):  # an altered version is nothing to compare with
            continue
        if manifest.get("content") == content:
            return found
    return None


class _Known(Exception):
    """The version is there already."""

    def __init__(self, version: ModelVersion) -> None:
        self.version = version
