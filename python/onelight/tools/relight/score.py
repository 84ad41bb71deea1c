"""How far a picture is from the truth: linear and logarithmic PSNR, angle between normals, flicker along the motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from scipy.optimize import minimize_scalar

from onelight.colour import LUMINANCE

PEAK = 0.995  # quantile of the truth that stands for white: a few glints are no measure
FLOOR = 2.0**-6  # of the peak: below it, stops count less and less
STOPS = float(np.log2(1 + FLOOR) - np.log2(FLOOR))  # the range of the logarithm from black to the peak
NOTHING = 1e-12  # a peak that is no light
SAMPLE = 20000  # pixels are enough to find the best gain in stops; a broken pixel (NaN, inf) counts as black


def peak_of(truth: np.ndarray) -> float:
    """White of a linear picture."""
    return max(float(np.quantile(truth, PEAK)), NOTHING)


def best_gain(ours: np.ndarray, truth: np.ndarray) -> float:
    """The scalar that brings `ours` closest to `truth` in linear light (least squares)."""
    wide = ours.astype(np.float64)
    return float((wide * truth).sum() / max(float((wide * wide).sum()), 1e-30))


def psnr(ours: np.ndarray, truth: np.ndarray) -> float:
    """PSNR in dB of linear pixels [n, 3] after the best scalar gain; the peak is the truth's 99.5th percentile."""
    ours = np.nan_to_num(ours, posinf=0.0, neginf=0.0)
    error = float(((ours.astype(np.float64) * best_gain(ours, truth) - truth) ** 2).mean())
    peak = peak_of(truth)
    return float(10 * np.log10(peak**2 / max(error, 1e-12 * peak**2)))


def stops(pixels: np.ndarray, peak: float) -> np.ndarray:
    """log2(pixels / peak + 2^-6), negative light taken as none."""
    return np.log2(np.maximum(pixels, 0) / np.float32(peak) + np.float32(FLOOR))


def log_psnr(ours: np.ndarray, truth: np.ndarray) -> float:
    """PSNR in dB of pixels [n, 3] in stops, after the scalar gain that suits stops best.

    Both are compared as log2(x / peak + 2^-6), where the peak is the truth's 99.5th percentile; the signal's range is
    that of the logarithm from black to the peak, 6.02 stops: 20 dB is an error of 0.6 stops.
    """
    peak, ours = peak_of(truth), np.nan_to_num(ours, posinf=0.0, neginf=0.0)
    step = max(1, len(truth) // SAMPLE)
    few, answer = np.maximum(ours[::step].astype(np.float32), 0), stops(truth[::step], peak)

    def error(exponent: float) -> float:
        return float(((stops(few * np.float32(2.0**exponent), peak) - answer) ** 2).mean())

    middle = float(np.log2(max(best_gain(ours[::step], truth[::step]), 1e-12)))
    found: Any = minimize_scalar(error, bounds=(middle - 4, middle + 4), method="bounded", options={"xatol": 1e-3})
    gained = np.maximum(ours, 0) * np.float32(2.0**found.x)
    rest = float(((stops(gained, peak) - stops(truth, peak)) ** 2).mean())
    return float(10 * np.log10(STOPS**2 / max(rest, 1e-12)))


def degrees_apart(ours: np.ndarray, truth: np.ndarray) -> float:
    """Mean angle between unit normals [n, 3], degrees."""
    return float(np.degrees(np.arccos(np.clip((ours * truth).sum(axis=-1), -1, 1))).mean())


def residual(pictures: Sequence[np.ndarray], motions: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> float:
    """RMS change in stops from frame to frame [H, W, 3] along the true motion [H, W, 2] (pixels, x right, y down).

    Each frame is compared where its pixels go in the next one, with that one's pixels (bilinear), inside both masks
    [H, W] and two pixels away from their edges; a gain of the whole sequence changes nothing but for the floor.
    """
    peak = peak_of(np.concatenate([picture[mask] for picture, mask in zip(pictures, masks, strict=True)]))
    logs = [stops(cv2.GaussianBlur(picture, (0, 0), 1.0) @ LUMINANCE, peak) for picture in pictures]
    inner = [cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32) for mask in masks]
    total, count = 0.0, 0
    for t, motion in enumerate(motions[: len(pictures) - 1]):
        y, x = np.mgrid[0 : motion.shape[0], 0 : motion.shape[1]].astype(np.float32)
        there = (x + motion[..., 0], y + motion[..., 1])
        later = cv2.remap(logs[t + 1], *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        seen = cv2.remap(inner[t + 1], *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        both = (inner[t] > 0) & (seen > 0.999)
        total += float(((later - logs[t])[both].astype(np.float64) ** 2).sum())
        count += int(both.sum())
    return float(np.sqrt(total / max(count, 1)))
