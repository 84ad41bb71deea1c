"""Inner loops of alignment and of what is combined from several frames, compiled."""

from __future__ import annotations

import numpy as np

from onelight.temporal.compiled import compiled

MOST = np.float32(1.5)  # pixels that one step of refinement moves at most


@compiled
def compared(
    seen: np.ndarray, moved: np.ndarray, weight: np.ndarray, around: np.ndarray, stray: float
) -> tuple[np.ndarray, np.ndarray]:
    """How two pictures in stops [h, w] differ but for what their surroundings do, and the mean of both, [h, w] each.

    `around` [h, w, 2] are means of the weight [h, w] and of the weighted difference; the weight is taken off, in place,
    where more than `stray` is left (Black & Anandan 1996).
    """
    differs, both = np.empty_like(seen), np.empty_like(seen)
    one, half, least, slope = np.float32(1), np.float32(0.5), np.float32(1e-4), np.float32(1 / stray)
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            left = seen[y, x] - moved[y, x] - around[y, x, 1] / (around[y, x, 0] + least)
            differs[y, x] = left
            both[y, x] = (seen[y, x] + moved[y, x]) * half
            strange = left * slope
            weight[y, x] /= one + strange * strange
    return differs, both


@compiled
def moments(right: np.ndarray, down: np.ndarray, differs: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What a step of Lucas & Kanade needs means of, [h, w, 6]: weighted products of slopes and difference, weight."""
    out = np.empty((*right.shape, 6), np.float32)
    for y in range(right.shape[0]):
        for x in range(right.shape[1]):
            across, along = weight[y, x] * right[y, x], weight[y, x] * down[y, x]
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = across * right[y, x], across * down[y, x], along * down[y, x]
            out[y, x, 3], out[y, x, 4] = across * differs[y, x], along * differs[y, x]
            out[y, x, 5] = weight[y, x]
    return out


@compiled
def stepped(flow: np.ndarray, means: np.ndarray, flat: float) -> np.ndarray:
    """The flow [h, w, 2] a step on, by the means [h, w, 6] of `moments`; slopes below `flat` say nothing."""
    out, square, least = np.empty_like(flow), np.float32(flat * flat), np.float32(1e-9)
    for y in range(flow.shape[0]):
        for x in range(flow.shape[1]):
            damping = square * means[y, x, 5] + least
            a, b, c = means[y, x, 0] + damping, means[y, x, 1], means[y, x, 2] + damping
            p, q = means[y, x, 3], means[y, x, 4]
            scale = np.float32(1) / (a * c - b * b)
            out[y, x, 0] = flow[y, x, 0] + min(max((c * p - b * q) * scale, -MOST), MOST)
            out[y, x, 1] = flow[y, x, 1] + min(max((a * q - b * p) * scale, -MOST), MOST)
    return out
