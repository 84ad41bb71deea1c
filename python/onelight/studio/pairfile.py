"""Reads a pairs file: which before / after sequences of artists a training is to learn from, and by what rights.

    [rights]                                  # of every pair that has none of its own
    owner = "Apollo Productions"
    basis = "production agreement"
    purposes = ["training"]

    [[pairs]]
    tool = "cleanup"
    before = "/shots/0420/plate/plate.####.exr"
    after = "/shots/0420/comp/comp.####.exr"
    matte = "/shots/0420/wires/wires.####.exr"   # optional: white where the wires were
    frames = "1001-1040"                         # optional: else both have the same frames, and all are learnt from
    space = "acescg"                             # optional: of what is not in the catalogue; else as the plate's

    [[pairs]]
    tool = "cleanup"
    accepted = "/shots/0430/out/out.####.exr"    # rendered with --sidecar, which says what it was made of

Relative paths start at the file's folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fileseq.exceptions import ParseException
from fileseq.frameset import FrameSet

from onelight import tomlfile
from onelight.colour import Colour
from onelight.dailies import rights
from onelight.dailies.rights import Statement
from onelight.errors import RequestError

KNOWN = ("tool", "before", "after", "accepted", "matte", "frames", "space", "rights")
OF_RIGHTS = ("owner", "basis", "purposes", "expires", "consents")


@dataclass(frozen=True)
class Stated:
    """One `[[pairs]]` table. `before` is empty where the sidecar of an accepted result, `after`, tells it."""

    tool: str
    before: str
    after: str
    matte: str
    frames: tuple[int, ...]  # none: all
    space: str
    rights: Statement  # of the after sequence, and of the matte
    where: str  # what sentences call it


@dataclass(frozen=True)
class Given:
    """A pairs file as it was read. `tag` stands for its content: a run is gone on with by the same file only."""

    tag: str
    pairs: tuple[Stated, ...]

    def of(self, tool: str) -> tuple[Stated, ...]:
        """Those that teach a tool."""
        return tuple(one for one in self.pairs if one.tool == tool)


def load(path: Path) -> Given:
    """Raises RequestError naming the file, the pair and what is wrong with it; ColourError for an unknown space."""
    tables, data = tomlfile.load(path, "The pairs file")
    common, stated = tables.pop("rights", None), tables.pop("pairs", None)
    if tables or not isinstance(stated, list) or not stated:
        what = f"unknown '{next(iter(tables))}'" if tables else "no [[pairs]] table"
        raise RequestError(f"The pairs file {path} has {what}: one [[pairs]] table a pair was expected.")
    digest = hashlib.sha256(data).hexdigest()
    source = f"{path.name} sha256:{digest}"
    folder = path.absolute().parent
    pairs = [_pair(f"Pair {n} of {path}", folder, one, common, source) for n, one in enumerate(stated, 1)]
    return Given(f"{path.name} sha256:{digest[:16]}", tuple(pairs))


def _pair(where: str, folder: Path, table: object, common: object, source: str) -> Stated:
    if not isinstance(table, Mapping):
        raise RequestError(f"{where} is {table!r:.40}: a [[pairs]] table was expected.")
    for name in table:
        if name not in KNOWN:
            raise RequestError(f"{where} has an unknown '{name}': one of {', '.join(KNOWN)} was expected.")
    for name in (name for name in KNOWN if name != "rights"):
        if not isinstance(table.get(name, ""), str):
            raise RequestError(f"{where}: '{name}' is a text.")
    accepted, whole = bool(table.get("accepted")), bool(table.get("before") and table.get("after"))
    if not table.get("tool") or accepted == whole or (accepted and (table.get("before") or table.get("after"))):
        raise RequestError(
            f"{where} says 'tool' and either 'before' and 'after', or 'accepted' for a result that has a sidecar."
        )

    def sequence(name: str) -> str:
        return str(folder / table[name]) if table.get(name) else ""

    if space := table.get("space", ""):
        Colour.of(space)
    return Stated(
        table["tool"],
        sequence("before"),
        sequence("accepted") or sequence("after"),
        sequence("matte"),
        _frames(where, table.get("frames", "")),
        space,
        _rights(where, table.get("rights", common), source),
        where,
    )


def _rights(where: str, table: object, source: str) -> Statement:
    if table is None:
        raise RequestError(
            f"{where} has no rights: a table [pairs.rights], or one [rights] for all pairs, was expected, with "
            f"{', '.join(OF_RIGHTS)} as in the rights file."
        )
    if isinstance(table, Mapping):
        if unknown := [name for name in table if name not in OF_RIGHTS]:
            raise RequestError(
                f"{where}: its rights have an unknown '{unknown[0]}': one of {', '.join(OF_RIGHTS)} was expected."
            )
        table = {**table, "clips": [where]}
    return rights.statement(f"{where}: the statement of its rights", table, source)


def _frames(where: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(frame) for frame in FrameSet(text)})) if text else ()
    except (ParseException, ValueError) as error:
        raise RequestError(f"{where}: frames are a range as 1001-1010 or 1,5,7-9, not {text!r}.") from error
