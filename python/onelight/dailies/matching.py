"""Ties clips to what came with them: editorial events, CDLs, rights statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from onelight.dailies import cdl, editorial, rights, timecode
from onelight.dailies.editorial import Used
from onelight.errors import RequestError
from onelight.shows.schema import Clip, Event

COMMON = tuple(Fraction(*rate) for rate in ((24, 1), (25, 1), (30, 1), (24000, 1001), (30000, 1001), (50, 1), (60, 1)))


@dataclass
class Papers:
    """What was given beside the clips; `used` collects the lists and CDL files that found a clip."""

    statements: list[rights.Statement] = field(default_factory=list)
    lists: list[Path] = field(default_factory=list)
    cdls: dict[str, dict[str, Any]] = field(default_factory=dict)
    used: set[object] = field(default_factory=set)

    @classmethod
    def read(cls, rights_file: Path | None, lists: list[Path], cdls: list[Path]) -> Papers:
        """Reads all of them before any clip is touched. Raises RequestError naming the file that is wrong."""
        papers = cls(rights.load(rights_file) if rights_file else [], lists)
        for path in lists:
            _readable(path)
        for path in cdls:
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                if file.suffix.lower() in (".cc", ".ccc", ".cdl") or not path.is_dir():
                    found = cdl.load(file)
                    # A file of one correction is commonly named after its clip, whatever its id.
                    papers.cdls |= {file.stem: next(iter(found.values()))} if len(found) == 1 else found
        return papers

    def statement(self, clip: Clip) -> rights.Statement | None:
        """What is stated of the clip, by its name, reel or file."""
        return rights.of(self.statements, (clip.name, clip.reel, Path(clip.path).name, _folder(clip)))

    def tell(self, clip: Clip) -> None:
        """Gives a clip its events, and from them or the CDL files its CDL, timecode and camera where it had none."""
        told = {editorial.plain(name): one for name, one in self.cdls.items()}
        names = [clip.name, Path(clip.path).name, str(clip.camera.get("clip", ""))]
        found: list[Event] = []
        rate = Fraction(clip.rate)
        for path in self.lists:
            for used in _events(path, rate):
                start = timecode.count(clip.timecode, rate)
                inside = editorial.frames(used, names, clip.reel, clip.first, clip.last, start)
                if inside is None:
                    continue
                self.used.add(path)
                if used.describes:
                    clip.camera = {**used.camera, **clip.camera}
                    clip.reel = clip.reel or used.reel
                    clip.timecode = clip.timecode or timecode.text(used.start, rate)
                    clip.cdl = clip.cdl or used.cdl
                found.append(Event(source=path.name, name=used.name, first=inside[0], last=inside[-1], cdl=used.cdl))
        for name in (*names, clip.reel, *(event.name for event in found)):
            if (one := told.get(editorial.plain(name))) is not None:
                clip.cdl = one
                self.used.add(one["source"])
        clip.cdl = clip.cdl or next((event.cdl for event in found if event.cdl), None)
        given = {path.name for path in self.lists}
        others = [event for event in clip.events if event.source not in given]
        if _told(clip.events) != _told(others + found):
            clip.events = others + found

    def unmatched(self) -> list[str]:
        """Sentences on the lists and CDL files of which nothing found its clip."""
        out = []
        for path in self.lists:
            if path not in self.used:
                names = sorted({used.reel or used.name for used in _readable(path)})
                shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
                out.append(f"Nothing in {path} is of these clips: its reels or names are {shown or 'none'}.")
        for source in sorted({one["source"] for one in self.cdls.values()} - self.used):  # type: ignore[type-var]
            out.append(f"Nothing in {source} is for these clips: a CDL's id is the clip's or the event's name.")
        return out


def _events(path: Path, rate: Fraction) -> list[Used]:
    try:
        return editorial.read(path, rate)
    except RequestError:  # it can be read at another rate, or it would have been refused at the beginning
        return []


def _readable(path: Path) -> list[Used]:
    """The events at whichever common rate the list can be read: one with frame 24 in a timecode is not at 24."""
    first: RequestError | None = None
    for rate in COMMON:
        try:
            return editorial.read(path, rate)
        except RequestError as error:
            first = first or error
    raise first or RequestError(f"{path} cannot be read.")


def _told(events: list[Event]) -> list[tuple[str, str, int, int, str]]:
    return sorted((event.source, event.name, event.first, event.last, str(event.cdl)) for event in events)


def _folder(clip: Clip) -> str:
    return Path(clip.path).parent.name
