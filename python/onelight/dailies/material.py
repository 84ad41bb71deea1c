"""What of the dailies may be learnt from: clips whose rights allow it, and the stretches of them that are picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.dailies import rights
from onelight.shows.schema import Clip

if TYPE_CHECKING:
    from onelight.shows.schema import Span

Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels from the top left corner, the last two exclusive
NO_PICTURE = (
    "slate",
    "bars",
    "blank",
    "flash",
    "dissolve",
    "missing",
)  # kinds of span in which no frame is worth learning from
SMALLEST = 0.25  # of the frame's area: a picture that is smaller than that between its burn-ins is not worth it


@dataclass(frozen=True)
class Stretch:
    """Frames `first` to `last` of one shot, and the box of the picture in them."""

    first: int
    last: int
    box: Box


def trainable(session: Session, purpose: str = "training", on: datetime | None = None) -> list[Clip]:
    """The clips that may be used for `purpose` on a day (default: now), in order of name."""
    return [clip for clip, why in _judged(session, purpose, on) if not why]


def refusals(session: Session, purpose: str = "training", on: datetime | None = None) -> list[tuple[Clip, str]]:
    """The other clips, each with the reason in words."""
    return [(clip, why) for clip, why in _judged(session, purpose, on) if why]


def refusal(clip: Clip, purpose: str = "training", on: datetime | None = None) -> str:
    """Why a clip may not be used for `purpose`; empty where it may."""
    on = on or datetime.now(UTC)
    if clip.withdrawn is not None:
        return f"withdrawn: {clip.withdrawn_why}"
    if why := rights.refusal(clip.rights, purpose, on):
        return why
    if not clip.space:
        return "its colour space is unknown (give --space)"
    baked = next((span for span in clip.spans if span.kind == "baked_look"), None)
    if baked is not None:
        return f"a viewing LUT is baked in ({baked.told.get('why', 'found at ingest')})"
    return "" if stretches(clip) else "nothing but slates, bars, flash frames or text in it"


def stretches(clip: Clip) -> list[Stretch]:
    """Its shots less slates, bars and flash frames, with the picture's box inside letterbox and burn-ins."""
    out: list[Stretch] = []
    shots = [(span.first, span.last) for span in clip.spans if span.kind == "shot"] or [(clip.first, clip.last)]
    gaps = sorted((span.first, span.last) for span in clip.spans if span.kind in NO_PICTURE)
    for first, last in shots:
        for begin, end in _less((first, last), gaps):
            box = _box(clip, [span for span in clip.spans if span.first <= end and span.last >= begin])
            if (box[2] - box[0]) * (box[3] - box[1]) >= SMALLEST * clip.width * clip.height:
                out.append(Stretch(begin, end, box))
    return out


def _judged(session: Session, purpose: str, on: datetime | None) -> list[tuple[Clip, str]]:
    clips = session.scalars(select(Clip).order_by(Clip.name, Clip.id)).all()
    return [(clip, refusal(clip, purpose, on)) for clip in clips]


def _less(span: tuple[int, int], gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of a span of frames without the gaps, which are in order."""
    left, begin = [], span[0]
    for first, last in gaps:
        if first > begin:
            left.append((begin, min(first - 1, span[1])))
        begin = max(begin, last + 1)
    left.append((begin, span[1]))
    return [(first, last) for first, last in left if first <= last]


def _box(clip: Clip, spans: list[Span]) -> Box:
    box = (0, 0, clip.width, clip.height)
    for span in spans:
        if span.kind == "letterbox":
            x1, y1, x2, y2 = span.told["box"]
            box = (max(box[0], x1), max(box[1], y1), min(box[2], x2), min(box[3], y2))
    for span in spans:
        for text in span.told["boxes"] if span.kind == "burn_in" else []:
            box = _beside(box, tuple(text))
    return box


def _beside(box: Box, text: Box) -> Box:
    """The largest part of `box` that lies wholly to one side of `text`."""
    x1, y1, x2, y2 = box
    if text[0] >= x2 or text[2] <= x1 or text[1] >= y2 or text[3] <= y1:
        return box
    sides = ((x1, y1, x2, text[1]), (x1, text[3], x2, y2), (x1, y1, text[0], y2), (text[2], y1, x2, y2))
    return max(sides, key=lambda side: max(0, side[2] - side[0]) * max(0, side[3] - side[1]))
