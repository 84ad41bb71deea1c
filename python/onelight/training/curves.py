"""Draws the curves of a training and sheets of pictures, as PNG files that are whole at any time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from onelight.errors import RequestError
from onelight.training.files import write_whole

_BACK, _PANEL, _GRID, _TEXT = (24, 24, 26), (32, 32, 35), (58, 58, 62), (200, 200, 205)
_LINES = (
    (240, 170, 60),
    (90, 170, 245),
    (120, 210, 120),
    (235, 110, 110),
    (190, 140, 240),
    (110, 205, 205),
    (225, 225, 140),
    (240, 150, 200),
)
_WIDTH, _PANEL_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1200, 380, 90, 20, 46, 40
_GAP, _CAPTION, _SCALE = 6, 26, 0.45


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a display-referred RGB picture [H, W, 3] (8 bit, or floats 0 to 1) whole."""
    done, data = cv2.imencode(".png", np.ascontiguousarray(_as_bytes(picture)[..., ::-1]))
    if not done:
        raise RequestError(f"{path} cannot be written: no PNG can hold a picture of {picture.shape}.")
    write_whole(path, data.tobytes())


def sheet(images: Sequence[Sequence[np.ndarray]], captions: Sequence[str] = ()) -> np.ndarray:
    """Rows of pictures beside each other as one 8-bit RGB picture, with a caption above each column.

    Pictures are display-referred RGB or grey, 8 bit or floats 0 to 1, of any size: each column is as wide as its
    widest and each row as high as its highest picture.
    """
    rows = [[_as_bytes(image) for image in row] for row in images]
    if not rows or not all(rows):
        raise RequestError("A sheet of no pictures was asked for: at least one row with one picture was expected.")
    columns = max(map(len, rows))
    widths = [max(row[x].shape[1] for row in rows if x < len(row)) for x in range(columns)]
    heights = [max(image.shape[0] for image in row) for row in rows]
    top = _CAPTION if captions else 0
    out = np.empty((top + sum(heights) + _GAP * (len(rows) + 1), sum(widths) + _GAP * (columns + 1), 3), np.uint8)
    out[:] = _BACK
    lefts = np.cumsum([_GAP, *(width + _GAP for width in widths)])
    for caption, left, width in zip(captions, lefts, widths, strict=False):
        _text(out, caption, (int(left), 19), fit=width)
    y = top + _GAP
    for row, height in zip(rows, heights, strict=True):
        for image, left, width in zip(row, lefts, widths, strict=False):
            at_y, at_x = y + (height - image.shape[0]) // 2, left + (width - image.shape[1]) // 2
            out[at_y : at_y + image.shape[0], at_x : at_x + image.shape[1]] = image
        y += height + _GAP
    return out


def draw_curves(history: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """The training losses (logarithmic) and the validation scores over the steps, as an 8-bit RGB picture.

    `history` holds records {"step", loss name: value, ...} and {"step", "validation": {score name: value}}.
    """
    losses: dict[str, list[tuple[float, float]]] = {}
    scores: dict[str, list[tuple[float, float]]] = {}
    for record in history:
        aside = ("step", "validation", "learning rate", "skipped", "gradient norm")
        for name, value in record.items():
            if name not in aside:
                losses.setdefault(name, []).append((record["step"], value))
        for name, value in record.get("validation", {}).items():
            scores.setdefault(name, []).append((record["step"], value))
    last = max((record["step"] for record in history), default=1)
    panels = [_panel("training loss", losses, last, logarithmic=True)]
    panels += [_panel("validation", {name: points}, last) for name, points in scores.items()]
    return np.concatenate(panels)


def _panel(
    title: str, lines: Mapping[str, list[tuple[float, float]]], last: float, logarithmic: bool = False
) -> np.ndarray:
    out = np.empty((_PANEL_HEIGHT, _WIDTH, 3), np.uint8)
    out[:] = _BACK
    right, bottom = _WIDTH - _RIGHT, _PANEL_HEIGHT - _BOTTOM
    out[_TOP:bottom, _LEFT:right] = _PANEL
    drawn = {}
    for name, points in lines.items():
        kept = [(x, y) for x, y in points if math.isfinite(y) and not (logarithmic and y <= 0)]
        drawn[name] = [(x, math.log10(y) if logarithmic else y) for x, y in kept]
    values = [y for points in drawn.values() for _, y in points]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.05 * (high - low) or max(abs(high), 1.0) * 0.05
    low, high = low - margin, high + margin

    def at(x: float, y: float) -> tuple[int, int]:
        across = x / max(last, 1)
        return round(_LEFT + across * (right - _LEFT)), round(bottom - (y - low) / (high - low) * (bottom - _TOP))

    for tick, label in _log_ticks(low, high) if logarithmic else _ticks(low, high):
        _, y = at(0, tick)
        cv2.line(out, (_LEFT, y), (right, y), _GRID)
        _text(out, label, (8, y + 5))
    for tick, label in _ticks(0, max(last, 1)):
        x, _ = at(tick, low)
        cv2.line(out, (x, _TOP), (x, bottom), _GRID)
        _text(out, label, (x - _width(label) // 2, bottom + 20))
    x = _text(out, title, (_LEFT, 20)) + 30
    for (name, points), colour in zip(drawn.items(), _cycled(len(drawn)), strict=True):
        path = np.array([at(*point) for point in points], np.int32).reshape(-1, 1, 2)
        if len(points) > 1:
            cv2.polylines(out, [path], False, colour, 2, cv2.LINE_AA)
        elif points:
            cv2.circle(out, tuple(int(v) for v in path[0, 0]), 3, colour, -1, cv2.LINE_AA)
        label = f"{name} {10 ** points[-1][1] if logarithmic else points[-1][1]:.4g}" if points else name
        x = _text(out, label, (x, 20), colour) + 18
    return out


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round numbers in the range, five or so."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step)
    return [(n * step, f"{n * step:.6g}") for n in range(first, math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """1, 2 and 5 times each power of ten in the range; over many decades the powers alone."""
    digits = (1.0, 2.0, 5.0) if high - low < 4 else (1.0,)
    powers = range(math.floor(low) - 1, math.ceil(high) + 1)
    values = [digit * 10.0**power for power in powers for digit in digits]
    return [(math.log10(value), f"{value:.3g}") for value in values if low <= math.log10(value) <= high]


def _cycled(count: int) -> list[tuple[int, int, int]]:
    return [_LINES[index % len(_LINES)] for index in range(count)]


def _text(
    out: np.ndarray, text: str, at: tuple[int, int], colour: tuple[int, int, int] = _TEXT, fit: int | None = None
) -> int:
    """Write a line whose base begins at `at`, no wider than `fit`; where it ends."""
    scale = _SCALE if fit is None else _SCALE * min(1.0, fit / max(_width(text), 1))
    cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
    return at[0] + _width(text)


def _width(text: str) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _SCALE, 1)[0][0]


def _as_bytes(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3) or not image.size:
        raise RequestError(f"A picture of shape {image.shape} was given: [H, W, 3] or [H, W] was expected.")
    if image.dtype != np.uint8:
        image = np.rint(np.clip(np.nan_to_num(image.astype(np.float32)), 0, 1) * 255).astype(np.uint8)
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
