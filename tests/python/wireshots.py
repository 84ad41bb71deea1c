"""Moving shots with wires whose course is known, for the tests of Cleanup."""

from __future__ import annotations

import cv2
import numpy as np
from onelight.tools.cleanup.curves import Curve, matte_of


def ground(height: int, width: int, seed: int = 1) -> np.ndarray:
    """A scene-linear picture [H, W, 3] of soft shapes and fine detail, larger things stronger, like most pictures."""
    noise = np.random.default_rng(seed)
    stops = np.zeros((height, width, 3), np.float32)
    for octave in range(1, 8):
        size = (max(2, width >> octave), max(2, height >> octave))
        layer = noise.normal(0, 1, (size[1], size[0], 3)).astype(np.float32).mean(axis=2, keepdims=True)
        layer = layer + noise.normal(0, 0.15, (size[1], size[0], 3)).astype(np.float32)
        stops += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.06 * 1.5**octave)
    return (0.18 * np.exp2(np.clip(stops, -3, 3))).astype(np.float32)


def wire(height: int, width: int, frame: float, number: int = 0, across: float = 4.0) -> Curve:
    """A wire that hangs from the top of the picture down to a point inside, and swings."""
    down = np.linspace(-20, 0.72 * height, 80)
    swing = 0.03 * width * np.sin(0.25 * frame + number) * (down / height) ** 2
    x = (0.25 + 0.22 * number) * width + 0.12 * down + 0.05 * width * np.sin(down / height * 2) + swing + 1.5 * frame
    points = np.stack([x, down], axis=1).astype(np.float32)
    return Curve(points, np.full(len(points), across, np.float32), 1.0, number)


def shot(frames: int, height: int, width: int, wires: int = 2, across: float = 4.0, light: float = 0.02, seed: int = 1):
    """Pictures [H, W, 3] of a slow pan with wires, and the true curves, by frame number from 1001."""
    far = ground(height + 64, width + 8 * frames, seed)
    pictures, truth = {}, {}
    noise = np.random.default_rng(seed + 100)
    for index in range(frames):
        pan = np.array([[1, 0, -2.3 * index], [0, 1, -10 - 5 * np.sin(index / 9)]], np.float32)
        plate = cv2.warpAffine(far, pan, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        curves = [wire(height, width, index, k, across) for k in range(wires)]
        matte = matte_of(curves, (height, width))[..., None]
        plate = plate * (1 - matte) + np.float32(light) * matte
        plate *= 1 + noise.normal(0, 0.02, plate.shape).astype(np.float32)
        pictures[1001 + index], truth[1001 + index] = np.maximum(plate, 0).astype(np.float32), curves
    return pictures, truth


def left_over(curves: list[Curve], truth: list[Curve], shape: tuple[int, int], grow: float) -> float:
    """The longest stretch in px of the true wires' middles that the matte of `curves` does not cover."""
    matte = matte_of(curves, shape, grow=grow)
    worst = 0.0
    for curve in truth:
        dense = np.stack(
            [np.interp(np.arange(0, len(curve.points) - 1, 0.1), np.arange(len(curve.points)), curve.points[:, k])
             for k in (0, 1)], axis=1,
        )  # fmt: skip
        step = float(np.linalg.norm(np.diff(dense, axis=0), axis=1).mean())
        x, y = np.floor(dense).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
        bare = np.concatenate([[0], (matte[y[inside], x[inside]] < 0.5).astype(int), [0]])
        edges = np.flatnonzero(np.diff(bare))
        runs = (edges[1::2] - edges[::2]) * step
        worst = max(worst, float(runs.max(initial=0)))
    return worst
