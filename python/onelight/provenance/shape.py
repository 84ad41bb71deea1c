"""The shape of what sidecars and content credentials tell: whoever made the file that is verified may have written it.

A form is a type, a test, [form] for a list of such, {name: form} for an object with at least these names ('name?' for
one that may be missing), {str: form} for an object of any names, or a tuple of forms of which one has to fit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

MOST_FRAMES = 1_000_000  # of one job; ten hours at 24 frames a second are fewer
LONGEST_PATH, _LONGEST_NAME = 4096, 255  # bytes
_ALL = "all of it"
_RUN = re.compile(r"(-?\d{1,9})(?:-(-?\d{1,9})(?:x(\d{1,9}))?)?", re.ASCII)  # as fileseq writes: 5, 1-9, 1-9x2


def wrong(told: Any, form: Any, name: str = _ALL) -> str:
    """The name of the first thing that is missing or of another kind than `form` has it; empty where all fits."""
    if isinstance(form, tuple):
        found = [wrong(told, one, name) for one in form]
        return "" if "" in found else found[-1]
    if isinstance(form, list):
        if not isinstance(told, list):
            return name
        return next((bad for one in told if (bad := wrong(one, form[0], name))), "")
    if isinstance(form, dict):
        return _wrong_object(told, form, name)
    if form is int or form is float:
        fits = isinstance(told, int if form is int else (int, float)) and not isinstance(told, bool)
    else:
        fits = isinstance(told, form) if isinstance(form, type) else form(told)
    return "" if fits else name


def _wrong_object(told: Any, form: Mapping[Any, Any], name: str) -> str:
    if not isinstance(told, Mapping):
        return name
    if str in form:
        return next((name for one in told.values() if wrong(one, form[str])), "")
    for key, inner in form.items():
        own = key.removesuffix("?")
        inside = own if name == _ALL else f"{name}.{own}"
        if own not in told:
            if own == key:
                return inside
        elif bad := wrong(told[own], inner, inside):
            return bad
    return ""


def frames(told: Any) -> bool:
    """Whether it is a range of frames as we write it, '1001-1004,1010', of no more than `MOST_FRAMES`."""
    if not isinstance(told, str):
        return False
    count = 0
    for run in told.split(",") if told else ():
        found = _RUN.fullmatch(run)
        if found is None:
            return False
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        if last < first or step < 1:
            return False
        count += (last - first) // step + 1
    return count <= MOST_FRAMES


def file_name(told: Any) -> bool:
    """Whether it is the name of a file in the sidecar's own folder."""
    return (
        isinstance(told, str)
        and told not in ("", ".", "..")
        and not {"/", "\0"} & set(told)
        and len(os.fsencode(told)) <= _LONGEST_NAME
    )


def _path(told: Any) -> bool:
    return isinstance(told, str) and 0 < len(told.encode()) < LONGEST_PATH and "\0" not in told


_NONE = type(None)
_MODEL = (_NONE, {"show": str, "version": str, "digest": str})
_SAID = {"operator": str, "purpose": str, "edit_class": str}
_INPUT = {"clip": str, "file": _path, "sha256": str}
_RESULT = {
    "sha256": str,
    "size": int,
    "pixels": {"sha256": str, "bands": [str]},
    "attributes": {str: str},
}
# What an image or a review file says of itself.
RECORD = {
    "tool": {"id": str},
    "model": _MODEL,
    "models?": [_MODEL],
    "inputs": [_INPUT],
    "shares?": (_NONE, {str: float}),
    "show?": str,
    **_SAID,
}
HEADER = {"show": str, "sequence": file_name, "signed": bool, "key?": str, "public_key?": str, "unsigned_because?": str}
JOB = {"frames": frames, "log?": str}
FRAME = {**RECORD, "file": file_name, "frame": int, "result": _RESULT}
