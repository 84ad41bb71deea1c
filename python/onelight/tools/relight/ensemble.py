"""What a network says of a frame on average: of its neighbours moved along flow to it, and of their mirror images."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from onelight.temporal import flow
from onelight.tools.relight import geometry
from onelight.tools.relight.losses import OUTPUTS
from onelight.tools.relight.network import coded
from onelight.training.feed import tensors

DOUBTED = 1.0  # pixels by which forward and backward flow miss each other: beyond it, a neighbour does not count
MIRROR = np.array([-1, 1, 1, 1, 1, 1], np.float32)  # of normals and the rest, or of a hint, when a picture is mirrored


def answers(base: torch.nn.Module, frames: np.ndarray, light: np.ndarray, asked: np.ndarray) -> list[np.ndarray]:
    """What the base says of each frame [n, h, w, 6], at full and at half size; each seen as it is and mirrored."""
    both = np.concatenate([frames, frames[:, :, ::-1]])
    flip = np.where(np.arange(len(both))[:, None] < len(frames), 1, MIRROR[:4]).astype(np.float32)
    hints = torch.from_numpy(light * flip), torch.from_numpy(asked * flip)
    pictures = [tensors({"x": np.stack([coded(one) for one in made])})["x"] for made in (halves(both), both)]
    found, prior = [], None
    with torch.no_grad():
        for picture in pictures:
            count, _, height, width = picture.shape
            prior = (
                torch.zeros(count, 4, height, width)
                if prior is None
                else F.interpolate(prior, scale_factor=2.0, mode="bilinear", align_corners=False)
            )
            told = base.eval()(picture, torch.zeros(count, 1, height, width), prior, *hints)
            out = torch.cat(told[: OUTPUTS.index("doubt")], dim=1)
            found.append(out.permute(0, 2, 3, 1).numpy())
            prior = out[:, :4]
    straight_and_back = [(one[: len(frames)], one[len(frames) :, :, ::-1] * MIRROR) for one in reversed(found)]
    return [(straight + back) / 2 for straight, back in straight_and_back]


def halves(images: np.ndarray) -> np.ndarray:
    count, height, width, channels = images.shape
    return images.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def motions(frames: np.ndarray, middle: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each frame: motion to it from the middle one [h, w, 2], and where it counts [h, w]."""
    here, out = frames[middle], []
    for number, there in enumerate(frames):
        if number == middle:
            out.append((np.zeros((*here.shape[:2], 2), np.float32), np.ones(here.shape[:2], np.float32)))
            continue
        forward, backward = flow.dense(here, there), flow.dense(there, here)
        inside = flow.fetch(there, flow.positions(here.shape) + forward)[1]
        out.append((forward, ((flow.doubt(forward, backward) < DOUBTED) & inside).astype(np.float32)))
    return out


def mean(answers: np.ndarray, weights: Sequence[tuple[np.ndarray, np.ndarray]], middle: int) -> np.ndarray:
    """The answers [n, h, w, 6] as one [h, w, 6], each moved to the middle frame; their depths brought to its range."""
    size = answers.shape[1:3]
    total, count = np.zeros(answers.shape[1:], np.float32), np.zeros((*size, 1), np.float32)
    for answer, (motion, where) in zip(answers, weights, strict=True):
        target = flow.positions((*size,)) + flow.resized(motion, size)
        moved = flow.sample(np.ascontiguousarray(answer), target, cv2.INTER_LINEAR)
        counts = cv2.resize(where, size[::-1], interpolation=cv2.INTER_AREA)[..., None]
        if (inside := counts[..., 0] > 0.5).sum() > 32:  # depth is affine: its zero and its unit are each picture's own
            moved[..., 3] = _brought(moved[..., 3], answers[middle][..., 3], inside)
        total += moved * counts
        count += counts
    out = total / np.maximum(count, 1e-6)
    out[..., :3] = geometry.normalise(out[..., :3])
    return out


def _brought(depth: np.ndarray, to: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Depth [h, w] with the gain and offset that bring it closest to another where `inside` is."""
    ours, theirs = depth[inside] - depth[inside].mean(), to[inside] - to[inside].mean()
    spread = float((ours * ours).mean())
    gain = float((ours * theirs).mean()) / spread if spread > 1e-8 else 1.0  # a flat depth has no unit
    return (depth - depth[inside].mean()) * np.float32(gain) + to[inside].mean()
