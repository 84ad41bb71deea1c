"""Rights statements: what may be done with which clips, until when, and who consented; read from rights.toml."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onelight import tomlfile
from onelight.errors import RequestError

if TYPE_CHECKING:
    from onelight.shows.schema import Rights

PURPOSES = {
    "training": "models of this show learn from it",
    "evaluation": "models of this show are measured on it",
    "look": "the show's look is measured on it: optics, grain, tone",
    "demonstration": "it may be shown outside the production",
}
NEEDED, KNOWN = ("clips", "owner", "basis", "purposes"), ("clips", "owner", "basis", "purposes", "expires", "consents")


@dataclass(frozen=True)
class Statement:
    """What one `[[rights]]` table says. `clips`: names or patterns ('A003*'); the last that fits a clip counts."""

    clips: tuple[str, ...]
    owner: str
    basis: str
    purposes: tuple[str, ...]
    expires: datetime | None
    consents: dict[str, dict[str, Any]]
    source: str

    @property
    def digest(self) -> str:
        """SHA-256 of what is stated, as canonical JSON; which clips it is stated of is not part of it."""
        told = {
            "owner": self.owner,
            "basis": self.basis,
            "purposes": sorted(self.purposes),
            "expires": self.expires.isoformat() if self.expires else None,
            "consents": self.consents,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def load(path: Path) -> list[Statement]:
    """The statements of a rights.toml. Raises RequestError naming the file, the statement and what is wrong with it."""
    tables, data = tomlfile.load(path, "The rights file")
    stated = tables.pop("rights", None)
    if tables or not isinstance(stated, list) or not stated:
        what = f"unknown '{next(iter(tables))}'" if tables else "no [[rights]] table"
        raise RequestError(f"The rights file {path} has {what}: one [[rights]] table a statement was expected.")
    source = f"{path.name} sha256:{hashlib.sha256(data).hexdigest()}"
    return [
        statement(f"Statement {number} of the rights file {path}", table, source)
        for number, table in enumerate(stated, 1)
    ]


def statement(where: str, table: object, source: str) -> Statement:
    """What a `[[rights]]` table says. Raises RequestError; `where` begins its sentences."""
    if not isinstance(table, Mapping):
        raise RequestError(f"{where} is {table!r:.40}: a [[rights]] table was expected.")
    for name in NEEDED:
        if not table.get(name):
            raise RequestError(f"{where} lacks '{name}'.")
    for name in table:
        if name not in KNOWN:
            raise RequestError(f"{where} has an unknown '{name}': one of {', '.join(KNOWN)} was expected.")
    clips, purposes = _texts(where, "clips", table["clips"]), _texts(where, "purposes", table["purposes"])
    _check_purposes(f"{where}: purposes", purposes)
    for name in ("owner", "basis"):
        if not isinstance(table[name], str):
            raise RequestError(f"{where}: '{name}' is a text.")
    consents = table.get("consents", {})
    if not isinstance(consents, Mapping):
        raise RequestError(f"{where}: 'consents' is a table for each performer, as [rights.consents.\"Jane Doe\"].")
    return Statement(
        clips,
        table["owner"],
        table["basis"],
        purposes,
        _moment(table["expires"], f"{where}: 'expires'") if "expires" in table else None,
        {name: _consent(where, name, consent) for name, consent in consents.items()},
        source,
    )


def of(statements: list[Statement], names: tuple[str, ...]) -> Statement | None:
    """The statement for a clip that is known by any of these names (clip, reel, file): the last that fits."""
    folded = [name.casefold() for name in names if name]
    for statement in reversed(statements):
        if any(fnmatchcase(name, pattern.casefold()) for pattern in statement.clips for name in folded):
            return statement
    return None


def refusal(rights: Rights | Statement | None, purpose: str, on: datetime) -> str:
    """Why `purpose` is not allowed on a day; empty where it is. Raises RequestError where there is no such purpose."""
    if purpose not in PURPOSES:
        raise RequestError(f"There is no purpose '{purpose}': one of {', '.join(PURPOSES)} was expected.")
    if rights is None:
        return "no rights statement"
    if rights.expires is not None and aware(rights.expires) <= on:
        return f"the rights of {rights.owner} expired on {rights.expires:%Y-%m-%d}"
    if purpose not in rights.purposes:
        return f"{rights.owner} allows {', '.join(rights.purposes)}, not {purpose}"
    for performer, consent in sorted(rights.consents.items()):
        if purpose not in consent.get("scope", []):
            return f"{performer} has not consented to {purpose}"
        if (until := consent.get("expires")) and _moment(date.fromisoformat(until)) <= on:
            return f"{performer}'s consent expired on {until}"
    return ""


def aware(moment: datetime) -> datetime:
    """A moment that a database gave back without its zone, which is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _consent(where: str, name: str, consent: object) -> dict[str, Any]:
    if not isinstance(consent, Mapping) or not {"given", "scope"} <= set(consent) <= {"given", "scope", "expires"}:
        raise RequestError(f"{where}: the consent of {name} has 'given', 'scope' and perhaps 'expires', nothing else.")
    scope = _texts(f"{where}: the consent of {name}", "scope", consent["scope"])
    _check_purposes(f"{where}: the consent of {name}", scope)
    days = {key: _moment(consent[key], f"{where}: '{key}' of {name}") for key in ("given", "expires") if key in consent}
    return {**{key: day.date().isoformat() for key, day in days.items()}, "scope": sorted(scope)}


def _texts(where: str, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RequestError(f"{where}: '{name}' is a list of texts.")
    return tuple(value)


def _check_purposes(where: str, purposes: tuple[str, ...]) -> None:
    for purpose in purposes:
        if purpose not in PURPOSES:
            raise RequestError(f"{where}: '{purpose}' is none of {', '.join(PURPOSES)}.")


def _moment(value: object, where: str = "") -> datetime:
    """A day is meant from its beginning, UTC; rights that expire on a day are gone from then on."""
    if isinstance(value, datetime):
        try:
            return aware(value).astimezone(UTC)
        except OverflowError as error:  # the last hours of the year 9999 are in the year 10000 elsewhere
            raise RequestError(f"{where} is a date that no calendar has in UTC: {value}.") from error
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise RequestError(f"{where} is a date, as 2027-12-31.")
