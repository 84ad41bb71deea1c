"""Walks from the model version that made a frame to its manifest, and from there to every clip that it learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.dailies import files
from onelight.errors import OnelightError
from onelight.registry import BASE, LARGEST_JSON, Registry, read_file
from onelight.shows import bundle, versions
from onelight.shows.keys import BadSignature, Keys
from onelight.shows.schema import Clip
from onelight.shows.store import Show
from onelight.tools import discover


@dataclass(frozen=True)
class Learnt:
    """One clip that a model learnt from, as its manifest says, with what the show's catalogue says of it now."""

    name: str
    digest: str
    rights: str  # digest of the rights statement; empty: there was none
    owner: str = ""
    note: str = ""  # withdrawn, rights expired, not in the catalogue


@dataclass(frozen=True)
class Origin:
    """What is behind a model: every byte of it checked, or the problems found."""

    model: str  # apollo/cleanup@v003
    base: str = ""
    signer: str = ""  # fingerprint of the key that signed the version
    clips: list[Learnt] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def origin(tool: str, model: Mapping[str, Any], show: Show | None, originals: bool = False) -> Origin:
    """The origin of the model that a record names (show, version, digest); `show` is the one open here, if any.

    With `originals` the files of every clip are read again, whole, and held against what was hashed at ingest.
    """
    name = f"{model['show']}/{tool}@{model['version']}"
    if model["show"] == BASE:
        return _built_in(tool, model, name)
    if show is None:
        return Origin(name, notes=[f"{name} was not walked further: the show is not here"])
    try:
        if wrong := _manifest_problem(show, tool, str(model["version"]), name):
            return Origin(name, problems=[wrong])
        checked = versions.verify(show, tool, str(model["version"]))
    except OnelightError as error:
        return Origin(name, problems=[str(error)])
    problems = []
    if checked.digest != model["digest"]:
        problems.append(f"{name} is not the version that made this: its digest is {checked.digest[:12]} now, not "
                        f"{str(model['digest'])[:12]}")  # fmt: skip
    base = checked.manifest.get("base")
    based = f"{base['show']}/{tool}@{base['version']}" if base else ""
    with show.reading() as session:
        walked = [_learnt(session, entry, originals) for entry in checked.manifest["clips"]]
    clips = [clip for clip, _ in walked]
    problems += [f"clip {clip.name}: {problem}" for clip, wrong in walked for problem in wrong]
    notes = [f"clip {clip.name}: {clip.note}" for clip in clips if clip.note]
    return Origin(name, based, checked.signer, clips, problems, notes)


def _manifest_problem(show: Show, tool: str, version: str, name: str) -> str:
    """Whether the manifest by itself is what the show signed: the other files are told apart by what it says."""
    folder = show.places.models / tool / versions.get(show, tool, version).name
    try:
        manifest, signature = (read_file(folder / each, LARGEST_JSON) for each in (bundle.MANIFEST, bundle.SIGNATURE))
    except OSError:
        return ""  # versions.verify names what is missing
    try:
        Keys(show).verify(manifest, signature)
    except BadSignature:
        return f"{name}: its {bundle.MANIFEST}, or the signature of it ({bundle.SIGNATURE}), was changed"
    return ""


def _built_in(tool: str, model: Mapping[str, Any], name: str) -> Origin:
    notes = ["built-in models learnt from rendered scenes (the soundstage) alone: no clip is behind them"]
    try:
        here = Registry(discover()).find(BASE, tool, str(model["version"])).digest
    except OnelightError as error:
        return Origin(name, notes=[*notes, f"it is not part of this release ({error})"])
    if here != model["digest"]:
        return Origin(name, problems=[f"{name} of this release is not the one that made this"])
    return Origin(name, notes=notes)


def _learnt(session: Session, entry: Mapping[str, Any], originals: bool) -> tuple[Learnt, list[str]]:
    """A clip of a manifest with what the catalogue says of it, and what of it is not as it was."""
    told = Learnt(str(entry["name"]), str(entry["digest"]), str(entry.get("rights", "")))
    clip = session.scalars(select(Clip).where(Clip.digest == told.digest)).first()
    if clip is None:
        return replace(told, note="is not in the show's catalogue any more"), []
    problems = []
    if files.digest(clip.files.values()) != clip.digest:
        problems.append("its hashes in the show's catalogue were changed")
    note = ""
    if clip.withdrawn is not None:
        note = f"was withdrawn on {clip.withdrawn:%Y-%m-%d} ({clip.withdrawn_why})"
    elif (clip.rights.digest if clip.rights else "") != told.rights:
        note = "stands under another rights statement now"
    if originals:
        absent, wrong = _originals(clip)
        problems += wrong
        note = note or (f"{absent} of its {len(clip.files)} files are not here" if absent else "")
    return replace(told, owner=clip.rights.owner if clip.rights else "", note=note), problems


def _originals(clip: Clip) -> tuple[int, list[str]]:
    """How many of a clip's files are not where they were, and which of the others were changed."""
    absent, wrong = 0, []
    for name, told in clip.files.items():
        path = Path(clip.path).parent / name
        if not path.is_file():
            absent += 1
        elif files.told(path)[files.WHOLE] != told[files.WHOLE]:
            wrong.append(f"its file {name} was changed since it was ingested")
    return absent, wrong
