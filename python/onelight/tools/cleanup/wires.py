"""Procedural wires, cables, harness lines and rods, and how they come onto a picture in linear light.

Pictures are scene-linear float32 [H, W, 3]; points [N, 2] are pixels, x right, y down, pixel centres at .5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from scipy.special import erf

from onelight.colour import LUMINANCE
from onelight.tools.cleanup import rigging
from onelight.tools.cleanup.rigging import Look

NARROWEST, WIDEST = 0.5, 24.0  # pixels across
PIXEL = 0.29  # pixels: the standard deviation of a pixel's own box
SHARPEST = 0.05  # pixels: of a lens
SHUTTER = 5  # moments of an open shutter
_AROUND = 12.0  # pixels: the ground against which a wire's contrast is held


@dataclass(frozen=True)
class Wire:
    """One wire. All of it is fixed; `at` says where it hangs at any time, in frames."""

    rest: np.ndarray  # [N, 2] points at rest
    width: float  # across, pixels
    taper: float  # by how much wider it is at its end than at its start, as a share
    look: Look
    defocus: float = 0.0  # standard deviation of the lens, pixels
    swing: tuple[float, float] = (0.0, 0.0)  # pixels, of its middle
    period: float = 24.0  # frames
    phase: float = 0.0
    drift: tuple[float, float] = (0.0, 0.0)  # pixels a frame
    shutter: float = 0.0  # frames it is open
    hidden: tuple[tuple[float, float], ...] = ()  # from, to along it in 0..1: behind something

    @staticmethod
    def draw(
        random: np.random.Generator,
        shape: Sequence[int],
        *,
        width: float | tuple[float, float] | None = None,
        contrast: float = 0.0,
        moves: bool | None = None,
    ) -> Wire:
        """A random wire over a picture of `shape` (height, width).

        `width` in pixels, or a range of them; `contrast` is a share (0.05: 5 %) by which it differs from the ground at
        least, all along; `moves` False hangs still and sharp, True swings or drifts, None does either.
        """
        low, high = (NARROWEST, WIDEST) if width is None else width if isinstance(width, tuple) else (width, width)
        across = float(np.exp(random.uniform(np.log(low), np.log(high))))
        moving = random.random() < 0.6 if moves is None else moves
        swing, drift = np.zeros(2), np.zeros(2)
        if moving:
            swing = random.normal(0, 1, 2) * random.choice([0.5, 2.0, 8.0])
            drift = random.normal(0, 1, 2) * random.choice([0.0, 0.3, 2.0])
        blurred = moving and random.random() < 0.5
        return Wire(
            rest=rigging.course(random, int(shape[0]), int(shape[1]), across),
            width=across,
            taper=float(random.uniform(-0.3, 0.3)) if random.random() < 0.2 else 0.0,
            look=rigging.look(random, across, contrast),
            defocus=float(random.choice([0.0, 0.3, 0.5, random.uniform(0.5, 0.6 + 0.25 * across)])),
            swing=(float(swing[0]), float(swing[1])),
            period=float(random.uniform(8, 48)),
            phase=float(random.uniform(0, 2 * np.pi)),
            drift=(float(drift[0]), float(drift[1])),
            shutter=0.5 if blurred else 0.0,
            hidden=rigging.gaps(random) if random.random() < 0.25 else (),
        )

    def at(self, time: float) -> np.ndarray:
        """Its points [N, 2] at `time`: held at both ends, it swings most in the middle."""
        along = np.linspace(0, 1, len(self.rest))
        swing = np.sin(np.pi * along)[:, None] * np.array(self.swing)
        return self.rest + swing * np.sin(2 * np.pi * time / self.period + self.phase) + np.array(self.drift) * time


class Pasted(NamedTuple):
    """A picture with wires and the truth about them, float32."""

    picture: np.ndarray  # [H, W, 3] linear
    matte: np.ndarray  # [H, W] 0..1: the share of the pixel that wires cover
    width: np.ndarray  # [H, W] pixels across at half of the coverage, lens and shutter included; 0 where there is none
    along: np.ndarray  # [H, W, 2] the tangent's angle a as (cos 2a, sin 2a); 0 where there is none
    stroke: (
        np.ndarray
    )  # [H, W] 0..1: coverage over its highest across the wire, so that thin ones count as wide ones do


def paste(picture: np.ndarray, wires: Sequence[Wire], time: float = 0.0, hiding: np.ndarray | None = None) -> Pasted:
    """Wires over a linear picture, the later in front; `hiding` [H, W] in 0..1 is what stands before all of them.

    Coverage is a strip's, through a Gaussian lens, over pixels as wide as one across the strip: in closed form, so that
    it adds up to the width however thin; and its mean over the open shutter. Deterministic in wires, picture and time.
    """
    height, width = picture.shape[:2]
    out = Pasted(
        picture.astype(np.float32, copy=True),
        *(np.zeros((height, width, *more), np.float32) for more in ((), (), (2,), ())),
    )
    ground = cv2.GaussianBlur(cv2.transform(picture, LUMINANCE[None]), (0, 0), _AROUND / 2)
    mean = float(np.median(ground)) or 1e-6
    for wire in wires:
        moments = time + wire.shutter * (np.arange(SHUTTER) / SHUTTER - 0.5) if wire.shutter > 0 else [time]
        runs = [run for moment in moments if (run := _run(wire, wire.at(float(moment)), height, width)) is not None]
        if not runs:
            continue
        share = np.float32(1 / len(moments))
        covered, light = np.zeros((height, width), np.float32), np.zeros((height, width, 3), np.float32)
        angles = np.zeros((height, width, 2), np.float32)
        for run in runs:
            local = ground[run.where]
            radiance = _shade(wire, run, mean, local)
            covered[run.where] += run.covered * share
            light[run.where] += radiance * (run.covered * share)[:, None]
            angles[run.where] += run.along * (run.covered * share)[:, None]
        if hiding is not None:
            seen = 1 - hiding.astype(np.float32)
            covered, light = covered * seen, light * seen[..., None]
        peak = float(np.mean([run.peak for run in runs])) * min(1.0, _still(wire, time))
        out.picture[:] = out.picture * (1 - covered)[..., None] + light
        front = covered > np.float32(0.02) * peak
        out.matte[:] = 1 - (1 - out.matte) * (1 - covered)
        out.stroke[:] = np.maximum(out.stroke, np.minimum(covered / np.float32(max(peak, 1e-3)), 1))
        length = np.linalg.norm(angles, axis=-1, keepdims=True) + np.float32(1e-6)
        out.along[front] = (angles / length)[front]
        out.width[front] = np.float32(_seen_width(wire, time))
    return out


class _Run(NamedTuple):
    """The pixels near a wire at one moment."""

    where: tuple[np.ndarray, np.ndarray]  # rows, columns
    across: np.ndarray  # -1..1 inside
    distance: np.ndarray  # pixels along it
    covered: np.ndarray
    along: np.ndarray  # [N, 2] (cos 2a, sin 2a)
    peak: float  # the highest coverage across it


def _run(wire: Wire, points: np.ndarray, height: int, width: int) -> _Run | None:
    soft = max(wire.defocus, SHARPEST)
    reach = wire.width * (1 + abs(wire.taper)) / 2 + 3 * soft + 1
    near = (points > -reach).all(axis=1) & (points[:, 0] < width + reach) & (points[:, 1] < height + reach)
    if not near.any():
        return None
    steps = np.diff(points, axis=0)
    distance = np.concatenate([[0], np.cumsum(np.linalg.norm(steps, axis=1))])
    tangents = np.gradient(points, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True) + 1e-9
    # The nearest of the points, by a distance transform over the part of the picture that the wire comes near.
    low = np.maximum(np.floor(points[near].min(axis=0) - reach).astype(np.intp), -int(reach) - 1)
    high = np.minimum(
        np.ceil(points[near].max(axis=0) + reach).astype(np.intp), np.array([width, height]) + int(reach) + 1
    )
    chosen = np.flatnonzero(near)
    cells = np.clip(points[chosen] - low, 0, high - low - 1).astype(np.intp)
    column, row = cells[:, 0], cells[:, 1]
    away = np.full((int(high[1] - low[1]), int(high[0] - low[0])), 255, np.uint8)
    away[row, column] = 0
    far, areas = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.asarray(areas, np.int32)
    point_of = np.zeros(labels.max() + 1, np.intp)
    point_of[labels[row, column]] = chosen
    skipped = np.maximum(-low, 0)
    inside = np.s_[skipped[1] : height - low[1], skipped[0] : width - low[0]]
    rows, columns = np.nonzero(far[inside] <= reach + 1)
    if not len(rows):
        return None
    index = point_of[labels[inside][rows, columns]]
    rows, columns = rows + skipped[1] + low[1], columns + skipped[0] + low[0]
    places = np.stack([columns, rows], axis=1) + 0.5
    aside = places - points[index]
    tangent = tangents[index]
    beside = aside[:, 0] * -tangent[:, 1] + aside[:, 1] * tangent[:, 0]
    beyond = (aside * tangent).sum(axis=1)  # more than a step only past its ends
    part = index / (len(points) - 1)
    half = wire.width / 2 * (1 + wire.taper * (part - 0.5))
    root = np.hypot(PIXEL, soft) * np.sqrt(2)
    covered = _coverage(beside, half, soft)
    place = distance[index] + beyond
    ends = (place < 4 * root) | (place > distance[-1] - 4 * root)
    covered[ends] *= (1 + erf(place[ends] / root)) * (1 + erf((distance[-1] - place[ends]) / root)) / 4
    for first, last in wire.hidden:
        soften = max((last - first) * 0.02, 2 / distance[-1])
        covered *= 1 - np.clip((part - first) / soften, 0, 1) * np.clip((last - part) / soften, 0, 1)
    angle = 2 * np.arctan2(tangent[:, 1], tangent[:, 0])
    return _Run(
        (rows, columns),
        (beside / np.maximum(half, PIXEL)).astype(np.float32),
        place.astype(np.float32),
        covered.astype(np.float32),
        np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32),
        float(_coverage(np.zeros(1), wire.width / 2, soft)[0]),
    )


def _coverage(beside: np.ndarray, half: np.ndarray | float, soft: float) -> np.ndarray:
    """The share of pixels `beside` a strip's middle that it covers, `half` as wide on either side, behind a lens."""

    def ramp(x: np.ndarray) -> np.ndarray:  # the integral of the lens's cumulative distribution
        return x * (0.5 + 0.5 * erf(x / (soft * np.sqrt(2)))) + soft / np.sqrt(2 * np.pi) * np.exp(
            -((x / soft) ** 2) / 2
        )

    reached = [ramp(beside + half + side) - ramp(beside - half + side) for side in (-0.5, 0.5)]
    return np.clip(reached[1] - reached[0], 0, 1)


