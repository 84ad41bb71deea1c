"""A show's model versions: which there are, their states, who changed them, and whether they are still what was signed.

A version is a candidate until someone approves it. At most one of a tool is approved; the one before is retired by
that, and can be approved again. Retired versions still run when asked for by name, so that old scripts render as they
did. Every change is an entry of the show's log.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.errors import NotFound, RequestError
from onelight.shows import bundle, journal
from onelight.shows.adding import add
from onelight.shows.bundle import Bundle
from onelight.shows.keeper import states
from onelight.shows.keys import Keys
from onelight.shows.placing import row
from onelight.shows.policy import Policy
from onelight.shows.schema import Clip, Entry, Learnt, ModelVersion
from onelight.shows.store import Show

__all__ = [
    "add",
    "approve",
    "approved",
    "get",
    "history",
    "learnt_from",
    "listed",
    "retire",
    "retire_learnt_from",
    "rollback",
    "states",
    "verify",
]

CANDIDATE, APPROVED, RETIRED = "candidate", "approved", "retired"


def listed(show: Show, tool: str = "") -> list[ModelVersion]:
    """All versions, or those of one tool, by tool and age."""
    wanted = select(ModelVersion).order_by(ModelVersion.tool, ModelVersion.number)
    with show.session() as session:
        return list(session.scalars(wanted.where(ModelVersion.tool == tool) if tool else wanted))


def get(show: Show, tool: str, name: str) -> ModelVersion:
    """The version of that name. Raises NotFound."""
    with show.session() as session:
        return row(session, show, tool, name)


def approved(show: Show, tool: str) -> str:
    """Name of the approved version; empty where there is none."""
    with show.session() as session:
        found = _approved(session, tool)
        return found.name if found else ""


def history(show: Show, tool: str, name: str = "") -> list[Entry]:
    """Entries of the log that speak of a tool's versions, or of one of them, oldest first."""
    with show.session() as session:
        return [entry for entry in _entries(session, tool) if not name or entry.told.get("version") == name]


def verify(show: Show, tool: str, name: str) -> Bundle:
    """Reads a version's every byte. Raises NotFound, or bundle.Altered with the file that is not as it was signed."""
    with show.session() as session:
        return _verified(session, show, row(session, show, tool, name))


def approve(show: Show, tool: str, name: str, why: str = "", who: str = "") -> ModelVersion:
    """Makes a version the one that new nodes get; the one that was is retired.

    Raises RequestError where it learnt from a clip that was withdrawn, or where a reason is needed and none is given:
    a version without a measured gain over its base, a retired one, one whose rights to learn have ended since.
    """
    with show.session() as session:
        version = row(session, show, tool, name)
        if version.state == APPROVED:
            raise RequestError(f"{tool} {name} is the approved version of '{show.name}' already.")
        _approvable(show, version, why)
        checked = _verified(session, show, version)
        _switch(session, version, _approved(session, tool), why, who)
        journal.record(
            session,
            "version approve",
            _subject(version),
            why,
            who,
            **_told(version),
            gain=version.gain,
            signer=checked.signer,
        )
        return version


def retire(show: Show, tool: str, name: str, why: str, who: str = "") -> ModelVersion:
    """Takes a version out of use, but for scripts that name it. Raises RequestError without a reason."""
    if not why.strip():
        raise RequestError(f"Say why {tool} {name} is retired.")
    with show.session() as session:
        version = row(session, show, tool, name)
        if version.state == RETIRED:
            raise RequestError(f"{tool} {name} is retired already.")
        _retire(session, version, why, who)
        return version


def rollback(show: Show, tool: str, why: str, who: str = "") -> ModelVersion:
    """Approves the version again that was approved before the one that is; or the last, where none is any more.

    Raises RequestError without a reason, NotFound where there was none before. Versions that someone retired since, or
    whose clips were withdrawn, are passed over.
    """
    if not why.strip():
        raise RequestError(f"Say why {tool} goes back to an earlier version.")
    with show.session() as session:
        now = _approved(session, tool)
        before = [name for name in _once_approved(session, tool) if now is None or name != now.name]
        candidates = [row(session, show, tool, name) for name in reversed(before)]
        version = next((each for each in candidates if not _withdrawn(each)), None)
        if version is None:
            raise NotFound(f"No version of {tool} was approved before{f' {now.name}' if now else ''} in '{show.name}'.")
        _verified(session, show, version)
        _switch(session, version, now, why, who)
        journal.record(session, "version rollback", _subject(version), why, who, **_told(version))
        return version


