"""Takes clips into a show: hashed, checked, looked at and catalogued, one transaction a clip, originals only read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.colour import Colour
from onelight.dailies import files, finding, headers, mhl, movies, setups, spans, survey
from onelight.dailies.finding import Found
from onelight.dailies.matching import Papers
from onelight.dailies.rights import Statement
from onelight.errors import ImageError, OnelightError, RequestError
from onelight.shows import journal
from onelight.shows.schema import Clip, Rights
from onelight.shows.store import Show

Progress = Callable[[int, int, str], None]  # clips done, clips in all, which one now


@dataclass(frozen=True)
class Outcome:
    """What became of one clip: new, known, changed (its papers), moved, duplicate or refused; and why, in words."""

    name: str
    path: str
    state: str
    why: str = ""
    clip: int | None = None  # its id in the store


@dataclass
class Report:
    """What became of all of them; `complaints` are sentences on papers that fit nothing and files nobody can read."""

    outcomes: list[Outcome] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def ingest(
    show: Show,
    paths: Iterable[Path],
    rights: Path | None = None,
    editorial: Iterable[Path] = (),
    cdls: Iterable[Path] = (),
    *,
    space: str = "",
    rate: Fraction | None = None,
    progress: Progress = lambda *_: None,
) -> Report:
    """Takes all clips in `paths` into the show; run again it goes on where it was, and changes only what changed.

    `space` (as colour.py names it) and `rate` are for clips whose files do not say, or say wrong. A clip that cannot
    be taken is refused with a sentence, and the others are taken. Raises RequestError or NotFound before any clip is
    touched: no clips, a broken rights, editorial or CDL file; ColourError for an unknown space.
    """
    if space:
        Colour.of(space)
    papers = Papers.read(rights, list(editorial), list(cdls))
    finds = finding.find(paths)
    report = Report()
    for done, found in enumerate(finds.clips):
        progress(done, len(finds.clips), found.name)
        try:
            report.outcomes.append(_take(show, found, papers, space, rate))
        except OnelightError as error:
            report.outcomes.append(Outcome(found.name, found.path, "refused", str(error)))
    progress(len(finds.clips), len(finds.clips), "")
    report.complaints += [
        f"{file} is camera raw: transcode it to EXR with its maker's software first." for file in finds.raw
    ]
    report.complaints += papers.unmatched()
    return report


def _take(show: Show, found: Found, papers: Papers, space: str, rate: Fraction | None) -> Outcome:
    with show.session() as session:
        known = _known(session, found)
    if known is not None:
        _check_unchanged(known, found)
        with show.session() as session:
            return _tell_again(session, session.get_one(Clip, known.id), found, papers)
    listed = {path.name: {**mhl.told(path), "frame": number} for number, path in sorted(found.files.items())}
    digest = files.digest(listed.values())
    with show.session() as session:
        if (same := _same(session, digest, found, listed)) is not None:
            return same
    header = headers.read(found)
    chosen = space or header.space
    seen = survey.look(found, chosen)
    if found.kind == "movie":
        listed[found.files[movies.FIRST].name]["steady"] = seen.steady
    for path in found.files.values():
        files.check(path, listed[path.name], found.name)  # it may still have been copied while it was read
    clip = Clip(
        digest=digest,
        name=found.name,
        path=found.path,
        kind=found.kind,
        first=seen.numbers[0],
        last=seen.numbers[-1],
        width=seen.width,
        height=seen.height,
        rate=str(rate or header.rate),
        space=chosen,
        reel=header.reel,
        timecode=header.timecode,
        camera=header.camera | ({"assumed": list(header.assumed)} if header.assumed and not space else {}),
        files=listed,
        ingested=datetime.now(UTC),
        spans=spans.of(seen, found, chosen),
    )
    if any(one["mhl"] == "none" for one in listed.values()):
        try:
            mhl.write(show.places, digest, Path(found.path).parent, listed)
        except OSError as error:
            raise OnelightError(f"The hash list of '{found.name}' cannot be written: {error.strerror}.") from error
    papers.tell(clip)
    setups.keep(show.places, clip, seen)
    with show.session() as session:
        others = [] if setups.slated(clip.camera) else setups.candidates(session, clip)
    alike = setups.like(show.places.cache, digest, others)
    with show.session() as session:
        if (same := _same(session, digest, found, listed)) is not None:  # another process took it meanwhile
            return same
        statement = papers.statement(clip)
        clip.rights = _rights(session, statement)
        clip.setup = setups.of(session, clip, alike)
        session.add(clip)
        session.flush()
        told = {"digest": digest, "rights": statement.digest if statement else "", "path": found.path}
        journal.record(session, "dailies ingest", found.name, **told)
        return Outcome(found.name, found.path, "new", clip=clip.id)


def _known(session: Session, found: Found) -> Clip | None:
    """The clip that files of these names in this folder were ingested as."""
    folder = str(Path(next(iter(found.files.values()))).parent) + "/"
    names = {path.name for path in found.files.values()}
    rows = session.scalars(select(Clip).where(Clip.path.startswith(folder, autoescape=True), Clip.withdrawn.is_(None)))
    for row in rows:
        if names & row.files.keys() and str(Path(row.path).parent) + "/" == folder:
            return row
    return None


def _check_unchanged(clip: Clip, found: Found) -> None:
    """Raises ImageError where its files changed, or are more or fewer."""
    day = f"{clip.ingested:%Y-%m-%d}"
    if len(found.files) != len(clip.files) or any(path.name not in clip.files for path in found.files.values()):
        raise ImageError(
            f"{found.path} is not as it was ingested on {day} as '{clip.name}' ({len(clip.files)} files then, "
            f"{len(found.files)} now): withdraw that clip first."
        )
    for path in found.files.values():
        try:
            same = files.unchanged(path, clip.files[path.name])
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror}.") from error
        if not same:
            raise ImageError(
                f"{path} changed since it was ingested on {day} as '{clip.name}': withdraw that clip first, or "
                "bring the file back."
            )


def _tell_again(session: Session, clip: Clip, found: Found, papers: Papers) -> Outcome:
    """A clip that is there keeps what it has; rights, events and CDLs that are new to it are added."""
    before = _state(clip)
    papers.tell(clip)
    statement = papers.statement(clip)
    if statement is not None and (clip.rights is None or clip.rights.digest != statement.digest):
        clip.rights = _rights(session, statement)
    if _state(clip) == before:
        return Outcome(clip.name, found.path, "known", clip=clip.id)
    journal.record(
        session, "dailies papers", clip.name, digest=clip.digest, rights=clip.rights.digest if clip.rights else ""
    )
    return Outcome(clip.name, found.path, "changed", "its rights or editorial changed", clip.id)


def _same(session: Session, digest: str, found: Found, listed: dict[str, Any]) -> Outcome | None:
    """What becomes of files that the show knows from elsewhere, bit for bit. Raises RequestError: it was withdrawn."""
    clip = session.scalars(select(Clip).where(Clip.digest == digest)).first()
    if clip is None:
        return None
    if clip.withdrawn is not None:
        raise RequestError(
            f"'{found.name}' is the clip '{clip.name}' that was withdrawn on {clip.withdrawn:%Y-%m-%d} "
            f"({clip.withdrawn_why}): it is not taken again."
        )
    if all((Path(clip.path).parent / name).exists() for name in clip.files):
        return Outcome(found.name, found.path, "duplicate", f"the same files as '{clip.name}' ({clip.path})", clip.id)
    journal.record(session, "dailies move", clip.name, digest=digest, old=clip.path, new=found.path)
    steady = next(iter(clip.files.values())).get("steady")
    clip.path = found.path
    clip.files = {name: one | ({} if steady is None else {"steady": steady}) for name, one in listed.items()}
    return Outcome(clip.name, found.path, "moved", "its files are elsewhere now", clip.id)


def _rights(session: Session, statement: Statement | None) -> Rights | None:
    if statement is None:
        return None
    row = session.scalars(select(Rights).where(Rights.digest == statement.digest)).first()
    return row or Rights(
        digest=statement.digest,
        owner=statement.owner,
        basis=statement.basis,
        purposes=list(statement.purposes),
        expires=statement.expires,
        consents=statement.consents,
        source=statement.source,
    )


def _state(clip: Clip) -> tuple[object, ...]:
    events = sorted((event.source, event.name, event.first, event.last, str(event.cdl)) for event in clip.events)
    return (
        clip.rights.digest if clip.rights else "",
        str(clip.cdl),
        clip.timecode,
        clip.reel,
        str(clip.camera),
        events,
    )
