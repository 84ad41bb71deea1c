"""Gives a show a new signing key and revokes its tokens, wholly or not at all."""

from __future__ import annotations

from sqlalchemy import select

from onelight.shows import access, files, journal, keys
from onelight.shows.schema import Entry
from onelight.shows.store import Show

ACTION = "show rekey"


def rekey(show: Show, why: str) -> tuple[str, int]:
    """The new key's fingerprint, and how many tokens were revoked. What was signed before stays proven.

    The log's entry is signed by the old key and names the new one; the transaction's end is the moment it counts.
    """
    with show.session() as session:
        _settle(show, session)
        revoked = access.revoke_all(session, why or ACTION)
        old, new = keys.Keys(show).fingerprint, keys.prepare(show.places.keys)
        journal.record(session, ACTION, show.name, why, before=old, now=new, revoked=revoked)
    settle(show)
    return new, revoked


def settle(show: Show) -> None:
    """Completes a rekey that was committed, takes back one that was not: a kill can come at any point of it."""
    with show.session() as session:  # the lock: another's rekey is over, or has not begun
        _settle(show, session)


def _settle(show: Show, session) -> None:
    prepared = show.places.keys / keys.NEXT
    if not prepared.exists():
        return
    told = session.scalars(select(Entry).where(Entry.action == ACTION).order_by(Entry.number.desc()).limit(1)).first()
    fingerprint = keys.fingerprint_of(keys.load(prepared, show.name).public_key())
    if told is not None and told.told.get("now") == fingerprint:
        keys.promote(show.places.keys, show.name)
    else:
        prepared.unlink()
        files.sync(show.places.keys)
