"""What Cleanup's fill is measured against: nothing, diffusion from the edge, and a plain temporal median."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from onelight.temporal import flow
from onelight.temporal.encode import coded, middle

RADIUS = 3.0  # px that Telea and Navier-Stokes look around
FEATURES, ERROR = 1500, 2.0  # corners that are followed, and how far one may miss, px
ENOUGH = 12  # corners for a homography


def inpainted(plate: np.ndarray, hole: np.ndarray, method: int) -> np.ndarray:
    """OpenCV's `inpaint` of a scene-linear plate [H, W, 3], channel by channel in stops, which its 16 bits hold.

    `method` is cv2.INPAINT_TELEA (Telea 2004) or cv2.INPAINT_NS (Bertalmio, Bertozzi & Sapiro 2001).
    """
    level = middle(plate)
    stops = coded(plate, level)
    low, high = float(stops.min()), float(stops.max())
    scale = 65535 / max(high - low, 1e-6)
    filled = np.empty_like(stops)
    for channel in range(3):  # 16 bits are taken one channel at a time
        whole = np.round((stops[..., channel] - low) * scale).astype(np.uint16)
        filled[..., channel] = cv2.inpaint(whole, hole.astype(np.uint8), RADIUS, method)
    linear = (np.exp2(filled / np.float32(scale) + np.float32(low)) - np.float32(2.0**-6)) * np.float32(level)
    return np.where(hole[..., None], linear, plate)


def temporal_median(
    plate: np.ndarray, hole: np.ndarray, others: Mapping[int, tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Each of `others` (picture, its own hole) laid over the plate by one homography; the median of what they show.

    What none of them shows stays as shot: a compositor's clean plate out of a stabilised shot.
    """
    stack = []
    height, width = hole.shape
    for there, there_hole in others.values():
        matrix = homography(plate, hole, there, there_hole)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        moved = cv2.warpPerspective(there, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        free = cv2.warpPerspective((~there_hole).astype(np.float32), matrix, (width, height), flags=flags)
        stack.append(np.where((free > 0.99)[..., None], moved, np.nan))
    out = plate.copy()
    if not stack:
        return out
    here = np.stack([picture[hole] for picture in stack])
    shown = np.isfinite(here).any(axis=(0, 2))
    values = out[hole]
    values[shown] = np.nanmedian(here[:, shown], axis=0)
    out[hole] = values
    return out


def homography(here: np.ndarray, hole: np.ndarray, there: np.ndarray, there_hole: np.ndarray) -> np.ndarray:
    """Where the pixels of `here` are in `there`, [3, 3], from corners outside both holes; identity where few agree."""
    looks = [_bytes(picture) for picture in (here, there)]
    allowed = cv2.erode((~hole).astype(np.uint8), np.ones((9, 9), np.uint8))
    corners = cv2.goodFeaturesToTrack(looks[0], FEATURES, 0.005, 5, mask=allowed)
    if corners is None or len(corners) < ENOUGH:
        return np.eye(3)
    start = (
        corners
        + flow.dense(here, there, hole.astype(np.float32))[corners[:, 0, 1].astype(int), corners[:, 0, 0].astype(int)][
            :, None
        ]
    )
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        looks[0], looks[1], corners, start.astype(np.float32), flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    good = found[:, 0] == 1
    landed = np.round(moved[:, 0]).astype(int)
    inside = (landed >= 0).all(axis=1) & (landed[:, 0] < hole.shape[1]) & (landed[:, 1] < hole.shape[0])
    good &= inside
    good[good] = ~there_hole[landed[good, 1], landed[good, 0]]
    if int(good.sum()) < ENOUGH:
        return np.eye(3)
    matrix, _ = cv2.findHomography(corners[good], moved[good], cv2.RANSAC, ERROR)
    return np.eye(3) if matrix is None else matrix


def _bytes(picture: np.ndarray) -> np.ndarray:
    """The picture [H, W, 3] as corners are looked for in: stops of its luminance as bytes."""
    grey = coded(picture.mean(axis=-1), middle(picture))
    low, high = np.quantile(grey, (0.005, 0.995))
    return np.clip((grey - low) * (255 / max(float(high - low), 0.5)), 0, 255).astype(np.uint8)
