"""Checks data sheets that `onelight report` wrote: whether what one says is what its show's key signed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onelight.errors import OnelightError
from onelight.provenance import datasheet
from onelight.shows import journal
from onelight.shows.files import read

if TYPE_CHECKING:
    from onelight.provenance.trust import Trust
    from onelight.provenance.verification import Finding

SUFFIX = ".json"
NONE = "it is no data sheet: what 'onelight report' writes was expected"
_LARGEST = 256 << 20
_TOLD = ("kind", "show", "identity", "made", "by", "key")


def judge(finding: Finding, trust: Trust, nobody: str) -> Finding:
    """Adds to the finding of a JSON file whether the show signed every word of it; `nobody` says that none vouches.

    Where the show is here, its log has to hold the entry that was the last when the sheet was made.
    """
    try:
        told = json.loads(read(finding.file, _LARGEST), object_pairs_hook=_once)
        name, problem = str(told["show"]), "" if told["kind"] == datasheet.KIND else NONE
    except OSError as error:
        problem = f"it cannot be read: {error.strerror or error}"
    except _Twice as error:
        problem = f"it says '{error}' twice, and readers differ in which they believe"
    except (ValueError, KeyError, TypeError, RecursionError):
        problem = NONE
    if problem:
        finding.problems.append(problem)
        return finding
    finding.record = {each: told[each] for each in _TOLD if each in told}
    verify = trust.verifier(name)
    if verify is None:
        finding.problems.append(nobody.format(key=str(told.get("key", ""))[:16]))
        return finding
    try:
        datasheet.check(told, verify)
    except OnelightError as error:
        finding.problems.append(f"it is not what the show '{name}' signed: {error}")
        return finding
    finding.signed = True
    show = trust.show(name) if trust.key is None else None
    if show is not None and (head := told["log"]["head"]):
        with show.reading() as session:
            if not journal.holds(session, head):
                finding.problems.append(f"the log of the show '{name}' has lost entries that it had when it was made")
    finding.notes.append(f"data sheet of '{name}' as of {told['made']}: {_counted(told)}")
    return finding


class _Twice(Exception):
    """A name that an object has twice."""


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _counted(told: Mapping[str, Any]) -> str:
    models, clips = len(told["1"]["1.2"]["models"]), len(told["clips"])
    return f"{models} model version{'s' * (models != 1)}, {clips} clip{'s' * (clips != 1)} learnt from"
