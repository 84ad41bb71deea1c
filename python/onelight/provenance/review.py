"""Content credentials for review files that another program made of a rendered sequence: an MP4, a contact sheet."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fileseq.frameset import FrameSet

from onelight.errors import ImageError, NotFound, RequestError
from onelight.provenance import credentials, sidecar
from onelight.provenance.trust import Trust
from onelight.provenance.verification import CHANGED, Verification
from onelight.shows.store import Show


def attest(file: Path, sequence: Path, show: Show) -> int:
    """Signs what the sidecar of a sequence says into the review file; how many frames it speaks of.

    The sequence is verified first: what was changed is not attested. Raises NotFound, RequestError or ImageError.
    """
    if not credentials.can_carry(file):
        known = ", ".join(credentials.TYPES)
        raise RequestError(f"{file} cannot carry content credentials: one of {known} was expected.")
    if not file.is_file():
        raise NotFound(f"{file} does not exist")
    path = sequence if sequence.name.endswith(sidecar.SUFFIX) else sidecar.path_for(sequence)
    if not path.is_file():
        raise NotFound(f"{sequence} has no sidecar: {path} does not exist; render it with --sidecar")
    for finding in Verification(Trust(lambda _: show, show.name)).files([path]):
        if finding.state == CHANGED:
            raise RequestError(f"{finding.file} is not as it was rendered: {finding.problems[0]}.")
    account = sidecar.read(path, None)
    record = summary(account, hashlib.sha256(path.read_bytes()).hexdigest())
    part = file.with_name(f".{file.stem}-{uuid.uuid4().hex[:8]}{file.suffix}")
    try:
        shutil.copyfile(file, part)
        credentials.embed(part, file.name, record, show)
        shutil.copymode(file, part)
        part.replace(file)
    except OSError as error:
        raise ImageError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return len(account.frames)


def summary(account: sidecar.Account, digest: str) -> dict[str, Any]:
    """The record of a whole sequence: the widest edit, the mean and highest shares, every model that worked on it."""
    records = list(account.frames.values())
    if not records:
        raise RequestError(f"{account.path} has no record of a frame yet.")
    first = records[0]
    models = {tuple(sorted(record["model"].items())) for record in records if record["model"]}
    edits = {record["edit_class"] for record in records}
    return {
        "show": account.header["show"],
        "sequence": account.header["sequence"],
        "sidecar": {"name": account.path.name, "sha256": digest},
        "frames": FrameSet.framesToFrameRange(sorted(account.made())),
        "tool": first["tool"],
        "models": [dict(model) for model in sorted(models)],
        "model": None,
        "operator": ", ".join(sorted({record["operator"] for record in records})),
        "purpose": ", ".join(sorted({record["purpose"] for record in records})),
        "edit_class": "substantial" if "substantial" in edits else "standard",
        "shares": _shares(records),
        "inputs": [{"clip": "Source", "file": account.header["sequence"], "sha256": digest}],
    }


def _shares(records: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    """The mean over the frames; None where one cannot tell."""
    told = [record["shares"] for record in records]
    if not told or any(each is None for each in told):
        return None
    return {name: sum(each[name] for each in told) / len(told) for name in told[0]}
