"""Which frames of a show's clips a look is measured on, and where a show keeps its looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING

from onelight.cli.showing import opened
from onelight.errors import NotFound, RequestError
from onelight.studio.looks import INDEX, read
from onelight.studio.looks import index as index_of

if TYPE_CHECKING:  # a command line that only prints its help loads no database
    import numpy as np

    from onelight.look import Look, Sightings
    from onelight.shows.schema import Clip
    from onelight.shows.store import Show

LEAST = 0.4  # of the frame that has to be left once what is not picture is cut away evenly


def observe(clip: Clip, masks: dict[int, Path], places: int) -> Sightings:
    """What a clip shows at a few places, two frames that follow each other at each; those with masks first."""
    from onelight import look
    from onelight.dailies import material, reading

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        shots = material.stretches(clip)
        for first, last, (x1, y1, x2, y2) in _places(clip, shots, sorted(masks), places):
            for number, frame in enumerate(reading.frames(clip, first, last), first):
                mask = _mask(masks[number]) if number in masks else None
                if mask is not None and mask.shape[:2] != frame.shape[:2]:
                    raise RequestError(f"{masks[number]} is not of the size of the clip '{clip.name}'.")
                yield frame[y1:y2, x1:x2], None if mask is None else mask[y1:y2, x1:x2]

    pictures, mattes = tee(pairs())
    return look.observe((frame for frame, _ in pictures), (mask for _, mask in mattes))


def _places(clip: Clip, shots, masked: list[int], places: int) -> list[tuple[int, int, tuple[int, int, int, int]]]:
    """First and last frame of each pair, and the box of the picture, which stays in the middle of the lens."""
    total = sum(shot.last - shot.first + 1 for shot in shots)
    wanted = [int((n + 0.5) / places * total) for n in range(places)]
    found, begun = [], 0
    for shot in shots:
        length = shot.last - shot.first + 1
        starts = {shot.first + at - begun for at in wanted if begun <= at < begun + length}
        starts |= set([number for number in masked if shot.first <= number <= shot.last][:places])
        begun += length
        box = _central(shot.box, clip.width, clip.height)
        found += [(at, at + 1, box) if at < shot.last else (max(shot.first, at - 1), at, box) for at in sorted(starts)]
    return list(dict.fromkeys(found))


def _central(box: tuple[int, int, int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """The box cut evenly, so that its middle is the lens's; as it is where that would leave too little."""
    across, down = max(box[0], width - box[2]), max(box[1], height - box[3])
    even = (across, down, width - across, height - down)
    return even if (even[2] - even[0]) * (even[3] - even[1]) >= LEAST * width * height else box


def _mask(path: Path) -> np.ndarray:
    import numpy as np

    from onelight.images import read_frame

    frame = read_frame(path, "mask")
    return np.asarray(frame.fitted(frame.format, frame.format), np.float32).max(axis=2)


def masks(given: list[str]) -> dict[str, dict[int, Path]]:
    """CLIP=DIR as the mask of each frame number; the number is the last one in a file's name."""
    out: dict[str, dict[int, Path]] = {}
    for text in given:
        name, sign, folder = text.partition("=")
        if not sign or not Path(folder).is_dir():
            raise RequestError(f"--skin {text}: CLIP=DIR was expected, DIR a folder of mask images named by frame.")
        numbered = ((re.findall(r"\d+", path.stem), path) for path in sorted(Path(folder).iterdir()) if path.is_file())
        out[name] = {int(found[-1]): path for found, path in numbered if found}
        if not out[name]:
            raise RequestError(f"--skin {text}: no file in {folder} has a frame number in its name.")
    return out


def store(show: Show, kind: str, name: str, found: Look, clips: list[Clip]) -> Path:
    """Write the numbers, the page, and from which clips they are; the page's path."""
    from onelight.look import page
    from onelight.shows import journal
    from onelight.training.curves import write_png
    from onelight.training.files import cannot_write, write_json, write_whole

    folder = show.places.look
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    slug = kind if not name else f"{kind}-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-').lower() or 'unnamed'}"
    index = index_of(folder)
    taken = {told["file"] for other, told in index.items() if other != key(kind, name)}
    while f"{slug}.json" in taken:  # two lenses whose names differ by what a file name cannot hold
        slug += "-2"
    picture = folder / f"{slug}.png"
    write_whole(folder / f"{slug}.json", found.to_json().encode())
    write_png(picture, page.draw({f"{show.name}: {key(kind, name)}": found}))
    digests = sorted(clip.digest for clip in clips)
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    index[key(kind, name)] = {"file": f"{slug}.json", "clips": digests, "measured": measured}
    write_json(folder / INDEX, index)
    with show.session() as session:
        journal.record(session, "look measure", key(kind, name), clips=digests)
    return picture


def load(which: str, show: str, root: Path | None) -> tuple[Path, Look, str]:
    """A look by key or file; and a warning where a clip that it was measured from was withdrawn since."""
    from sqlalchemy import select

    from onelight.look import Look
    from onelight.shows.schema import Clip

    if which.endswith(".json"):
        return Path(which), Look.from_json(read(Path(which))), ""
    opened_show = opened(show, root)
    told = index_of(opened_show.places.look).get(which)
    if told is None:
        known = ", ".join(index_of(opened_show.places.look)) or "none yet: run 'onelight look measure'"
        raise NotFound(f"The show '{opened_show.name}' has no look '{which}'; measured are: {known}.")
    with opened_show.session() as session:
        gone = session.scalars(select(Clip).where(Clip.withdrawn.is_not(None), Clip.digest.in_(told["clips"]))).all()
    path = opened_show.places.look / told["file"]
    names = ", ".join(clip.name for clip in gone)
    return (
        path,
        Look.from_json(read(path)),
        f"Withdrawn since it was measured: {names}. Measure again." if gone else "",
    )


def key(kind: str, name: str) -> str:
    return f"{kind}:{name}" if name else kind
