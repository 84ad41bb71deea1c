"""What the sidecar of an accepted result says that a training has to know: its plates, and what else is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelight.errors import NotFound, OnelightError, RequestError
from onelight.provenance import digests, sidecar
from onelight.registry import BASE
from onelight.shows import versions
from onelight.shows.keys import Keys
from onelight.shows.schema import Clip
from onelight.shows.store import Show
from onelight.spec import RESULT, SOURCE
from onelight.studio.pairfile import Stated
from onelight.tools import discover


@dataclass(frozen=True)
class Made:
    """`plates` are by frame number; `others` are pictures of other frames or clean plates that went into it."""

    plates: Mapping[int, Path]
    others: tuple[Path, ...]
    learnt: tuple[Clip, ...]  # what the version that made it learnt from
    version: str  # cleanup@v001


def read(show: Show, files: Mapping[int, Path], stated: Stated) -> Made:
    """What a result was made of. RequestError where this show did not sign for just these files, by this tool."""
    first = files[min(files)]
    account = sidecar.find(first, Keys(show).verify)
    if account is None:
        raise RequestError(
            f"{first} has no sidecar beside it that says what it was made of: render with --sidecar, record what is "
            "there with --sidecar --adopt, or give 'before' and 'after'."
        )
    if account.problems or not account.signed or account.header.get("identity") != show.identity:
        why = account.problems[0] if account.problems else f"'{account.header.get('show')}' made it"
        raise RequestError(f"{account.path} is not what '{show.name}' signed: {why}.")
    plates: dict[int, Path] = {}
    others: dict[Path, None] = {}
    models: set[tuple[str, str]] = set()
    pictures = {clip.name for clip in discover()[stated.tool].clips if not (clip.data or clip.mask)}
    checked: dict[tuple[str, str], Path] = {}  # a neighbour went into many frames, and is read once
    for number, path in sorted(files.items()):
        record = account.frames.get(path.name)
        if record is None:
            raise RequestError(f"{path} has no record in {account.path.name}: it cannot be learnt from.")
        _check(record, path, account.path, stated.tool)
        for told in record["inputs"]:
            if told["clip"] in pictures:
                file = checked.get((told["file"], told["sha256"])) or _input(path.parent, told)
                checked[told["file"], told["sha256"]] = file
                if (told["clip"], told.get("offset")) == (SOURCE.name, 0):
                    plates[number] = file
                else:
                    others[file] = None
        if number not in plates:
            raise RequestError(f"{path}: its record in {account.path.name} names no plate.")
        if (model := record["model"]) and model["show"] != BASE:
            models.add((model["version"], model["digest"]))
    learnt, names = _learnt(show, stated, models)
    return Made(plates, tuple(others), learnt, names)


def _check(record: Mapping[str, Any], path: Path, by: Path, tool: str) -> None:
    if (made := record["tool"]["id"]) != tool:
        raise RequestError(f"{path} was made by {made}, as {by.name} has it: it does not teach {tool}.")
    if record.get("output", RESULT.name) != RESULT.name:
        raise RequestError(f"{path} is the pass '{record['output']}', not a result that could be learnt from.")
    if digests.of_file(path)[0] != record["result"]["sha256"]:
        raise RequestError(f"{path} was changed since {by.name} recorded it: give 'before' and 'after' instead.")


def _input(folder: Path, told: Mapping[str, Any]) -> Path:
    file = (folder / told["file"]).resolve()
    if not file.is_file():
        raise NotFound(f"{file} is not there any more: {folder} was made of it.")
    if digests.of_file(file)[0] != told["sha256"]:
        raise RequestError(f"{file} is another file than the one that went into {folder}.")
    return file


def _learnt(show: Show, stated: Stated, models: set[tuple[str, str]]) -> tuple[tuple[Clip, ...], str]:
    clips: dict[str, Clip] = {}
    for name, digest in sorted(models):
        try:
            version = versions.get(show, stated.tool, name)
        except OnelightError as error:
            raise RequestError(f"{stated.after} was made by {stated.tool}@{name}, which is gone: {error}") from error
        if version.digest != digest:
            raise RequestError(f"{stated.after} was made by another {stated.tool}@{name} than '{show.name}' has.")
        clips |= {clip.digest: clip for clip in version.clips}
    return tuple(clips.values()), ", ".join(f"{stated.tool}@{name}" for name, _ in sorted(models))
