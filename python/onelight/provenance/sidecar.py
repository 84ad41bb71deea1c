"""The sidecar of a rendered sequence: one signed file beside it, a line for each job and each frame that was made."""

from __future__ import annotations

import re
import socket
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fileseq.frameset import FrameSet
from sqlalchemy import select

from onelight.errors import ImageError, OnelightError, RequestError
from onelight.provenance import chain, shape
from onelight.shows.keys import Keys
from onelight.shows.schema import Entry

if TYPE_CHECKING:
    from onelight.shows.store import Show

SUFFIX = ".onelight.jsonl"
KIND, FORMAT = "onelight sidecar", 1
BASE = "base"
UNSIGNED = "The built-in show 'base' has no key: nothing proves this record, it only says what was done."
_MISSHAPEN = "line {} is not as we write it: '{}' is missing, or of another kind or size"
_EMPTY = "nothing is written in it: it was emptied, or a render was killed"
_FORMS = {"job": shape.JOB, "frame": shape.FRAME}
_FRAME = re.compile(r"[._-]?(?:(?<=[._-])\d+|@+|#+|%0?\d*d)(?=\.[^.]+$)")


def path_for(output: Path) -> Path:
    """Where the sidecar of an output lies, named by a pattern (out.####.exr) or a file: out.exr.onelight.jsonl."""
    return output.with_name(_FRAME.sub("", output.name) + SUFFIX)


@dataclass(frozen=True)
class Maker:
    """Who makes frames and why: a show that is open here, or None for the built-in one, and what the operator says."""

    show: Show | None
    operator: str
    purpose: str
    edit_class: str
    stated: bool = True  # whether the operator chose the edit class, or it was left at the default

    def sign(self, data: bytes) -> bytes:
        """The show's signature. Raises OnelightError where the show has no key."""
        if self.show is None:
            raise OnelightError(UNSIGNED)
        return Keys(self.show).sign(data)

    def verify(self, data: bytes, signature: bytes) -> str:
        """As `Keys.verify`. Raises OnelightError where the show has no key."""
        if self.show is None:
            raise OnelightError(UNSIGNED)
        return Keys(self.show).verify(data, signature)

    @property
    def name(self) -> str:
        """The show's name."""
        return self.show.name if self.show else BASE

    def log(self) -> str:
        """Hash of the last entry of the show's log, so that its end cannot be cut off unnoticed."""
        if self.show is None:
            return ""
        with self.show.reading() as session:
            return session.scalars(select(Entry.hash).order_by(Entry.number.desc()).limit(1)).first() or ""

    def said(self) -> dict[str, Any]:
        """What goes into each record."""
        return {
            "operator": self.operator,
            "purpose": self.purpose,
            "edit_class": self.edit_class,
            "edit_class_stated": self.stated,
        }


class Sidecar:
    """The sidecar of one output, for a job that adds to it."""

    def __init__(self, path: Path, maker: Maker) -> None:
        self.path, self.maker = path, maker
        self._chain = chain.Chain(path, maker.sign if maker.show else None)
        self.job = uuid.uuid4().hex[:12]

    def begin(self, sequence: str, frames: list[int], told: Mapping[str, Any]) -> None:
        """Say what is going to be rendered, so that a frame that never came is missed.

        Raises RequestError where the file is another show's, ImageError where it cannot be written.
        """
        said = {"kind": "job", "job": self.job, "frames": FrameSet.framesToFrameRange(frames), **told}
        said |= {"machine": socket.gethostname(), "at": _now(), "log": self.maker.log(), **self.maker.said()}
        self._check_header()
        self._chain.append(said, lambda: self._header(sequence))

    def record(self, told: Mapping[str, Any]) -> None:
        """Add a frame's line; it is on disk when this returns."""
        said = {"kind": "frame", "job": self.job, "at": _now(), **told, **self.maker.said()}
        self._chain.append(said, lambda: self._header(str(told["file"])))

    def _check_header(self) -> None:
        lines = chain.read(self.path, None) if self.path.exists() else []
        if not any(line.whole for line in lines):  # a process was killed while it began the file
            return
        header = lines[0].told
        if header.get("kind") != KIND:
            raise RequestError(f"{self.path} is no sidecar that could be added to: its first line is damaged.")
        if header.get("identity") != (self.maker.show.identity if self.maker.show else ""):
            raise RequestError(
                f"{self.path} speaks of frames that the show '{header.get('show')}' made: render '{self.maker.name}' "
                "elsewhere, or remove it with those frames."
            )

    def _header(self, sequence: str) -> dict[str, Any]:
        show = self.maker.show
        told = {
            "kind": KIND,
            "format": FORMAT,
            "sequence": sequence,
            "show": self.maker.name,
            "identity": show.identity if show else "",
            "signed": show is not None,
            "by": f"Onelight {metadata.version('onelight')}",
            "at": _now(),
        }
        if show is None:
            return told | {"unsigned_because": UNSIGNED}
        keys = Keys(show)
        return told | {"key": keys.fingerprint, "public_key": keys.public_pem.decode()}


