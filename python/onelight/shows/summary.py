"""What a show holds, in numbers, for lists and pages."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from onelight.shows import engines, journal
from onelight.shows.keys import Keys
from onelight.shows.policy import Policy
from onelight.shows.schema import Clip, Entry, ModelVersion, Run, Token
from onelight.shows.store import Show


@dataclass(frozen=True)
class Summary:
    """Sizes are bytes on disk; `versions` counts by tool and state; `last` is the hash that ends the log."""

    name: str
    folder: str
    identity: str
    created: str
    database: str
    key: str
    clips: int
    withdrawn: int
    runs: int
    versions: dict[str, dict[str, int]]
    tokens: int
    size: int
    entries: int
    last: str
    policy: dict[str, bool | int | None]


def summary(show: Show) -> Summary:
    """Reads the show, its whole log included. Raises journal.BrokenJournal where that was tampered with."""
    now = datetime.now(UTC)
    with show.reading() as session:
        entries = journal.check(session)
        versions: dict[str, Counter[str]] = {}
        for tool, state, count in session.execute(
            select(ModelVersion.tool, ModelVersion.state, func.count()).group_by(ModelVersion.tool, ModelVersion.state)
        ):
            versions.setdefault(tool, Counter())[state] += count
        usable = (Token.expires.is_(None)) | (Token.expires > now)
        return Summary(
            name=show.name,
            folder=str(show.folder),
            identity=show.identity,
            created=show.created,
            database=engines.shown(show.url) if show.url else "SQLite",
            key=Keys(show).fingerprint,
            clips=_count(session, Clip.withdrawn.is_(None)),
            withdrawn=_count(session, Clip.withdrawn.is_not(None)),
            runs=session.scalar(select(func.count()).select_from(Run)) or 0,
            versions={tool: dict(counts) for tool, counts in sorted(versions.items())},
            tokens=session.scalar(select(func.count()).select_from(Token).where(Token.revoked.is_(None), usable)) or 0,
            size=_size(show),
            entries=entries,
            last=session.scalars(select(Entry.hash).order_by(Entry.number.desc()).limit(1)).one(),
            policy=vars(Policy.of(show)),
        )


def _count(session, condition) -> int:
    return session.scalar(select(func.count()).select_from(Clip).where(condition)) or 0


def _size(show: Show) -> int:
    total = 0
    for path, _, names in os.walk(show.folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except FileNotFoundError:  # a write-ahead log that was just put away
                continue
    return total
