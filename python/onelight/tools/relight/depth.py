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

from onelight.stages import Context
from onelight.tools.relight import light as lit
from onelight.tools.relight import network
from onelight.tools.relight.geometry import normalise
from onelight.tools.relight.knobs import SH_NAMES

GAINS = np.arange(0, 2.01, 0.25)  # on the slopes that were found
PULL = 0.05  # how much evener paint has to be, as a share, for a gain that is farther from 1 by 1
LONGEST = 256  # px: broad shading is looked at
RIM = 5  # px beside its outline that do not count
FEWEST = 50  # px: with fewer nothing can be said
DARKEST, BRIGHTEST = -5.5, 12.0  # stops about the middle: beyond them there is noise or an overflow
EVEN = 0.01  # stops: paint that varies less is even
LEAST = 1e-3  # of full light: where none arrives nothing is divided by it


def can_tell(context: Context) -> bool:
    """Whether there is a network, a Matte that says what the subject is, and no Normals that overrule what is found."""
    return network.known(context.session) and context.clip("Matte") is not None and context.clip("Normals") is None


def of_subject(frames: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> float:
    """The value of the knob Subject relief for a shot, by some of its frames; 1 where too little of a subject is seen.

    Each is what `decompose` made of it with the knobs of relief at 1, and the knobs with the present light.
    """
    curves = [curve for made, knobs in frames if (curve := _unevenness(made, knobs)) is not None]
    if not curves:
        return 1.0
    return _lowest(np.mean(curves, axis=0) + PULL * np.abs(GAINS - 1))


def _unevenness(made: Mapping[str, Any], knobs: Mapping[str, Any]) -> np.ndarray | None:
    """The mean deviation of paint in stops under each of `GAINS`, over that under 1; None where too little is seen."""
    matte = made["matte"]
    if matte is None:
        return None
    scale = min(1.0, LONGEST / max(matte.shape))
    size = (max(4, round(matte.shape[1] * scale)), max(4, round(matte.shape[0] * scale)))
    shape = (made["stops"], made["normals"], made["visibility"], made["shadow"], (matte > 0.5).astype(np.float32))
    stops, normals, openness, shadow, inside = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in shape)
    inner = cv2.erode((inside > 0.99).astype(np.uint8), np.ones((RIM, RIM), np.uint8)) > 0
    inner &= (stops > DARKEST) & (stops < BRIGHTEST)
    if np.count_nonzero(inner) < FEWEST:
        return None
    present, weights = lit.present_light(knobs), np.array([knobs[f"present_fill_{name}"] for name in SH_NAMES])
    seen, found, opened, reached = stops[inner], normals[inner], openness[inner], 1 - shadow[inner]
    out = []
    for gain in GAINS:
        turned = normalise(found * np.array([gain, gain, 1], np.float32))
        fill = np.float32(present.fill_level) * lit.fill_shape(lit.harmonics(turned), weights) * opened**gain
        key = np.float32(present.key_level) * lit.key_shape(turned, present.key, present.softness) * reached
        paint = seen - np.log2(np.maximum(fill + key, LEAST))
        out.append(float(np.abs(paint - np.median(paint)).mean()))
    middle = out[int(np.argmin(np.abs(GAINS - 1)))]
    return np.array(out) / max(middle, EVEN) if np.isfinite(out).all() else None


def _lowest(curve: np.ndarray) -> float:
    """Where a curve over `GAINS` is lowest, between them too (by a parabola)."""
    at = int(np.argmin(curve))
    if 0 < at < len(curve) - 1:
        before, here, after = curve[at - 1 : at + 2]
        bend = before - 2 * here + after
        if bend > 0:
            return float(GAINS[at] + (before - after) / (2 * bend) * (GAINS[1] - GAINS[0]))
    return float(GAINS[at])