def learnt_from(session: Session, clip: Clip) -> list[ModelVersion]:
    """The versions that learnt from a clip, by themselves or through their base."""
    wanted = select(ModelVersion).join(Learnt, Learnt.version_id == ModelVersion.id).where(Learnt.clip_id == clip.id)
    return list(session.scalars(wanted.order_by(ModelVersion.tool, ModelVersion.number)))


def retire_learnt_from(session: Session, clip: Clip, why: str, who: str = "") -> list[ModelVersion]:
    """Retires every version that learnt from a clip, in the transaction that withdraws it; returns all of them."""
    found = learnt_from(session, clip)
    for version in found:
        _retire(session, version, why, who, clip=clip.digest)
    return found


def _approvable(show: Show, version: ModelVersion, why: str) -> None:
    if gone := _withdrawn(version):
        raise RequestError(
            f"{version.tool} {version.name} learnt from {gone[0].name}, which was withdrawn: it cannot be approved."
        )
    reasons = []
    if version.gain != "gain":
        reasons.append("shows no gain over its base" if version.gain == "no gain" else "was not measured")
    if version.state == RETIRED:
        reasons.append("is retired")
    now = datetime.now(UTC)
    if late := [clip for clip in version.clips if clip.rights and clip.rights.expires and clip.rights.expires <= now]:
        reasons.append(f"learnt from {late[0].name}, the rights to which have expired")
    if reasons and not why.strip():
        raise RequestError(
            f"{version.tool} {version.name} {' and '.join(reasons)}: say why it is approved all the same."
        )


def _verified(session: Session, show: Show, version: ModelVersion) -> Bundle:
    what = f"{version.tool} {version.name}"
    folder = show.places.models / version.tool / version.name
    checked = bundle.read(folder, Keys(show).verify, what, Policy.of(show).unsigned_models)
    bundle.check_identity(checked, show.identity, version.tool, version.name, what)
    if checked.digest != version.digest:
        raise bundle.Altered(f"{what} was altered: {bundle.MANIFEST} is another than the one that was entered.")
    return checked


def _switch(session: Session, new: ModelVersion, old: ModelVersion | None, why: str, who: str) -> None:
    if old is not None:
        _retire(
            session,
            old,
            f"{new.name} takes its place: {why}" if why else f"{new.name} takes its place",
            who,
            by=new.name,
        )
    new.state = APPROVED
    session.flush()


def _retire(session: Session, version: ModelVersion, why: str, who: str, **told: str) -> None:
    changed = version.state != RETIRED
    version.state = RETIRED
    session.flush()
    if changed or "clip" in told:  # one that was retired already has lost its way back with the clip
        journal.record(session, "version retire", _subject(version), why, who, **_told(version), **told)


def _approved(session: Session, tool: str) -> ModelVersion | None:
    wanted = select(ModelVersion).where(ModelVersion.tool == tool, ModelVersion.state == APPROVED)
    return session.scalars(wanted).first()


def _once_approved(session: Session, tool: str) -> list[str]:
    """Names of versions in the order in which rollbacks come back to them, the nearest last."""
    names: list[str] = []
    for entry in _entries(session, tool):
        name = entry.told["version"]
        if entry.action == "version approve":
            names.append(name)
        elif entry.action == "version rollback":
            del names[len(names) - names[::-1].index(name) :]
        elif entry.action == "version retire" and "by" not in entry.told:
            names = [each for each in names if each != name]
    return names


def _entries(session: Session, tool: str) -> list[Entry]:
    wanted = select(Entry).where(Entry.subject.startswith(f"{tool}@", autoescape=True)).order_by(Entry.number)
    return [entry for entry in session.scalars(wanted) if entry.action.startswith("version ")]


def _withdrawn(version: ModelVersion) -> list[Clip]:
    return [clip for clip in version.clips if clip.withdrawn is not None]


def _subject(version: ModelVersion) -> str:
    return f"{version.tool}@{version.name}"


def _told(version: ModelVersion) -> dict[str, str]:
    return {"tool": version.tool, "version": version.name, "digest": version.digest}
