"""A contact sheet of a show's dailies: a row a clip with frames of it, its spans, and why it is kept out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from onelight.colour import Colour
from onelight.dailies import baked, material, reading
from onelight.errors import ImageError, NotFound, OnelightError
from onelight.shows.schema import Clip
from onelight.temporal.encode import middle, shrink

TILE, ACROSS = (224, 126), 5  # pixels of a frame; frames of a clip
CAPTION, STRIP, GAP = 34, 8, 10
GROUND, INK = (26, 26, 26), (215, 215, 215)  # R, G, B
GREY = 0.18  # to where a frame's middle is exposed
COLOURS = {
    "shot": (70, 130, 90),
    "slate": (230, 180, 40),
    "bars": (200, 60, 200),
    "blank": (90, 90, 90),
    "flash": (255, 255, 255),
    "dissolve": (130, 160, 255),
    "missing": (220, 50, 50),
    "letterbox": (60, 150, 230),
    "burn_in": (240, 110, 40),
}  # of the strip below the frames, and of the boxes in them
REFUSED = (235, 110, 90)


def write(clips: Sequence[Clip], path: Path, progress: Callable[[int, int, str], None] = lambda *_: None) -> Path:
    """Writes the sheet as a PNG (or by another ending that OpenCV knows), whole or not at all.

    Raises NotFound without clips, ImageError where the picture cannot be written. A clip that cannot be read any more
    has its row, with the reason.
    """
    if not clips:
        raise NotFound("There are no clips to draw: ingest some first.")
    rows = []
    for done, clip in enumerate(clips):
        progress(done, len(clips), clip.name)
        rows.append(_row(clip))
    sheet = np.concatenate([_legend(rows[0].shape[1]), *rows], 0)
    part = path.with_name(f".{path.stem}.part{path.suffix or '.png'}")
    try:
        done = cv2.imwrite(str(part), sheet[..., ::-1])
    except cv2.error:
        done = False
    if not done:
        part.unlink(missing_ok=True)
        raise ImageError(f"{path} cannot be written as a picture: is the folder there, and the ending .png or .jpg?")
    part.replace(path)
    return path


def _row(clip: Clip) -> np.ndarray:
    refused = material.refusal(clip)
    width, height = TILE
    row = np.full((CAPTION + height + STRIP + GAP, ACROSS * width, 3), GROUND, np.uint8)
    kinds = ", ".join(sorted({span.kind for span in clip.spans} - {"shot"}))
    shots = sum(span.kind == "shot" for span in clip.spans)
    setup = clip.setup.name if clip.setup else ""
    size = f"{clip.width} x {clip.height}"
    head = (clip.name, size, f"{clip.first}-{clip.last}", clip.timecode, clip.space, setup)
    _write(row, "   ".join(part for part in head if part), 4, 13, INK)
    told = f"{shots} shot{'s' * (shots != 1)}" + (f", {kinds}" if kinds else "")
    _write(
        row, f"{told}   {'NOT TRAINED ON: ' + refused if refused else 'trained on'}", 4, 28, REFUSED if refused else INK
    )
    try:
        for index, number in enumerate(_picked(clip)):
            row[CAPTION : CAPTION + height, index * width : (index + 1) * width] = _tile(clip, number)
    except OnelightError as error:
        _write(row, str(error)[:150], 4, CAPTION + 20, REFUSED)
    _draw_strip(row[CAPTION + height : CAPTION + height + STRIP], clip)
    return row


def _picked(clip: Clip) -> list[int]:
    """Frames spread over the clip, moved off those that are missing; what is kept out is shown too."""
    there = list(range(clip.first, clip.last + 1)) if clip.kind == "movie" else sorted(reading.numbered(clip))
    count = min(ACROSS, len(there))
    return [there[round((index + 0.5) * len(there) / count - 0.5)] for index in range(count)]


def _tile(clip: Clip, number: int) -> np.ndarray:
    encoded = next(reading.coded(clip, number, number))
    if clip.space and clip.space not in baked.DISPLAY:
        encoded = Colour.of("srgb").encode(_exposed(Colour.of(clip.space).to_working(encoded)))
    picture = np.round(np.clip(np.nan_to_num(encoded), 0, 1) * 255).astype(np.uint8)
    width, height = TILE
    scale = min((width - 4) / picture.shape[1], (height - 4) / picture.shape[0])
    for span in clip.spans:
        if span.first <= number <= span.last and span.kind in ("letterbox", "burn_in"):
            boxes = span.told["boxes"] if span.kind == "burn_in" else [span.told["box"]]
            for x1, y1, x2, y2 in boxes:
                thick = max(1, round(1.5 / scale))
                cv2.rectangle(picture, (x1, y1), (x2 - 1, y2 - 1), COLOURS[span.kind], thick)
    small = shrink(picture, max(4, round(max(picture.shape[:2]) * scale)))
    tile = np.full((height, width, 3), GROUND, np.uint8)
    y, x = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    tile[y : y + small.shape[0], x : x + small.shape[1]] = small
    out = next((s.kind for s in clip.spans if s.kind in material.NO_PICTURE and s.first <= number <= s.last), None)
    if out is not None:
        cv2.rectangle(tile, (0, 0), (width - 1, height - 1), COLOURS[out], 3)
    _write(tile, f"{number}" + (f" {out}" if out else ""), 6, height - 6, (255, 255, 255))
    return tile


def _exposed(linear: np.ndarray) -> np.ndarray:
    """By no more than three stops either way: a night stays a night."""
    return linear * np.float32(np.clip(GREY / max(middle(linear), 1e-6), 1 / 8, 8))


def _draw_strip(strip: np.ndarray, clip: Clip) -> None:
    """The clip from left to right, its shots parted by a line, what is kept out above them."""
    width, count = strip.shape[1], clip.last - clip.first + 1
    for kind in ("shot", *material.NO_PICTURE):
        for span in (span for span in clip.spans if span.kind == kind):
            x1 = round((span.first - clip.first) / count * width)
            x2 = max(x1 + 2, round((span.last + 1 - clip.first) / count * width))
            strip[1:, x1 + (kind == "shot" and x1 > 0) : x2] = COLOURS[kind]


def _legend(width: int) -> np.ndarray:
    legend = np.full((20, width, 3), GROUND, np.uint8)
    x = 4
    for kind, colour in COLOURS.items():
        legend[6:14, x : x + 10] = colour
        _write(legend, kind.replace("_", "-"), x + 14, 14, INK)
        x += 104
    return legend


def _write(picture: np.ndarray, words: str, x: int, y: int, colour: tuple[int, int, int]) -> None:
    plain = words.encode("ascii", "replace").decode()  # OpenCV's letters know no others
    cv2.putText(picture, plain, (x + 1, y + 1), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(picture, plain, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
