"""Which clips are of one set-up, a camera position and its light: by slate where there is one, else by the picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from onelight.dailies import material
from onelight.dailies.survey import Survey
from onelight.shows import files
from onelight.shows.places import Places
from onelight.shows.schema import Clip, Setup
from onelight.shows.store import written
from onelight.temporal.cuts import same_shot

FOLDER = "dailies"  # in the show's cache: what clips look like, small


def slated(camera: dict[str, Any]) -> str:
    """The set-up that slate and scene name, with the camera's letter, as '19A' or '19A/B'; empty without either."""
    name = "-".join(str(camera[part]).strip() for part in ("scene", "slate") if str(camera.get(part, "")).strip())
    unit = str(camera.get("unit", "")).strip()
    return f"{name}/{unit}" if name and unit else name


def keep(places: Places, clip: Clip, seen: Survey) -> None:
    """Keeps what the clip looks like where its picture begins, half-way and ends, for clips that come later.

    Raises OnelightError where the disk refuses, or the show was deleted meanwhile.
    """
    shown = [(one.first, one.last) for one in material.stretches(clip)]
    inside = [at for at, number in enumerate(seen.numbers) if any(first <= number <= last for first, last in shown)]
    if not inside:  # bars and slates are alike in all clips, whatever follows them
        return
    picked = sorted({inside[0], inside[len(inside) // 2], inside[-1]})
    path = places.cache / FOLDER / f"{clip.digest}.npy"
    with written(path):
        files.below(places.folder, places.cache.name, FOLDER)
        np.save(path, np.stack([seen.small[at] for at in picked]))


def like(cache: Path, digest: str, others: Iterable[Clip]) -> Clip | None:
    """The first of the others whose picture shows the same scene; those without a kept picture are passed over."""
    mine = _kept(cache, digest)
    for other in others:
        theirs = _kept(cache, other.digest)
        if any(same_shot(a, b) for a in mine for b in theirs if a.shape == b.shape):
            return other
    return None


def of(session: Session, clip: Clip, alike: Clip | None) -> Setup:
    """The set-up of a clip, made where it is the first of it; within the caller's transaction."""
    name = slated(clip.camera)
    if not name and alike is not None and alike.setup_id is not None:
        found = session.get(Setup, alike.setup_id)
        if found is not None:
            return found
    if name:
        found = session.scalars(select(Setup).where(Setup.name == name)).first()
        return found or Setup(name=name, told={"by": "slate"})
    number = (session.scalar(select(func.max(Setup.id))) or 0) + 1
    told = {"by": "picture", "first": clip.name, "lens": clip.camera.get("lens", ""), "reel": clip.reel}
    return Setup(name=f"setup {number:03d}", told=told)


def candidates(session: Session, clip: Clip) -> list[Clip]:
    """Clips that could be of the clip's set-up: of its reel, lens and size, in the order in which they came."""
    rows = session.scalars(
        select(Clip)
        .where(Clip.reel == clip.reel, Clip.width == clip.width, Clip.height == clip.height)
        .order_by(Clip.id)
    )
    return [row for row in rows if row.camera.get("lens") == clip.camera.get("lens") and not slated(row.camera)]


def _kept(cache: Path, digest: str) -> list[np.ndarray]:
    try:
        return [picture.astype(np.float32) for picture in np.load(cache / FOLDER / f"{digest}.npy", allow_pickle=False)]
    except (OSError, ValueError):  # the cache may be emptied, or hold half a file after a power cut
        return []
