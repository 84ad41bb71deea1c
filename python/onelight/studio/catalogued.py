"""Which clips of a show's catalogue a sequence of files is: by what is in the files, else by reel and timecode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import select

from onelight.dailies import files, headers, material, timecode
from onelight.dailies.finding import Found
from onelight.dailies.material import Box
from onelight.errors import ImageError, RequestError
from onelight.shows.schema import Clip
from onelight.shows.store import Show

CONTENT, TIMECODE = "content", "reel and timecode"


@dataclass(frozen=True)
class Plate:
    """Files of catalogued clips: more than one where several show the same footage.

    `frames` are the clip's own frame numbers by those of the sequence; `told` are sizes and hashes of the files.
    """

    clips: tuple[Clip, ...]
    how: str  # CONTENT | TIMECODE
    space: str  # colour space of the files: the clip's, or what their own header says; empty: unknown
    frames: Mapping[int, int]
    told: Mapping[int, dict[str, Any]]

    def box(self, frame: int) -> Box | None:
        """The picture in a frame of the sequence; None where the catalogue has a slate, a flash or a gap there."""
        clip, number = self.clips[0], self.frames[frame]
        for stretch in material.stretches(clip):
            if stretch.first <= number <= stretch.last:
                # Borders and lettering of the dailies are not those of a plate that was made anew from the camera's.
                return stretch.box if self.how == CONTENT else (0, 0, 1 << 30, 1 << 30)
        return None


class Catalogue:
    """The clips of a show as they were when this was made, withdrawn ones too."""

    def __init__(self, show: Show) -> None:
        with show.session() as session:
            self._clips = list(session.scalars(select(Clip).order_by(Clip.name, Clip.id)))
        self._known: dict[tuple[int, str], list[tuple[Clip, dict[str, Any]]]] = {}
        for clip in self._clips:
            for told in clip.files.values() if clip.kind != "movie" else ():
                self._known.setdefault((told["size"], told["quick"]), []).append((clip, told))

    def plate(self, found: Found) -> Plate:
        """What the files of a sequence are. RequestError where they are of no clip, or of one not to learn from."""
        plate = self._by_content(found) or self._by_timecode(found)
        if plate is None:
            path = found.files[found.first]
            if clip := self._once(path):
                raise RequestError(f"{path} is not the file that was ingested as '{clip.name}': bring that one back.")
            raise RequestError(
                f"{path} is of no clip that '{found.name}' could be learnt from by: ingest it with its rights first, "
                "or name a plate whose files, or whose reel and timecode, the catalogue has."
            )
        self.check(plate.clips, str(found.files[found.first]))
        return plate

    def clips_of(self, paths: Iterable[Path]) -> tuple[Clip, ...]:
        """The clips that loose files are of. RequestError where one is of none, or of one not to learn from."""
        clips: dict[str, Clip] = {}
        for path in paths:
            of_file = [clip for clip, _ in self._same(path)]
            if not of_file:
                raise RequestError(f"{path} is of no clip of the catalogue: what went into a result has to be, too.")
            self.check(of_file, str(path))
            clips |= {clip.digest: clip for clip in of_file}
        return tuple(clips.values())

    @staticmethod
    def check(clips: Sequence[Clip], what: str) -> None:
        """Raises RequestError where one of the clips may not be learnt from."""
        for clip in clips:
            if why := material.refusal(clip):
                raise RequestError(f"{what} is of the clip '{clip.name}', which may not be learnt from: {why}.")

    def _by_content(self, found: Found) -> Plate | None:
        every = {number: self._same(path) for number, path in found.files.items()}
        if not any(every.values()):
            return None
        for number, same in every.items():
            if not same:
                raise RequestError(
                    f"{found.files[number]} is of no clip of the catalogue, and other frames of its sequence are of "
                    f"'{next(one for one in every.values() if one)[0][0].name}': learn from those alone ('frames')."
                )
        first = [clip for clip, _ in every[found.first]]
        shared = [clip for clip in first if all(any(clip is other for other, _ in same) for same in every.values())]
        if not shared:
            raise RequestError(f"{found.path} is put together from several clips: give each a pair of its own.")
        told = {number: next(one for clip, one in same if clip is shared[0]) for number, same in every.items()}
        # A clip that has a part of the files only shows the same footage as well: its withdrawal counts, too.
        all_of_them = {clip.digest: clip for clip in shared}
        all_of_them |= {clip.digest: clip for same in every.values() for clip, _ in same}
        frames = {number: int(one["frame"]) for number, one in told.items()}
        return Plate(tuple(all_of_them.values()), CONTENT, shared[0].space, frames, told)

    def _same(self, path: Path) -> list[tuple[Clip, dict[str, Any]]]:
        """The catalogue's files that this is one of, where it lies or as a copy elsewhere."""
        try:
            size = path.stat().st_size
            known = self._known.get((size, files.quick(path, size)), [])
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror}.") from error
        if not known or any(path == Path(clip.path).parent / path.name for clip, _ in known):
            return known
        whole = files.told(path)[files.WHOLE]
        return [(clip, told) for clip, told in known if told[files.WHOLE] == whole]

    def _by_timecode(self, found: Found) -> Plate | None:
        """Of a plate that was conformed or transcoded: its first and last frames say reel and timecode."""
        header = headers.read(found)
        if not header.reel or not header.timecode:
            return None
        clips, numbers = [], {}
        for clip in self._clips:
            rate = Fraction(clip.rate)
            begins, at = timecode.count(clip.timecode, rate), timecode.count(header.timecode, rate)
            if clip.reel.casefold() != header.reel.casefold() or begins is None or at is None:
                continue
            offset = clip.first + at - begins - found.first
            if clip.first <= found.first + offset and found.last + offset <= clip.last:
                self._check_end(found, at, rate)
                numbers = numbers or {number: number + offset for number in found.files}
                clips.append(clip)
        if not clips:
            return None
        told = {number: files.told(path) for number, path in found.files.items()}
        return Plate(tuple(clips), TIMECODE, header.space, numbers, told)

    def _check_end(self, found: Found, at: int, rate: Fraction) -> None:
        path = found.files[found.last]
        said = headers.read(Found("still", str(path), found.name, {found.last: path})).timecode
        if timecode.count(said, rate) != at + found.last - found.first:
            raise RequestError(
                f"{path} says timecode {said or 'none'}, which does not go on from frame {found.first}: a plate that "
                "was retimed, or cut together, cannot be told by its timecode."
            )

    def _once(self, path: Path) -> Clip | None:
        here = [clip for clip in self._clips if path.parent == Path(clip.path).parent and path.name in clip.files]
        return here[0] if here else None
