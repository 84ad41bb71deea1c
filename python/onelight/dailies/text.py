"""Lines of lettering that were put over a picture: burnt-in timecode and names, and what is written on a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

Box = tuple[int, int, int, int]  # x1, y1, x2, y2; the last two exclusive
SMALLEST, TALLEST = 0.012, 0.09  # of the frame's height: a letter
STANDS_OUT = 0.22  # of full scale above or below what is around it
FLAT = 0.045  # of full scale: by so much the strokes of one line differ; lettering in the scene is shaded
FEWEST = 5  # letters in a line
BASELINE = 0.16  # of a letter's height: by so much their feet are off a line
ONE_LINE = 2.0  # of a letter's height: what is taller in all looks together moved about
HELD = 0.6  # of the looks at a clip that a burn-in has to be in
STILL = 0.25  # of a letter's height: by so much a burn-in's line may move


@dataclass(frozen=True)
class Line:
    """A line of lettering: its box, how many letters, their height in pixels."""

    box: Box
    letters: int
    height: float


def lines(screen: np.ndarray) -> list[Line]:
    """Lines of level, evenly coloured lettering in a picture [h, w, 3] encoded for a screen, 0..1."""
    grey = np.clip(screen @ np.array([0.2126, 0.7152, 0.0722], np.float32), 0, 1).astype(np.float32)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * round(0.02 * len(grey)) + 1,) * 2)
    found: list[Line] = []
    for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        mask = (cv2.morphologyEx(grey, way, kernel) > STANDS_OUT).astype(np.uint8)
        found += _grouped(grey, mask)
    return found


def burn_ins(samples: Mapping[int, np.ndarray]) -> list[Box]:
    """Boxes of the lines that stand still through a clip, in pixels of the samples: frame number -> [h, w, 3].

    A single look cannot tell a burn-in from a sign in the scene, nor can looks at a locked-off scene that are fewer
    than four: none is found there.
    """
    if len(samples) < 4:
        return []
    each = [lines(picture) for picture in samples.values()]
    tracks: list[list[Line]] = []
    for found in each:
        for line in found:
            for track in tracks:
                if _stands_still(track[-1], line):
                    track.append(line)
                    break
            else:
                tracks.append([line])
    held = [track for track in tracks if len(track) >= HELD * len(samples)]
    boxes = [(_around([line.box for line in track]), track[0].height) for track in held]
    return [box for box, height in boxes if box[3] - box[1] <= ONE_LINE * height]


def _grouped(grey: np.ndarray, mask: np.ndarray) -> list[Line]:
    height = len(grey)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    letters: list[tuple[int, int, int, int, float]] = []
    for index in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[index])
        if not SMALLEST * height <= h <= TALLEST * height or w > 2 * h or area < 0.12 * w * h:
            continue
        inside = grey[y : y + h, x : x + w][labels[y : y + h, x : x + w] == index]
        letters.append((x, y, w, h, float(np.median(inside))))
    letters.sort()
    out: list[Line] = []
    free = set(range(len(letters)))
    for start in range(len(letters)):
        if start not in free:
            continue
        row = [start]
        for other in range(start + 1, len(letters)):
            if other in free and _next_to(letters[row[-1]], letters[other]):
                row.append(other)
        if len(row) >= FEWEST and _is_lettering([letters[index] for index in row]):
            free -= set(row)
            boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in (letters[index] for index in row)]
            out.append(Line(_around(boxes), len(row), float(np.median([letters[index][3] for index in row]))))
    return out


def _next_to(a: tuple[int, int, int, int, float], b: tuple[int, int, int, int, float]) -> bool:
    tall, low = max(a[3], b[3]), min(a[3], b[3])
    feet = abs((a[1] + a[3]) - (b[1] + b[3]))
    return low >= 0.6 * tall and feet <= 0.35 * tall and -0.2 * tall <= b[0] - (a[0] + a[2]) <= 1.6 * tall


def _is_lettering(row: list[tuple[int, int, int, int, float]]) -> bool:
    feet = np.array([y + h for _, y, _, h, _ in row], np.float32)
    heights = np.array([h for _, _, _, h, _ in row], np.float32)
    colours = np.array([colour for *_, colour in row], np.float32)
    level = float(np.median(np.abs(feet - np.median(feet)))) <= BASELINE * float(np.median(heights))
    even = float(np.percentile(colours, 80) - np.percentile(colours, 20)) <= FLAT
    return level and even and float(heights.std()) <= 0.2 * float(heights.mean())


def _stands_still(a: Line, b: Line) -> bool:
    reach = STILL * max(a.height, b.height)
    return abs(a.box[1] - b.box[1]) <= reach and abs(a.box[3] - b.box[3]) <= reach and _overlap(a.box, b.box) >= 0.5


def _overlap(a: Box, b: Box) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    return max(0, across) / max(a[2] - a[0], b[2] - b[0])


def _around(boxes: list[Box]) -> Box:
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