@dataclass(frozen=True)
class Account:
    """What a sidecar says: its header, its jobs, the last record of each file, and what is wrong with its lines."""

    path: Path
    header: dict[str, Any]
    jobs: list[dict[str, Any]] = field(default_factory=list)
    frames: dict[str, dict[str, Any]] = field(default_factory=dict)  # by file name
    problems: list[str] = field(default_factory=list)
    keys: frozenset[str] = frozenset()  # fingerprints of what signed it

    @property
    def signed(self) -> bool:
        """Whether every line is signed by a key that was checked."""
        return bool(self.keys) and not self.problems

    def expected(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every frame that a job was to make, with the job."""
        for job in self.jobs:
            for frame in FrameSet(job["frames"]) if job["frames"] else ():
                yield int(frame), job

    def made(self) -> set[int]:
        """The frames there is a record of."""
        return {int(record["frame"]) for record in self.frames.values()}


def read(path: Path, verify: chain.Verify | None) -> Account:
    """Reads a sidecar; problems of its lines are told, not raised. ImageError where it is none or cannot be read.

    With `verify` every line has to be signed, unless the header says that the built-in show made it.
    """
    lines = chain.read(path, verify)
    if not lines:  # a process may be killed between making the file and its first line
        return Account(path, {}, problems=[_EMPTY])
    header, problems = lines[0].told, [line.problem for line in lines if line.problem]
    if not lines[0].problem and header.get("kind") != KIND:
        raise ImageError(f"{path} is no sidecar: its first line should say '{KIND}'")
    if not lines[0].problem and header.get("format") != FORMAT:
        raise ImageError(f"{path} was written by a newer Onelight (format {header.get('format')}): update this one")
    if bad := shape.wrong(header, shape.HEADER):
        header = {}
        problems += [] if lines[0].problem else [_MISSHAPEN.format(1, bad)]
    must = bool(header.get("signed", True))
    jobs, frames = [], {}
    for line in lines:
        if line.problem:
            continue
        if must and "signature" not in line.told:
            problems.append(f"line {line.number} has no signature")
        kind = line.told.get("kind")
        form = _FORMS.get(kind) if isinstance(kind, str) else None
        if form and (bad := shape.wrong(line.told, form)):
            problems.append(_MISSHAPEN.format(line.number, bad))
        elif kind == "job":
            jobs.append(line.told)
        elif kind == "frame":
            frames[line.told["file"]] = line.told
        elif line.number > 1:
            problems.append(f"line {line.number} is of a kind we do not write")
    return Account(path, header, jobs, frames, problems, frozenset(line.key for line in lines if line.key))


def find(file: Path, verify: chain.Verify | None = None) -> Account | None:
    """The sidecar in the file's folder that has a record of it, that of its own name first; or None."""
    own = path_for(file)
    others = sorted(each for each in file.parent.glob(f"*{SUFFIX}") if each != own)
    first: Account | None = None
    for path in [own, *others]:
        if not path.is_file():
            continue
        try:
            account = read(path, verify)
        except ImageError:
            if path == own:
                raise
            continue
        if file.name in account.frames:
            return account
        first = first or (account if path == own else None)
    return first


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
