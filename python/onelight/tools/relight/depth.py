"""How deep the estimated surface of a subject is: as deep as makes the paint that is left under it evenest.

A plate is paint times shading. Shading that is read too deep, or is not there at all (a flat thing whose outline looks
round), leaves its mirror image in the paint: so of several depths the one is taken under which the paint, in stops,
varies least. That shading explains what varies broadly is the assumption of Horn 1974 and Barron & Malik 2015. It
holds for a thing; what varies broadly in a set is its paint and its shadows as well, so without a matte nothing is
said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from onelight.tools.relight import light as lit
from onelight.tools.relight.geometry import normalise

GAINS = np.arange(0, 2.01, 0.25)  # on the slopes that were found; Relief multiplies them alike
PULL = 0.05  # how much evener paint has to be, as a share, for a gain that is farther from 1 by 1
LONGEST = 256  # px: broad shading is looked at
RIM = 5  # px beside its outline that do not count
FEWEST = 50  # px: with fewer nothing can be said


def relief(frames: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> float:
    """The value of the Relief knob for a shot, by some of its frames; 1 where too little of a subject is seen.

    Each is what `decompose` made of it with a Relief of 1 under the known present light, and the knobs with that light.
    """
    curves = [curve for made, knobs in frames if (curve := _unevenness(made, knobs)) is not None]
    if not curves:
        return 1.0
    total = np.mean(curves, axis=0) + PULL * np.abs(GAINS - 1)
    return _lowest(total)


def _unevenness(made: Mapping[str, Any], knobs: Mapping[str, Any]) -> np.ndarray | None:
    """The mean deviation of paint in stops under each of `GAINS`, over that under 1; None where too little is seen."""
    stops, matte = made["stops"], made["matte"]
    if matte is None:
        return None
    scale = min(1.0, LONGEST / max(stops.shape))
    size = (max(4, round(stops.shape[1] * scale)), max(4, round(stops.shape[0] * scale)))
    shape = (stops, made["normals"], made["visibility"], made["shadow"])
    stops, normals, openness, shadow = (cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in shape)
    inside = cv2.resize((matte > 0.5).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    inside = cv2.erode(inside.astype(np.uint8), np.ones((RIM, RIM), np.uint8)) > 0
    if np.count_nonzero(inside) < FEWEST:
        return None
    present = lit.present_light(knobs)
    fill = np.float32(present.fill_level) * openness[inside]
    key = np.float32(present.key_level) * (1 - shadow[inside])
    seen, slopes, out = stops[inside], normals[inside], []
    for gain in GAINS:
        turned = normalise(slopes * np.array([gain, gain, 1], np.float32))
        paint = seen - np.log2(fill + key * lit.key_shape(turned, present.key, present.softness))
        out.append(float(np.abs(paint - np.median(paint)).mean()))
    middle = out[int(np.argmin(np.abs(GAINS - 1)))]
    return None if middle < 1e-4 else np.array(out) / middle


def _lowest(curve: np.ndarray) -> float:
    """Where a curve over `GAINS` is lowest, between them too (by a parabola)."""
    at = int(np.argmin(curve))
    if 0 < at < len(curve) - 1:
        before, here, after = curve[at - 1 : at + 2]
        bend = before - 2 * here + after
        if bend > 0:
            return float(GAINS[at] + (before - after) / (2 * bend) * (GAINS[1] - GAINS[0]))
    return float(GAINS[at])
