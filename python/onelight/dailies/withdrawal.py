"""Taking a clip out of use: it stays catalogued, nothing is learnt from it any more, what learnt from it is retired."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from onelight.errors import NotFound, RequestError
from onelight.shows import bundle, files, journal, versions
from onelight.shows.schema import Clip, ModelVersion
from onelight.shows.store import Show


@dataclass(frozen=True)
class Withdrawal:
    """Which versions had to do with a clip: those that learnt from it, and those that were only scored on it."""

    retired: list[ModelVersion]
    scored: list[ModelVersion]  # it was held out of their training: they hold nothing of it and stay as they are


def withdraw(show: Show, clip: str, why: str, who: str = "") -> Withdrawal:
    """Withdraws the clip and retires the model versions that learnt from it, in one transaction.

    Raises NotFound without such a clip, RequestError where several are called so, where it is withdrawn already and
    where no reason is given.
    """
    if not why.strip():
        raise RequestError("Why is the clip withdrawn? The reason goes into the show's log: give --why.")
    with show.session() as session:
        row = named(session, clip)
        if row.withdrawn is not None:
            raise RequestError(
                f"The clip '{row.name}' was withdrawn on {row.withdrawn:%Y-%m-%d} already: {row.withdrawn_why}."
            )
        row.withdrawn, row.withdrawn_why = datetime.now(UTC), why.strip()
        retired = versions.retire_learnt_from(session, row, f"{row.name} was withdrawn: {row.withdrawn_why}", who)
        scored = [one for one in _scored_on(session, show, row) if one not in retired]
        names = {
            side: [f"{one.tool}@{one.name}" for one in of] for side, of in (("retired", retired), ("scored", scored))
        }
        journal.record(session, "dailies withdraw", row.name, row.withdrawn_why, who, digest=row.digest, **names)
        return Withdrawal(retired, scored)


def _scored_on(session: Session, show: Show, clip: Clip) -> list[ModelVersion]:
    """The versions whose manifests name the clip as held out of training; one that was altered tells nothing."""
    found = []
    for version in session.scalars(select(ModelVersion).order_by(ModelVersion.tool, ModelVersion.number)):
        try:
            path = show.places.models / version.tool / version.name / bundle.MANIFEST
            data = files.read(path, bundle.LARGEST_MANIFEST)
            manifest = bundle.parsed(data, version.name)
        except (OSError, bundle.Altered):
            continue
        if hashlib.sha256(data).hexdigest() == version.digest and clip.digest in _held_out(manifest):
            found.append(version)
    return found


def _held_out(manifest: Mapping[str, Any]) -> set[str]:
    """Digests of the clips that a version was scored on; before manifests listed them, its plan named them in pairs."""
    scored, training = manifest.get("scored"), manifest.get("training")
    held = training.get("held_out") if isinstance(training, dict) else None
    listed = [each.get("digest") for each in scored if isinstance(each, dict)] if isinstance(scored, list) else []
    pairs = [each for each in held if isinstance(each, list)] if isinstance(held, list) else []
    return {str(each) for each in (*listed, *(one for pair in pairs for one in pair))}


def named(session: Session, clip: str) -> Clip:
    """The clip of a name, a path or the beginning of a digest. Raises NotFound, or RequestError where it is several."""
    path = str(Path(clip).absolute())
    wanted = [Clip.name == clip, Clip.path == clip, Clip.path == path]
    if len(clip) >= 8:
        wanted.append(Clip.digest.startswith(clip.lower(), autoescape=True))
    rows = session.scalars(select(Clip).where(or_(*wanted)).order_by(Clip.withdrawn.is_not(None), Clip.id)).all()
    standing = [row for row in rows if row.withdrawn is None] or list(rows)
    if not standing:
        raise NotFound(f"There is no clip '{clip}' in this show: 'onelight dailies list' names them all.")
    if len(standing) > 1:
        told = ", ".join(f"{row.digest[:12]} ({row.path})" for row in standing)
        raise RequestError(f"Several clips are called '{clip}': say which by the beginning of its digest: {told}.")
    return standing[0]
