"""Puts a trained model into its show as the next version: whole and signed, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.errors import NotFound, RequestError
from onelight.registry import BASE, Version
from onelight.shows import bundle, placing
from onelight.shows.schema import Clip, ModelVersion
from onelight.shows.store import Show

PURPOSE = "training"


def add(
    show: Show,
    tool: str,
    folder: Path,
    *,
    gain: str,
    metrics: Any,
    manifest: Mapping[str, Any],
    clips: Iterable[Clip],
    base: Version | None,
    scored: Iterable[Clip] = (),
    who: str = "",
) -> ModelVersion:
    """Makes the finished version in `folder` (as training.export writes one, of any name) the show's next candidate.

    `gain` says how it stands beside its base ("gain", "no gain", "not measured"), `metrics` by how much, `manifest`
    how it was made (code, settings, seeds). What the base learnt from, this one did too; it was `scored` on clips that
    were held out. `folder` stays; the same files learnt from the same clips are one version, and so is what one run
    made, so that a call that was interrupted can be repeated.
    Raises RequestError where a clip may not be learnt from (any more) or a file cannot be part of a version.
    """
    if gain not in bundle.GAINS:
        raise RequestError(f"The gain of a version is one of {', '.join(bundle.GAINS)}; it was given as {gain!r}.")
    asked = list(dict.fromkeys(clip.digest for clip in clips))
    told = {"gain": gain, "metrics": bundle.plain(metrics), "training": bundle.plain(manifest), "base": _of(base)}
    with show.session() as session:
        learnt = [(clip, "") for clip in _clips(session, asked)]
        if base is not None and base.show == show.name:
            known = {clip.digest for clip, _ in learnt}
            found = placing.row(session, show, tool, base.name)
            learnt += [(clip, base.name) for clip in found.clips if clip.digest not in known]
        for clip, through in learnt:
            if not through or clip.withdrawn is not None:  # what was learnt while it was allowed stays learnt
                check_rights(clip)
        told["clips"] = [_clip(clip, through) for clip, through in learnt]
        told["scored"] = [_clip(clip, "") for clip in _clips(session, [clip.digest for clip in scored])]

        def filled(part: Path, name: str) -> None:
            _fill(part, folder, tool, name)

        return placing.place(session, show, tool, filled, told, [clip for clip, _ in learnt], "version add", who)


def check_rights(clip: Clip) -> None:
    """Raises RequestError where the clip may not be learnt from, or not any more."""
    rights = clip.rights
    if clip.withdrawn is not None:
        raise RequestError(f"The clip {clip.name} was withdrawn ({clip.withdrawn_why}): train again without it.")
    if rights is None or PURPOSE not in rights.purposes:
        raise RequestError(f"The clip {clip.name} has no rights that allow {PURPOSE}: train again without it.")
    now = datetime.now(UTC)
    if rights.expires is not None and rights.expires <= now:
        raise RequestError(
            f"The rights to the clip {clip.name} expired on {rights.expires:%Y-%m-%d}: train without it."
        )
    for performer, consent in sorted(rights.consents.items()):
        until = consent.get("expires")
        if PURPOSE not in consent.get("scope", []) or (until and until <= f"{now:%Y-%m-%d}"):
            raise RequestError(f"{performer} does not consent to {PURPOSE} (any more): train without {clip.name}.")


def _clips(session: Session, digests: Sequence[str]) -> list[Clip]:
    found = {clip.digest: clip for clip in session.scalars(select(Clip).where(Clip.digest.in_(digests)))}
    if missing := [digest for digest in digests if digest not in found]:
        raise NotFound(f"The show has no clip {missing[0][:12]}, which the version is said to have learnt from.")
    return [found[digest] for digest in digests]


def _clip(clip: Clip, through: str) -> dict[str, Any]:
    told = {"digest": clip.digest, "name": clip.name, "rights": clip.rights.digest if clip.rights else ""}
    return told | ({"through": through} if through else {})


def _of(base: Version | None) -> dict[str, str] | None:
    return None if base is None else {"show": base.show or BASE, "version": base.name, "digest": base.digest}


def _fill(part: Path, folder: Path, tool: str, name: str) -> None:
    bundle.gather(folder, part)
    if (given := placing.rename(part, name)) != tool:
        raise RequestError(f"{folder} is a version of {given!r}, not of {tool!r}.")