def _shade(wire: Wire, run: _Run, mean: float, ground: np.ndarray) -> np.ndarray:
    """Linear radiance [N, 3] of the wire's own surface, as far from the ground's level as its look asks for."""
    look = wire.look
    radiance = mean * look.radiance(run.across, run.distance, wire.width)
    if look.contrast <= 0:
        return radiance.astype(np.float32)
    ratio = np.maximum(radiance @ LUMINANCE, 1e-9) / np.maximum(ground, 1e-9)
    inside = run.covered > 0.3 * run.peak
    brighter = float(np.median(np.log(ratio[inside]))) > 0 if inside.any() else False
    least = np.float32(look.contrast)
    gain = np.maximum(1, (1 + least) / ratio) if brighter else np.minimum(1, (1 - least) / ratio)
    return (radiance * gain[:, None]).astype(np.float32)


def _still(wire: Wire, time: float) -> float:
    """By how much the shutter lowers the highest coverage: what it would be over what it is spread to."""
    return 1.0 if wire.shutter <= 0 else wire.width / max(_smeared(wire, time), wire.width)


def _smeared(wire: Wire, time: float) -> float:
    """Pixels across of what the shutter saw of the middle."""
    first, last = (wire.at(time + wire.shutter * side) for side in (-0.5, 0.5))
    middle = len(first) // 2
    tangent = first[min(middle + 1, len(first) - 1)] - first[middle - 1]
    tangent /= np.linalg.norm(tangent) + 1e-9
    moved = last[middle] - first[middle]
    return float(max(wire.width, abs(moved[0] * -tangent[1] + moved[1] * tangent[0])))


def _seen_width(wire: Wire, time: float) -> float:
    return float((_smeared(wire, time) ** 2.5 + (2.355 * np.hypot(PIXEL, wire.defocus)) ** 2.5) ** 0.4)
