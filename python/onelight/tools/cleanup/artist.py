"""What Cleanup learns from an artist's before and after: wires that somebody took out, and all that was left in.

Pictures are linear [H, W, 3]. What an artist changed is wire where it is long and narrow. Of whatever else was changed
(a logo, a patch, a grade), and of the rim of what was found, nothing is taught.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from onelight.temporal import encode
from onelight.temporal.grain import Grain
from onelight.tools.cleanup import detect, pairs, ridge
from onelight.tools.cleanup.wires import WIDEST

DIFFERS = 0.02  # of the light around: what is changed by less is no wire that anybody would see
SURE, MAYBE = 5.0, 3.0  # deviations of the difference's grain: what begins a wire, and what it goes on with
SOFT = 0.7  # pixels: by so much the difference is smoothed before it is held against grain
TOUCHED = 1.5  # times as rough as the difference is elsewhere: the artist was there
ROUNDING = 2.0**-9  # of the light around: what half floats and a way through another colour space change
BROAD = 8.0  # pixels: means over so many have no grain
PEAK, HALF = 11, 0.35  # pixels around a place in which it is held against the most that is changed; and that share
FEWEST = 24  # pixels of a wire
LONG = 4.0  # times as long as wide
SPREAD = 7  # pixels around a place by which it is told whether the artist was there
FIELDS = ("before", "after", "stroke", "width", "along", "weight")
WIDTHS = (3, 3, 1, 1, 2, 1)  # channels of each
MOST_CHANGED = 0.5  # of a picture
Arrays = Mapping[str, np.ndarray]
Random = np.random.Generator


def marked(before: np.ndarray, after: np.ndarray, matte: np.ndarray | None = None) -> np.ndarray:
    """The channels of FIELDS, float32 [H, W, 11]: both pictures over the middle level, and the truth about wires.

    `stroke` is 1 on wires, `width` in pixels, `along` the tangent as (cos 2a, sin 2a), `weight` 0 where nothing is to
    be taught. `matte` [H, W] in 0..1 says which of the changes were wires; without one their form does.
    """
    level = encode.middle(before)
    before, after = (np.clip(picture / np.float32(level), 0, 6e4).astype(np.float32) for picture in (before, after))
    found, touched = changed(before, after)
    wire = found if matte is None else found & (cv2.dilate(matte, np.ones((3, 3), np.uint8)) > 0.5)
    wire, width = _wires(wire)
    along = _along(wire, width) * wire[..., None]
    beside = cv2.dilate(wire.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    other = touched | found | (False if matte is None else matte > 0.02)
    weight = wire | ~(beside | cv2.dilate(other.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool))
    parts = (before, after, wire, width, along, weight)
    return np.dstack([np.asarray(part, np.float32) for part in parts])


def share(fields: np.ndarray) -> float:
    """The share of a picture that was changed on a scale on which grain is nothing, of `marked`."""
    before, after = _part(fields, "before"), _part(fields, "after")
    light = np.maximum(cv2.GaussianBlur(encode.luminance(after), (0, 0), BROAD), np.float32(1e-3))
    apart = np.abs(cv2.GaussianBlur(before - after, (0, 0), BROAD)).max(axis=-1)
    return float((apart > DIFFERS * light).mean())


def wires(fields: np.ndarray) -> np.ndarray:
    """Where wires were taken out [H, W], of `marked`."""
    return _part(fields, "stroke")[..., 0] > 0


def changed(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where `after` differs from `before` beyond grain, and wherever the artist was, [H, W] each, bool.

    A patch that was put in has grain of its own, so that it differs by grain of both. What differs all over (a picture
    that was denoised, regrained or compressed) is not the artist's: its usual strength is that of the whole frame.
    """
    light = np.maximum(cv2.GaussianBlur(encode.luminance(after), (0, 0), 4.0), np.float32(1e-3))
    apart = cv2.GaussianBlur(before - after, (0, 0), SOFT)
    relative = np.abs(apart).max(axis=-1) / light
    usual = float(np.median(relative))
    bright = encode.luminance(after)
    grain = Grain.measure([before])
    fresh = grain.field(bright.shape, 1, bright)
    kept = cv2.GaussianBlur(fresh, (0, 0), SOFT).std() / max(float(fresh.std()), 1e-12)
    noise = (grain.strength(bright) * np.float32(kept * 2**0.5)).max(axis=-1) / light
    noise = np.nan_to_num(np.maximum(noise, np.float32(1.5 * usual)))
    high, low = (relative > np.maximum(limit * noise, DIFFERS * limit / SURE) for limit in (SURE, MAYBE))
    found = _connected(cv2.morphologyEx(low.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), high)
    squared = cv2.blur(np.square(np.abs(before - after).max(axis=-1) / light), (SPREAD, SPREAD))
    rough = np.sqrt(np.maximum(squared, 0))
    # A lens spreads a wire: it is as wide as where half of it is seen.
    peak = cv2.dilate(relative * found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (PEAK, PEAK)))
    tight = (found & (relative > HALF * peak)).astype(np.uint8)
    tight = cv2.morphologyEx(tight, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0
    return found & tight, found | (rough > np.maximum(TOUCHED * float(np.median(rough)), ROUNDING))


def _connected(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The connected places of `low` that hold some of `high`."""
    count, areas = cv2.connectedComponents(low, connectivity=8)
    labels = np.asarray(areas, np.int32)
    held = np.zeros(count, bool)
    held[np.unique(labels[high & (low > 0)])] = True
    held[0] = False
    return held[labels]


def _wires(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of what was changed that which is long and narrow [H, W], and how wide it is there, in pixels (else 0)."""
    count, numbered, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    labels = np.asarray(numbered, np.int32)
    inside = cv2.distanceTransform(found.astype(np.uint8), cv2.DIST_L2, 5)
    middle = found & (inside >= cv2.dilate(inside, np.ones((3, 3), np.uint8)) - 0.01)
    kept = np.zeros(count, bool)
    for label in range(1, count):
        area = int(stats[label, cv2.CC_STAT_AREA])
        x, y, w, h = (int(stats[label, name]) for name in (
            cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT))  # fmt: skip
        own = (labels[y : y + h, x : x + w] == label) & middle[y : y + h, x : x + w]
        across = 2 * float(np.median(inside[y : y + h, x : x + w][own])) - 1
        kept[label] = area >= FEWEST and across <= WIDEST and area >= LONG * max(across, 1.0) ** 2
    wire = kept[labels]
    if not wire.any():
        return wire, np.zeros(found.shape, np.float32)
    # Every pixel is as wide as the nearest middle says.
    seeds = np.where(middle & wire, 0, 255).astype(np.uint8)
    _, areas = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    areas = np.asarray(areas, np.int32)
    across = np.zeros(int(areas.max()) + 1, np.float32)
    across[areas[seeds == 0]] = 2 * inside[seeds == 0] - 1
    return wire, np.maximum(across[areas], 1) * wire


def _along(wire: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The tangent [H, W, 2] as (cos 2a, sin 2a): across a strip its edges have their gradients (structure tensor)."""
    smooth = cv2.GaussianBlur(wire.astype(np.float32), (0, 0), 1.0)
    dx, dy = cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1)
    out = np.zeros((*wire.shape, 2), np.float32)
    for reach, chosen in ((4.0, width <= 8), (16.0, width > 8)):
        twice = np.dstack([cv2.GaussianBlur(part, (0, 0), reach) for part in (dx * dx - dy * dy, 2 * dx * dy)])
        # The gradient's doubled angle, turned by twice a right angle.
        out[chosen] = (-twice / np.maximum(np.linalg.norm(twice, axis=-1, keepdims=True), 1e-12))[chosen]
    return out


def kept(fields: np.ndarray) -> dict[str, np.ndarray]:
    """What a training keeps of a crop of `marked`: its channels by name."""
    return {name: np.asarray(_part(fields, name), np.float32) for name in FIELDS}


def _part(fields: np.ndarray, name: str) -> np.ndarray:
    first = sum(WIDTHS[: FIELDS.index(name)])
    return fields[..., first : first + WIDTHS[FIELDS.index(name)]]


def lesson(crops: Arrays, random: Random, crop: int, native: float) -> dict[str, np.ndarray]:
    """One of the crops as `pairs.sample` makes them of rendered grounds: turned, mirrored, at the network's size.

    `native` is the share that is as the camera saw it; the rest is seen smaller, as in a proxy.
    """
    row, size = int(random.integers(len(crops["before"]))), crops["before"].shape[1]
    side = crop if random.random() < native else int(random.integers(crop, size + 1))
    top, left = random.integers(0, size - side + 1, 2)
    quarters, mirrored = int(random.integers(4)), random.random() < 0.5
    made = {}
    for name in FIELDS:
        part = np.rot90(crops[name][row, top : top + side, left : left + side], quarters)
        part = np.ascontiguousarray(part[:, :: -1 if mirrored else 1], np.float32)
        if side != crop:
            part = cv2.resize(part, (crop, crop), interpolation=cv2.INTER_AREA).reshape(crop, crop, -1)
        made[name] = part
    sign = np.array([1, -1 if mirrored else 1], np.float32) * np.float32(-1 if quarters % 2 else 1)
    stroke = made["stroke"]
    # What lies outside of a wire has neither width nor tangent: means over areas are of the wire's share alone.
    across = made["width"] / np.maximum(stroke, 1e-3) * np.float32(crop / side)
    along = made["along"] * sign
    along /= np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-6)
    before, after = (np.maximum(made[name], 1e-4) for name in ("before", "after"))
    level = encode.middle(after) * 2.0 ** random.normal(0, 0.7)
    stops, clean = (ridge.stops_of(picture, level) for picture in (before, after))
    return {
        "picture": detect.coded(before, level),
        "hand": detect.hand(stops),
        "motion": detect.motion(pairs.residual(stops, clean, random), stops.shape),
        "stroke": stroke,
        "width": np.log2(np.maximum(across, 0.25)),
        "along": along * (stroke > 0.02),
        "weight": (made["weight"] > 0.99).astype(np.float32),
    }
