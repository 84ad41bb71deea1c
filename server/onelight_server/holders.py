"""Which shows know a token's public part: found out for all at once, so that a list costs as much however many there
are. It proves nothing: the secret part is checked by the one show it may belong to."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from onelight.errors import OnelightError

from onelight_server.stamps import TRUSTED_SECONDS, Stamp, stamp


class Holders:
    """Remembers the public parts by show, for a little, or until its store changes. Blocks: use a thread."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, float, frozenset[str]]] = {}

    def of(self, public: str, folders: Iterable[Path]) -> frozenset[str]:
        """Names of the shows in these folders that granted a token with that public part."""
        return frozenset(folder.name for folder in folders if public in self._publics(folder))

    def _publics(self, folder: Path) -> frozenset[str]:
        seen, now = stamp(folder), time.monotonic()
        known = self._known.get(folder)
        if known is None or known[0] != seen or now > known[1]:
            known = self._known[folder] = seen, now + TRUSTED_SECONDS, _read(folder)
        return known[2]


def _read(folder: Path) -> frozenset[str]:
    from onelight.shows.schema import Token
    from onelight.shows.store import Show
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with Show.at(folder).reading() as session:
            return frozenset(session.scalars(select(Token.public)))
    except (OnelightError, SQLAlchemyError, OSError):  # a show that cannot be read opens for nobody
        return frozenset()
