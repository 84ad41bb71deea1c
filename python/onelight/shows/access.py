"""Credentials by which others than the folder's owner use a show: tokens, of which only argon2 hashes are kept."""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from onelight.errors import NotFound, OnelightError, RequestError
from onelight.shows import journal
from onelight.shows.schema import Token
from onelight.shows.store import Show

_TOKEN = re.compile(r"onelight_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)
_LONGEST_LABEL = 200
ANSWER_SECONDS = 0.15
# OWASP's least memory. The secret is 256 random bits, which no amount of guessing finds; argon2 is for a stolen store.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def grant(show: Show, label: str, expires: datetime | None = None) -> str:
    """A new token, which is shown this once and kept nowhere; `label` says who or what has it, `expires` is aware.

    Raises RequestError where the label is empty or the moment has passed.
    """
    label, now = label.strip(), datetime.now(UTC)
    if not label or len(label) > _LONGEST_LABEL or not label.isprintable():
        raise RequestError(f"A token's label says who or what has it: 1 to {_LONGEST_LABEL} characters on one line.")
    if expires is not None and expires <= now:
        raise RequestError(f"A token cannot expire in the past ({expires:%Y-%m-%d %H:%M %Z}).")
    public, secret = secrets.token_hex(8), secrets.token_hex(32)
    with show.session() as session:
        session.add(Token(public=public, hash=_HASHER.hash(secret), label=label, created=now, expires=expires))
        until = expires.astimezone(UTC).isoformat(timespec="seconds") if expires else ""
        journal.record(session, "token grant", public, label=label, expires=until)
    return f"onelight_{public}_{secret}"


def revoke(show: Show, public: str, why: str = "") -> None:
    """The token is refused from now on. Takes its public part, or the whole token. Raises NotFound, RequestError."""
    whole = _TOKEN.fullmatch(public)
    public = whole[1] if whole else public
    with show.session() as session:
        token = session.scalars(select(Token).where(Token.public == public)).first()
        if token is None:
            shown = public if len(public) <= 20 else public[:17] + "..."
            raise NotFound(f"The show '{show.name}' has no token {shown!r}: see 'onelight show token list'.")
        if token.revoked is not None:
            raise RequestError(f"The token {public} was revoked already, on {token.revoked:%Y-%m-%d}.")
        token.revoked = datetime.now(UTC)
        journal.record(session, "token revoke", public, why, label=token.label)


def revoke_all(session: Session, why: str) -> int:
    """Revokes every token within the caller's transaction; how many there were."""
    tokens = session.scalars(select(Token).where(Token.revoked.is_(None))).all()
    for token in tokens:
        token.revoked = datetime.now(UTC)
        journal.record(session, "token revoke", token.public, why, label=token.label)
    return len(tokens)


def tokens(session: Session) -> list[Token]:
    """All that were ever granted, oldest first."""
    return list(session.scalars(select(Token).order_by(Token.id)))


class Access:
    """Answers whether a token opens the show in a folder; for servers, which ask once a connection.

    Each answer costs one argon2 verification (about 40 ms, 19 MiB) and comes after `ANSWER_SECONDS`, whatever the token
    and even where there is no such show, so that its time tells nothing.
    """

    def __init__(self, show_folder: Path) -> None:
        self.folder = Path(show_folder)
        _nobody()  # made before the first question, which would otherwise take longer

    def check(self, token: str) -> bool:
        """Whether the token is this show's, not revoked and not expired. Never raises: what is in doubt is refused."""
        begun = time.monotonic()
        try:
            return self._known(token)
        finally:
            time.sleep(max(0.0, ANSWER_SECONDS - (time.monotonic() - begun)))

    def _known(self, token: str) -> bool:
        parts = _TOKEN.fullmatch(token) if isinstance(token, str) else None
        row = self._row(parts[1] if parts else "")
        try:
            known = _HASHER.verify(row.hash if row else _nobody(), parts[2] if parts else "")
        except (VerificationError, InvalidHashError):
            return False
        return bool(known and row and row.revoked is None and (row.expires is None or row.expires > datetime.now(UTC)))

    def _row(self, public: str) -> Token | None:
        try:
            with Show.at(self.folder).reading() as session:
                row = session.scalars(select(Token).where(Token.public == public)).first()
                session.expunge_all()
                return row
        except (OnelightError, SQLAlchemyError, OSError):
            return None


@cache
def _nobody() -> str:
    """The hash of a secret that nobody has."""
    return _HASHER.hash(secrets.token_hex(32))
