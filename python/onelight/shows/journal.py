"""A show's append-only, hash-chained log: who did what when and why."""

from __future__ import annotations

import getpass
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.errors import OnelightError
from onelight.shows.schema import Entry

FIRST = "0" * 64


class BrokenJournal(OnelightError):
    """An entry of the log is not as it was written, or one is missing."""


def operator() -> str:
    """The person at the keyboard, as the system names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id without an entry
        return "unknown"


def record(session: Session, action: str, subject: str, why: str = "", who: str = "", **told: Any) -> Entry:
    """Adds an entry within the caller's transaction; `told` is what else JSON can say of it."""
    last = session.scalars(select(Entry).order_by(Entry.number.desc()).limit(1)).first()
    entry = Entry(
        number=last.number + 1 if last else 1,
        at=datetime.now(UTC).isoformat(timespec="microseconds"),
        who=who or operator(),
        action=action,
        subject=subject,
        why=why,
        told=told,
        before=last.hash if last else FIRST,
    )
    entry.hash = digest(entry)
    session.add(entry)
    session.flush()
    return entry


def digest(entry: Entry) -> str:
    """SHA-256 over the entry and the hash of the one before, as canonical JSON."""
    names = ("number", "at", "who", "action", "subject", "why", "told", "before")
    text = json.dumps({name: getattr(entry, name) for name in names}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check(session: Session) -> int:
    """Reads the whole chain and tells its length. Raises BrokenJournal with the first entry that does not fit."""
    before, count = FIRST, 0
    for entry in session.scalars(select(Entry).order_by(Entry.number)):
        count += 1
        if entry.number != count or entry.before != before or entry.hash != digest(entry):
            raise BrokenJournal(f"The show's log was tampered with: entry {count} is not as it was written.")
        before = entry.hash
    return count
