"""The demo's numbers: flicker of what stands still, halos at the sky's edge, how closely passes rebuild the result."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

EDGE, BEYOND = 12, 20  # pixels: the sky's edge is this wide, and the sky it should look like begins here
STILL_PART = 0.3  # the quietest part of the picture counts as standing still
FLOOR = 2.0**-10  # darker than this, a logarithm is mostly noise


def flicker(plates: Mapping[int, np.ndarray], results: Mapping[int, np.ndarray]) -> tuple[float, float]:
    """Flicker of the parts that stand still, of the plate and of the result: RMS stops from frame to frame.

    Both [H, W, 4] by frame, scene-linear. Grain is averaged away first (a Gaussian of 4 pixels), as the eye does at a
    distance; what stands still is where the plate itself changes least over the clip. A ratio above 1 means that the
    work added flicker, whatever gain it applied.
    """
    numbers = sorted(plates)
    before, after = (np.stack([_stops(frames[number]) for number in numbers]) for frames in (plates, results))
    # By neighbourhood: single pixels that hardly change did so by luck, and no result could be as lucky.
    spread = cv2.GaussianBlur(before.std(axis=0), (0, 0), 16)
    lit = before.min(axis=0) > np.log2(FLOOR) + 1
    quiet = lit & (spread <= np.quantile(spread[lit], STILL_PART))
    moved, moved_after = (float(np.sqrt((np.diff(stops[:, quiet], axis=0) ** 2).mean())) for stops in (before, after))
    return moved, moved_after


def rebuilt(plate: np.ndarray, ratio: np.ndarray, added: np.ndarray, result: np.ndarray) -> float:
    """Greatest difference between plate x ratio + added and the result, in half-float steps of the result.

    All [H, W, 4] scene-linear; what a compositor gets out of Multiply and Plus with the passes as rendered.
    """
    again = plate[..., :3].astype(np.float64) * ratio[..., :3] + added[..., :3]
    off = np.abs(again - result[..., :3])
    step = np.maximum(np.spacing(np.abs(result[..., :3]).astype(np.float16)).astype(np.float64), 2.0**-24)
    return float((off / step).max())


def sky_edge(plate: np.ndarray, result: np.ndarray, sky: np.ndarray) -> float:
    """Halo at the sky's edge in stops: how far the gain there is off that of the sky around it, 95th percentile.

    Plate and result [H, W, 4] scene-linear, `sky` [H, W] 0..1. The gain is result over plate; the pixel on the border
    itself, half building, does not count, nor does sky in gaps too narrow to have any sky around it.
    """
    inside = cv2.distanceTransform((sky > 0.99).astype(np.uint8), cv2.DIST_L2, 5)
    gain = _stops(result, 1) - _stops(plate, 1)
    beyond = (inside > BEYOND).astype(np.float32)
    reach = (0, 0), BEYOND * 1.5
    around = cv2.GaussianBlur(gain * beyond, *reach) / np.maximum(cv2.GaussianBlur(beyond, *reach), 1e-6)
    far = cv2.distanceTransform(1 - beyond.astype(np.uint8), cv2.DIST_L2, 5)
    edge = (inside > 3) & (inside <= EDGE) & (far <= BEYOND)
    return float(np.quantile(np.abs(gain - around)[edge], 0.95))


def _stops(frame: np.ndarray, blur: float = 4) -> np.ndarray:
    luma = frame[..., :3].astype(np.float32) @ np.array([0.2722, 0.6741, 0.0537], np.float32)
    return np.log2(np.maximum(cv2.GaussianBlur(luma, (0, 0), blur), FLOOR))
