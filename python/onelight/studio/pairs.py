"""Artists' pairs for a training: the same frames before and after somebody's work, of clips that may be learnt from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from fileseq.frameset import FrameSet

from onelight.colour import Colour
from onelight.dailies import files, finding, reading, rights
from onelight.dailies.finding import Found
from onelight.dailies.material import Box
from onelight.errors import ImageError, NotFound, RequestError
from onelight.image_output import reason
from onelight.imaging import mend
from onelight.shows.schema import Clip
from onelight.shows.store import Show
from onelight.studio import accepted
from onelight.studio.catalogued import CONTENT, Catalogue, Plate
from onelight.studio.pairfile import Given, Stated

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pair:
    """One pair whose clips, sizes and rights were checked. All files are by frame number; `matte` may be empty."""

    stated: Stated
    name: str
    plate: Plate
    before: Mapping[int, Path]
    after: Mapping[int, Path]
    matte: Mapping[int, Path]
    boxes: Mapping[int, Box]  # the picture in each frame that is learnt from
    others: tuple[Clip, ...]  # what else is behind an accepted result: its other inputs, what its model learnt from
    made_by: str = ""  # the version that made an accepted result: cleanup@v001

    @property
    def clips(self) -> list[Clip]:
        """All clips that somebody who learns from it learns from."""
        return list({clip.digest: clip for clip in (*self.plate.clips, *self.others)}.values())

    @property
    def setups(self) -> set[str]:
        """The set-ups that it shows."""
        return {clip.setup.name if clip.setup else clip.name for clip in self.clips}

    @property
    def frames(self) -> list[int]:
        """Those to learn from."""
        return sorted(self.boxes)


@dataclass(frozen=True)
class Hashed:
    """A pair with the sizes and hashes of its files, by which they are known when they are read."""

    pair: Pair
    after: Mapping[int, dict[str, Any]]
    matte: Mapping[int, dict[str, Any]]

    @property
    def key(self) -> str:
        """SHA-256 of all that it shows: names of what is made of it begin so."""
        sides = (self.pair.plate.told, self.after, self.matte)
        text = " ".join(files.digest(one for _, one in sorted(side.items())) for side in sides)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def told(self) -> dict[str, Any]:
        """For plans and manifests: nothing of where the files lie."""
        pair, stated = self.pair, self.pair.stated.rights
        return {
            "tool": pair.stated.tool,
            "name": pair.name,
            "frames": FrameSet.framesToFrameRange(pair.frames),
            "before": {
                "clips": [clip.digest for clip in pair.plate.clips],
                "known_by": pair.plate.how,
                "digest": files.digest(one for _, one in sorted(pair.plate.told.items())),
            },
            "after": _told(pair.after, self.after),
            "matte": _told(pair.matte, self.matte) if pair.matte else None,
            "also_of": [clip.digest for clip in pair.others],
            "made_by": pair.made_by,
            "rights": {
                "digest": stated.digest,
                "owner": stated.owner,
                "basis": stated.basis,
                "purposes": sorted(stated.purposes),
                "expires": stated.expires.isoformat() if stated.expires else "",
                "consents": sorted(stated.consents),
                "source": stated.source,
            },
        }

    def read(self, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Before and after [H, W, 3], scene-linear ACEScg, and the matte [H, W] in 0..1 if there is one, in the box.

        Raises ImageError where a file is gone, broken, or no longer what it was.
        """
        pair = self.pair
        own = pair.plate.space
        given = pair.stated.space or own
        before = _linear(pair.before[frame], pair.plate.told[frame], own if pair.plate.how == CONTENT else given)
        after = _linear(pair.after[frame], self.after[frame], given)
        x1, y1, x2, y2 = pair.boxes[frame]
        matte = None
        if pair.matte:
            files.check(pair.matte[frame], self.matte[frame], pair.matte[frame].name)
            matte = np.clip(np.nan_to_num(reading.picture(pair.matte[frame])[..., 0]), 0, 1)[y1:y2, x1:x2]
        return before[y1:y2, x1:x2], after[y1:y2, x1:x2], matte


def find(show: Show, given: Given, tool: str) -> list[Pair]:
    """The pairs that teach a tool. Raises RequestError, NotFound or ImageError in a sentence that names the file."""
    catalogue = Catalogue(show)
    return [_found(show, catalogue, stated) for stated in given.of(tool)]


def check_rights(stated: Stated) -> None:
    """Raises RequestError where the rights to what an artist made do not allow to learn from it, or no longer."""
    if why := rights.refusal(stated.rights, "training", datetime.now(UTC)):
        raise RequestError(f"{stated.after} may not be learnt from: {why} ({stated.where}).")


