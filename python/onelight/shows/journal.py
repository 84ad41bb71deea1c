"""A show's append-only, hash-chained, signed log: who did what when and why."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.errors import OnelightError
from onelight.shows.keys import BadSignature, Keys
from onelight.shows.schema import Entry

if TYPE_CHECKING:
    from onelight.shows.store import Show

FIRST = "0" * 64


class BrokenJournal(OnelightError):
    """An entry of the log is not as it was written, or one is missing."""


def operator() -> str:
    """The account that runs this, as the system names it; the environment could say anybody."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user id without an entry
        return f"user {os.getuid()}"


def record(session: Session, action: str, subject: str, why: str = "", who: str = "", **told: Any) -> Entry:
    """Adds an entry within the caller's transaction; `told` is what else JSON can say of it.

    Characters that no database keeps (NUL, parts of file names that are not UTF-8) are written as escapes.
    """
    last = session.scalars(select(Entry).order_by(Entry.number.desc()).limit(1)).first()
    entry = Entry(
        number=last.number + 1 if last else 1,
        at=datetime.now(UTC).isoformat(timespec="microseconds"),
        who=_kept(who or operator()),
        action=action,
        subject=_kept(subject),
        why=_kept(why),
        told=_kept(json.loads(json.dumps(told))),
        before=last.hash if last else FIRST,
    )
    entry.hash = digest(entry)
    entry.signature = Keys(show_of(session)).sign(bytes.fromhex(entry.hash)).hex()
    session.add(entry)
    session.flush()
    return entry


def show_of(session: Session) -> Show:
    """The show whose `session` this is."""
    return session.info["show"]


def digest(entry: Entry) -> str:
    """SHA-256 over the entry and the hash of the one before, as canonical JSON."""
    names = ("number", "at", "who", "action", "subject", "why", "told", "before")
    text = json.dumps({name: getattr(entry, name) for name in names}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check(session: Session) -> int:
    """Reads the whole chain and tells its length. Raises BrokenJournal with the first entry that does not fit.

    A chain says nothing of entries cut off at its end: keep the last hash elsewhere, and ask for it (`holds`).
    """
    show = show_of(session)
    keys, before, count = Keys(show), FIRST, 0
    for entry in session.scalars(select(Entry).order_by(Entry.number)):
        count += 1
        if entry.number != count or entry.before != before or entry.hash != digest(entry):
            raise _broken(show, count)
        try:
            keys.verify(bytes.fromhex(entry.hash), bytes.fromhex(entry.signature))
        except (BadSignature, ValueError) as error:
            raise _broken(show, count) from error
        before = entry.hash
    if not count:
        raise BrokenJournal(f"The log of the show '{show.name}' is empty: it was begun when the show was created.")
    return count


def holds(session: Session, hash: str) -> bool:
    """Whether an entry with that hash is in the log, which says that nothing up to it was cut off."""
    return session.scalars(select(Entry).where(Entry.hash == hash.lower())).first() is not None


def _broken(show: Show, number: int) -> BrokenJournal:
    return BrokenJournal(
        f"The log of the show '{show.name}' was tampered with: entry {number} is not as it was written, "
        "or one before it is missing."
    )


def _kept(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if isinstance(value, dict):
        return {_kept(key): _kept(each) for key, each in value.items()}
    return [_kept(each) for each in value] if isinstance(value, list) else value
