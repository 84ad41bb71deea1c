"""Clapper boards in the picture and written cards instead of one."""

from __future__ import annotations

import cv2
import numpy as np

from onelight.dailies import text

STRIPES = 4  # bright stripes in a row that make a clapper's stick
SPACING = 0.3  # of their distance: by so much they are spaced unevenly
SIZES = 0.35  # of their area: by so much they differ
CARD = 0.55  # of the frame in one even colour
LINES = 2  # of lettering on a card


def has_board(screen: np.ndarray) -> bool:
    """Whether a picture [h, w, 3] for a screen shows a clapper's stick: bright, even, slanted stripes in a row."""
    grey = np.clip(screen @ np.array([0.2126, 0.7152, 0.0722], np.float32), 0, 1)
    level = cv2.blur(grey, (2 * round(0.06 * len(grey)) + 1,) * 2)
    found: list[tuple[float, float, float, float, float]] = []
    mask = ((grey > level + 0.12) & (grey > 0.3)).astype(np.uint8) * 255
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        area = cv2.contourArea(contour)
        if not 5e-5 * grey.size <= area <= 0.02 * grey.size:
            continue
        corners = cv2.approxPolyDP(contour, 0.06 * cv2.arcLength(contour, True), True)[:, 0].astype(np.float32)
        if len(corners) != 4 or not cv2.isContourConvex(corners) or not _slanted(corners):
            continue
        x, y = corners.mean(axis=0)
        found.append((float(x), float(y), area, *_slant(corners)))
    return _has_row(found)


def is_card(screen: np.ndarray) -> bool:
    """Whether a picture [h, w, 3] for a screen is a written card: lines of lettering on one even ground."""
    grey = np.clip(screen @ np.array([0.2126, 0.7152, 0.0722], np.float32), 0, 1)
    counts, edges = np.histogram(grey, 64, (0, 1))
    ground = float(edges[counts.argmax()]) + 0.5 / 64
    return float((np.abs(grey - ground) < 0.03).mean()) >= CARD and len(text.lines(screen)) >= LINES


def _slant(corners: np.ndarray) -> tuple[float, float]:
    """Direction of the two long sides, as a unit vector that points up."""
    sides = np.roll(corners, -1, axis=0) - corners
    long = sides[np.argmax(np.hypot(*sides.T))]
    long = long / np.hypot(*long)
    return tuple(float(value) for value in (long if long[1] > 0 else -long))  # type: ignore[return-value]


def _slanted(corners: np.ndarray) -> bool:
    """Whether a quadrilateral is a parallelogram that leans: opposite sides alike, corners not square."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*sides.T)
    if lengths.min() < 3 or lengths.max() > 5 * lengths.min():
        return False
    units = sides / lengths[:, None]
    alike = float(units[0] @ units[2]) < -0.93 and float(units[1] @ units[3]) < -0.93
    return alike and 0.2 < abs(float(units[0] @ units[1])) < 0.9


def _has_row(found: list[tuple[float, float, float, float, float]]) -> bool:
    """Whether enough stripes of a size and slant stand evenly spaced on a line that is not their own direction."""
    for x, y, area, dx, dy in found:
        like = [one for one in found if abs(one[2] - area) < SIZES * area and abs(one[3] * dx + one[4] * dy) > 0.95]
        for ox, oy, *_ in like:
            step = np.array([ox - x, oy - y])
            length = float(np.hypot(*step))
            # A stripe stands about as far from the next as it is wide; never on its own direction.
            if not 0.7 * np.sqrt(area) < length < 4 * np.sqrt(area) or abs(step @ (dx, dy)) > 0.9 * length:
                continue
            at, row = np.array([x, y]), 1
            while any(np.hypot(one[0] - (at + step)[0], one[1] - (at + step)[1]) < SPACING * length for one in like):
                at, row = at + step, row + 1
            if row >= STRIPES:
                return True
    return False
