"""Taking a clip out of use: it stays catalogued, nothing is learnt from it any more, what learnt from it is retired."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from onelight.errors import NotFound, RequestError
from onelight.shows import journal, versions
from onelight.shows.schema import Clip, ModelVersion
from onelight.shows.store import Show


def withdraw(show: Show, clip: str, why: str, who: str = "") -> list[ModelVersion]:
    """Withdraws the clip and retires the model versions that learnt from it, in one transaction; returns those.

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
        told = {"digest": row.digest, "retired": [f"{one.tool}@{one.name}" for one in retired]}
        journal.record(session, "dailies withdraw", row.name, row.withdrawn_why, who, **told)
        return retired


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