def hashed(pairs: Sequence[Pair], progress: Progress = lambda done, total: None) -> list[Hashed]:
    """Reads the files that no catalogue knows once, whole."""
    out, done = [], 0
    total = sum(len(pair.after) + len(pair.matte) for pair in pairs)
    for pair in pairs:
        kinds: list[dict[int, dict[str, Any]]] = []
        for paths in (pair.after, pair.matte):
            kinds.append({})
            for number, path in sorted(paths.items()):
                kinds[-1][number] = files.told(path)
                done += 1
                progress(done, total)
        out.append(Hashed(pair, *kinds))
    return out


def _found(show: Show, catalogue: Catalogue, stated: Stated) -> Pair:
    check_rights(stated)
    after = _listed(stated.after, stated)
    made = accepted.read(show, after.files, stated) if not stated.before else None
    before = Found("sequence", str(stated.after), after.name, dict(made.plates)) if made else None
    before = before or _listed(stated.before, stated)
    matte = _listed(stated.matte, stated).files if stated.matte else {}
    _check_numbers(stated, before.files, after.files, "after", stated.after)
    if matte:
        _check_numbers(stated, before.files, matte, "matte", stated.matte)
    _check_sizes(before.files, (after.files, matte))
    plate = catalogue.plate(before)
    others = (*catalogue.clips_of(made.others), *made.learnt) if made else ()
    catalogue.check(others, f"{stated.after}: what it was made with")
    boxes = {number: box for number in before.files if (box := plate.box(number)) is not None}
    if not boxes:
        raise RequestError(
            f"{before.path} has nothing to learn from: the catalogue of '{plate.clips[0].name}' has nothing but "
            "slates, flash frames and the like there."
        )
    if not (plate.space or stated.space):
        raise RequestError(f"{before.path}: its colour space is unknown: give 'space' ({stated.where}).")
    return Pair(
        stated, after.name, plate, before.files, after.files, matte, boxes, others, made.version if made else ""
    )


def _listed(text: str, stated: Stated) -> Found:
    """The files of a sequence or of a single picture, and of them the frames that are asked for."""
    finds = finding.find([Path(text)])
    if len(finds.clips) != 1 or finds.clips[0].kind == "movie":
        what = "is a movie" if len(finds.clips) == 1 else f"holds {len(finds.clips)} clips"
        raise RequestError(f"{text} {what}: a pair is of image sequences, name.####.exr, or of single pictures.")
    found = finds.clips[0]
    if not stated.frames:
        return found
    if missing := [number for number in stated.frames if number not in found.files]:
        raise NotFound(f"{text} has no frame {missing[0]}, which is asked for ({stated.where}).")
    return Found(found.kind, found.path, found.name, {number: found.files[number] for number in stated.frames})


def _check_numbers(
    stated: Stated, before: Mapping[int, Path], other: Mapping[int, Path], which: str, path: str
) -> None:
    lacks, more = sorted(set(before) - set(other)), sorted(set(other) - set(before))
    if lacks or more:
        told = f"has no frames {_range(lacks)}, which before has" if lacks else f"has frames {_range(more)} more"
        raise RequestError(
            f"The {which} sequence {path} {told}: frames are paired by number, say which with 'frames' "
            f"({stated.where})."
        )


def _check_sizes(before: Mapping[int, Path], others: Sequence[Mapping[int, Path]]) -> None:
    for number, path in before.items():
        expected = _size(path)
        for other in (files_[number] for files_ in others if files_):
            if (size := _size(other)) != expected:
                raise RequestError(
                    f"{other} is {size[0]} x {size[1]}: {expected[0]} x {expected[1]}, as {path}, was expected."
                )


def _size(path: Path) -> tuple[int, int]:
    """Width and height of a picture's format, without reading its pixels."""
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise ImageError(f"{path} cannot be read as an image: {reason(oiio.geterror)}")
    spec = source.spec()
    source.close()
    return spec.full_width, spec.full_height


def _linear(path: Path, told: Mapping[str, Any], space: str) -> np.ndarray:
    files.check(path, dict(told), path.name)
    return mend(Colour.of(space).to_working(reading.picture(path)))[0]


def _told(paths: Mapping[int, Path], told: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    hashes = {paths[number].name: one[files.WHOLE] for number, one in sorted(told.items())}
    return {"digest": files.digest(one for _, one in sorted(told.items())), files.WHOLE: hashes}


def _range(frames: list[int]) -> str:
    return FrameSet.framesToFrameRange(frames)
