"""Keeps the index of a show's measured looks, and puts the look into a version where its clips still allow it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onelight.errors import NotFound, OnelightError

if TYPE_CHECKING:  # a command line that only prints its help loads no database
    from onelight.shows.store import Show

INDEX = "index.json"  # of looks by key: their file, the digests of the clips that they were measured on, and when
OF_SHOW = "show"  # the key of the whole show's look
PURPOSE = "look"


def index(folder: Path) -> dict[str, Any]:
    """The looks that were measured, by key. Raises OnelightError where the index is damaged."""
    path = folder / INDEX
    if not path.exists():
        return {}
    try:
        return dict(json.loads(read(path)))
    except ValueError as error:
        raise OnelightError(f"{path} cannot be read: {error}.") from error


def read(path: Path) -> bytes:
    """A file's bytes. Raises NotFound."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error


def into(show: Show, staged: Path) -> str:
    """Puts the show's look, where it was measured, into a version's files; the reason where it may not be used.

    It is left out where one of its clips was withdrawn or may not be used for looks any more, and where it is not known
    on which clips it was measured; one that an interrupted call put there is taken away then.
    """
    from onelight.shows.bundle import LOOK
    from onelight.training.files import write_whole

    told = index(show.places.look).get(OF_SHOW)
    file = show.places.look / (told["file"] if told else f"{OF_SHOW}.json")
    why = refusal(show, told["clips"] if told else []) if file.is_file() else ""
    (staged / LOOK).unlink(missing_ok=True)
    if file.is_file() and not why:
        write_whole(staged / LOOK, read(file))
    return why


def refusal(show: Show, clips: list[str]) -> str:
    """Why a look that was measured on clips of these digests may not be used today; empty where it may."""
    from sqlalchemy import select

    from onelight.dailies import material
    from onelight.shows.schema import Clip

    if not clips:
        return "on which clips it was measured is not known"
    with show.session() as session:
        found = {clip.digest: clip for clip in session.scalars(select(Clip).where(Clip.digest.in_(clips)))}
        for digest in clips:
            clip = found.get(digest)
            if clip is None:
                return f"the clip {digest[:12]}, which it was measured on, is not in the catalogue any more"
            if why := material.refusal(clip, PURPOSE):
                return f"the clip {clip.name}, which it was measured on, may not be used for it: {why}"
    return ""
