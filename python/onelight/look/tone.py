"""Where the light of a clip lies: percentiles of luminance in stops from middle grey, over frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onelight.look.numbers import WIDTH, Curve, Untold, plain, resampled
from onelight.temporal.encode import luminance

GREY = 0.18  # scene-linear middle grey
PERCENTILES = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
DARKEST, BRIGHTEST, STEP = -14.0, 14.0, 1 / 16  # stops from grey, and the bins in which they are counted
SAMPLES = 200_000  # pixels of a frame that are counted
FEW = 6  # pixels at the top of their channel: every picture has a highest pixel of each
TYPICAL = 0.5  # stops by which others may differ where only one or two were seen


@dataclass(frozen=True)
class Tone:
    """`stops`: percentile -> stops from middle grey. `black`, `clipped`: share of pixels at or below 0, at a top.

    A top is the highest value of a channel. `profile` is the share of pixels in each half stop from `DARKEST` up.
    """

    stops: Curve
    black: float
    clipped: float
    profile: tuple[float, ...]

    @property
    def contrast(self) -> float:
        """Stops between the 5th and the 95th percentile."""
        return self.stops.read(95) - self.stops.read(5)


@dataclass(frozen=True)
class Seen:
    """One frame's counts."""

    counts: np.ndarray
    black: float
    clipped: float


def observe(linear: np.ndarray) -> Seen:
    """Counts of a scene-linear ACEScg frame [H, W, 3] without NaN."""
    step = max(1, int(np.sqrt(linear.shape[0] * linear.shape[1] / SAMPLES)))
    sample = np.ascontiguousarray(linear[::step, ::step])
    light = luminance(sample).ravel()
    lit = light[light > 0]
    stops = np.log2(lit / np.float32(GREY))
    counts, _ = np.histogram(np.clip(stops, DARKEST, BRIGHTEST - STEP), _edges())
    tops = sample.max(axis=(0, 1))
    at_top = int(((sample >= tops * np.float32(0.999)) & (tops > 0)).any(axis=2).sum())
    clipped = at_top / light.size if at_top > FEW else 0.0
    return Seen(counts.astype(np.float64), 1 - len(lit) / light.size, clipped)


def conclude(clips: Sequence[Sequence[Seen]]) -> Tone:
    """Percentiles over clips, each a list of frames that counts alike; the error says how much others would differ."""
    clips = [frames for frames in clips if frames]
    per_clip = [np.mean([one.counts / max(one.counts.sum(), 1) for one in frames], axis=0) for frames in clips]
    # Frames of one clip are drawn anew where there is but one, else clips: their frames are alike.
    single = len(clips) == 1
    counts = np.array([one.counts for one in clips[0]] if single else per_clip)
    if not counts.sum():
        raise Untold("Every pixel is black.")
    value = _percentiles(counts.sum(axis=0))
    if len(counts) < 3:
        error = np.full(len(PERCENTILES), WIDTH * TYPICAL)
    else:
        error = resampled(len(counts), lambda drawn: _percentiles(counts[drawn].sum(axis=0))) + STEP / 2
    halves = counts.sum(axis=0).reshape(-1, int(0.5 / STEP)).sum(axis=1) / counts.sum()
    shares = [np.mean([[one.black, one.clipped] for one in frames], axis=0) for frames in clips]
    black, clipped = plain(np.mean(shares, axis=0))
    return Tone(Curve.of(PERCENTILES, value, error), black, clipped, plain(halves))


def _edges() -> np.ndarray:
    return np.arange(DARKEST, BRIGHTEST + STEP / 2, STEP)


def _percentiles(counts: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0], np.cumsum(counts)])
    kept = np.concatenate([[True], np.diff(total) > 0])  # a percentile lies within a bin that has pixels
    return np.interp(np.array(PERCENTILES) / 100 * total[-1], total[kept], _edges()[kept])
