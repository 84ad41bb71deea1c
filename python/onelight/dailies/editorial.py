"""Editorial: which frames of which clips were used, from EDL, ALE, AAF, FCP XML and OTIO by OpenTimelineIO."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlparse

import opentimelineio as otio

from onelight.dailies import cdl, metadata, timecode
from onelight.errors import RequestError

ENDINGS = (".edl", ".ale", ".aaf", ".xml", ".fcpxml", ".otio", ".otioz")
EDL_REEL = 8  # characters that a CMX 3600 EDL leaves of a reel's name
NO_REEL = ("AX", "BL", "UNKNOWN")  # an EDL's words for an auxiliary source, for black, for one that is not known


@dataclass(frozen=True)
class Used:
    """One event: `start` is the source timecode as a frame count at the list's rate, `length` in frames."""

    source: Path
    name: str
    reel: str
    names: tuple[str, ...]  # other names that it gives its source: clip, file
    start: int
    offset: int | None  # frames from the beginning of the media, where the list says where that is
    length: int
    describes: bool  # a bin's row, which tells of the whole clip, not of a part that was used
    cdl: dict[str, Any] | None
    camera: dict[str, Any] = field(default_factory=dict)  # what an ALE's columns say, normalised


def read(path: Path, rate: Fraction) -> list[Used]:
    """The picture events of an editorial file whose timecode counts at `rate` (an EDL does not say).

    Raises RequestError naming the file where it is missing, of no known kind or broken.
    """
    return list(_read(path, timecode.nominal(rate)))


def frames(used: Used, names: Iterable[str], reel: str, first: int, last: int, start: int | None) -> range | None:
    """The frames of a clip that an event uses; None where it is not an event of this clip.

    `start`: the count of the clip's timecode at its frame `first`; a clip that has none is taken to begin at 0. The
    event is the clip's where its reel (8 characters of it, as an EDL has them) or else a name is the clip's, and its
    time lies within.
    """
    mine = {plain(name) for name in names if name}
    reels = {plain(reel), *mine} - {""}
    wanted = plain(used.reel) if used.reel.upper() not in NO_REEL else ""
    by_reel = bool(wanted) and any(one == wanted or one[:EDL_REEL] == wanted for one in reels)
    if not by_reel and not mine & {plain(name) for name in used.names}:
        return None
    begin = first + used.start - (start or 0)
    starts = [first] if used.describes and start is None else [begin]
    starts += [first + used.offset] if used.offset is not None and mine & {plain(name) for name in used.names} else []
    for begin in starts:
        if inside := range(max(begin, first), min(begin + used.length - 1, last) + 1):
            return inside
    return None


@cache
def _read(path: Path, rate: float) -> tuple[Used, ...]:
    if path.suffix.lower() not in ENDINGS:
        raise RequestError(f"{path} is no editorial file: one of {', '.join(ENDINGS)} was expected.")
    if not path.is_file():
        raise RequestError(f"The editorial file {path} does not exist.")
    # OpenTimelineIO's adapters read the rate of an EDL or ALE from the caller only.
    settings: dict[str, Any] = {"rate": rate, "ignore_timecode_mismatch": True} if path.suffix.lower() == ".edl" else {}
    if path.suffix.lower() == ".ale":
        settings = {"fps": rate}
    try:
        told = otio.adapters.read_from_file(str(path), **settings)
        return tuple(_used(path, clip) for clip in _clips(told) if clip.source_range or _available(clip))
    except Exception as error:
        # Each adapter raises errors of its own, down to KeyError and those of XML and AAF libraries.
        raise RequestError(f"{path} cannot be read as an editorial file: {str(error).strip().rstrip('.')}.") from error


def _clips(told: Any) -> list[otio.schema.Clip]:
    if isinstance(told, otio.schema.Clip):
        return [told]
    if isinstance(told, otio.schema.SerializableCollection):
        return [clip for child in told for clip in _clips(child)]
    if isinstance(told, otio.schema.Timeline):
        return [clip for track in told.video_tracks() for clip in track.find_clips()]
    return list(told.find_clips()) if hasattr(told, "find_clips") else []


def _used(path: Path, clip: otio.schema.Clip) -> Used:
    span = clip.source_range or _available(clip)
    assert span is not None
    told = clip.metadata
    cmx, ale = dict(told.get("cmx_3600", {})), dict(told.get("ALE", {}))
    aaf = dict(dict(told.get("AAF", {})).get("UserComments", {}))
    tags = {str(name): str(value) for name, value in (ale or aaf).items()}
    camera = metadata.normalised(tags)
    names = [
        clip.name,
        str(ale.get("Name", "")),
        str(ale.get("Source File", "")),
        getattr(clip.media_reference, "name", ""),
    ]
    if isinstance(clip.media_reference, otio.schema.ExternalReference):
        names.append(unquote(urlparse(clip.media_reference.target_url).path))
    for comment in cmx.get("comments", []):
        if found := re.match(r"(?:SOURCE FILE|FROM (?:CLIP(?: NAME)?|FILE))\s*:\s*(.+)", str(comment), re.IGNORECASE):
            names.append(found[1])
    start = span.start_time
    return Used(
        source=path,
        name=clip.name,
        reel=str(cmx.get("reel", "") or camera.get("reel", "")),
        names=tuple(name for name in names if name),
        start=round(start.value),
        offset=round((start - available.start_time).value) if (available := _available(clip)) else None,
        describes=bool(ale),
        length=round(span.duration.rescaled_to(start.rate).value),
        cdl=cdl.of_event(told, path.name),
        camera={name: value for name, value in camera.items() if name not in ("timecode", "clip")},
    )


def _available(clip: otio.schema.Clip) -> Any:
    return clip.media_reference.available_range if clip.media_reference else None


def plain(name: str) -> str:
    """A name without folder, frame number, ending or take in brackets: what lists of different makers share."""
    bare = PureWindowsPath(name.strip()).name.casefold()
    bare = re.sub(r"\.(mov|mxf|mp4|m4v|mkv|avi|exr|dpx|cin|tiff?|png|jpe?g|r3d|ari|arx|braw|aaf)$", "", bare)
    return re.sub(r"[._](?:\d{3,}|#+|%0\d+d|\[[\d-]+\])$", "", bare)
