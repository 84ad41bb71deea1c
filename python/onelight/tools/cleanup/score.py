"""How well wires were found and taken out: lines against lines, and filled pixels against the hidden ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import KDTree

from onelight.colour import LUMINANCE
from onelight.errors import NotReady
from onelight.temporal.encode import coded, luminance, middle

TOLERANCE = 1.5  # px between two centre lines that are one
PEAK = 0.995  # quantile of the true frame that stands for white: a few glints are no measure
STOPS = 12.0  # the range that an error in stops is measured against: from a 64th of the middle level to 64 times it
RIM, ALONG = 2, 3.0  # px inside the hole that its seam is looked for in; px along the edge that are averaged
RING = 12  # px around the hole that it should look like
QUIET = 0.5  # the part of an area with least texture, where grain can be measured
HALF = 0.5  # coverage from which a matte says wire
BARE = 0.5  # of the grain: finer texture than that would count as grain
TOO_FEW = 32  # pixels to say anything about grain or flicker
STILL = 1e-4  # stops from frame to frame that count as none


@dataclass(frozen=True)
class Detected:
    """Shares of lengths of centre lines."""

    precision: float  # of what was found, how much lies on a wire
    recall: float  # of the wires, how much was found

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def detected(found: np.ndarray, wires: np.ndarray, visible: np.ndarray) -> Detected:
    """Points of found lines [n, 2] against points of the true ones [m, 2], both evenly spaced; pixels.

    `visible` [m] bool says which true points can be seen at all: only they are asked for, but whoever finds the others
    is right. A point is right within `TOLERANCE` of the other's line. Where nothing was found, nothing of it is wrong.
    """
    right = _near(found, wires)
    asked = wires[visible]
    return Detected(
        precision=float(right.mean()) if len(found) else float(len(asked) == 0),
        recall=float(_near(asked, found).mean()) if len(asked) else 1.0,
    )


def _near(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which points [n] lie within the tolerance of others."""
    if not len(points) or not len(others):
        return np.zeros(len(points), bool)
    return KDTree(others).query(points)[0] <= TOLERANCE


def centre_lines(matte: np.ndarray) -> np.ndarray:
    """Points [n, 2] (x right, y down, pixel centres at .5) on the middle of what a matte [H, W] covers by half.

    Raises NotReady where scikit-image is missing.
    """
    try:
        from skimage.morphology import skeletonize
    except ImportError as error:
        raise NotReady("mattes as cases need scikit-image: pip install 'onelight[soundstage]'") from error
    rows, columns = np.nonzero(skeletonize(matte > HALF))
    return np.stack([columns, rows], axis=1).astype(np.float32) + np.float32(0.5)


def psnr(ours: np.ndarray, truth: np.ndarray, hole: np.ndarray) -> float:
    """PSNR in dB of scene-linear pictures [H, W, 3] inside the hole [H, W]; white is the true frame's 99.5 %."""
    white = max(float(np.quantile(truth, PEAK)), 1e-12)
    error = float(((ours[hole].astype(np.float64) - truth[hole]) ** 2).mean())
    return float(10 * np.log10(white**2 / max(error, 1e-12 * white**2)))


def log_psnr(ours: np.ndarray, truth: np.ndarray, hole: np.ndarray) -> float:
    """PSNR in dB inside the hole of pictures in stops over the true frame's middle level, against 12 stops."""
    level = middle(truth)
    error = float(((coded(ours, level)[hole].astype(np.float64) - coded(truth, level)[hole]) ** 2).mean())
    return float(10 * np.log10(STOPS**2 / max(error, 1e-12)))


def ssim(ours: np.ndarray, truth: np.ndarray, hole: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004) of the luminances in stops, windows of 1.5 px, mean over the hole."""
    level = middle(truth)
    x, y = (coded(luminance(np.ascontiguousarray(image, np.float32)), level) for image in (ours, truth))

    def blurred(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5)

    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    both = blurred(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * STOPS) ** 2, (0.03 * STOPS) ** 2
    index = (2 * mean_x * mean_y + c1) * (2 * both + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(index[hole].mean())


def boundary(ours: np.ndarray, truth: np.ndarray, hole: np.ndarray) -> float:
    """How far the picture jumps at the hole's edge where the true one does not, RMS in stops.

    It is the error of the luminance within `RIM` pixels of the edge, averaged along it so that grain hardly counts;
    outside nothing is wrong, so all of it is the seam.
    """
    level = middle(truth)
    x, y = (coded(luminance(np.ascontiguousarray(image, np.float32)), level) for image in (ours, truth))
    near = cv2.dilate((~hole).astype(np.uint8), _disc(RIM)) > 0
    rim = (hole & near).astype(np.float32)
    if not rim.any():
        return 0.0
    share = cv2.GaussianBlur(rim, (0, 0), ALONG)
    error = cv2.GaussianBlur((x - y) * rim, (0, 0), ALONG) / np.maximum(share, 1e-6)
    return float(np.sqrt((error[rim > 0].astype(np.float64) ** 2).mean()))


def flicker(
    ours: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    holes: Sequence[np.ndarray],
    motions: Sequence[np.ndarray],
) -> float | None:
    """How much the picture changes along the true motion inside the hole, relative to around it.

    RMS in stops from each frame [H, W, 3] to the next along `motions` [H, W, 2], of the picture softened by a pixel;
    the same ratio of the true frames is divided out, so that 1 is as steady as the shot itself. None where the holes
    are too small to say.
    """
    level = middle(truths[0])
    shares = []
    for pictures in (ours, truths):
        logs = [cv2.GaussianBlur(coded(luminance(picture), level), (0, 0), 1.0) for picture in pictures]
        inside, outside = _changes(logs, holes, motions)
        if min(len(inside), len(outside)) < TOO_FEW:
            return None
        change, around = (float(np.sqrt((values.astype(np.float64) ** 2).mean())) for values in (inside, outside))
        shares.append((change + STILL) / (around + STILL))
    return shares[0] / shares[1]


def _changes(
    logs: Sequence[np.ndarray], holes: Sequence[np.ndarray], motions: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Differences from frame to frame inside the holes, and in the rings around them."""
    inside, outside = [], []
    for now, later, hole, motion in zip(logs, logs[1:], holes, motions, strict=False):
        height, width = now.shape
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        x, y = x + motion[..., 0], y + motion[..., 1]
        seen = (x >= 2) & (y >= 2) & (x <= width - 3) & (y <= height - 3)
        # What is hidden in the next frame has no pixel to compare with.
        back = cv2.remap(motion, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        seen &= np.abs(back - motion).max(axis=-1) < 1.0
        change = cv2.remap(later, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE) - now
        inside.append(change[hole & seen])
        outside.append(change[ring(hole) & seen])
    return np.concatenate(inside), np.concatenate(outside)


def grain(ours: np.ndarray, truth: np.ndarray, hole: np.ndarray, clean: np.ndarray | None = None) -> float | None:
    """How strong the grain is inside the hole, relative to around it; 1 is as it should be.

    Median absolute high-pass of the luminance where there is little texture, inside over around; the same ratio of the
    true frame is divided out. Little is less than half of the grain, by the frame without grain where `clean` gives
    it; else the smoothest half counts. None where too little is left to say.
    """
    little = _smooth(truth) if clean is None else _bare(truth, clean)
    areas = []
    for area in (hole, ring(hole)):
        if int(area.sum()) < 2 * TOO_FEW:
            return None
        areas.append(area & (little <= (np.quantile(little[area], QUIET) if clean is None else BARE)))
    if min(int(area.sum()) for area in areas) < TOO_FEW:
        return None
    strengths = [[float(np.median(np.abs(_fine(image)[area]))) for area in areas] for image in (ours, truth)]
    (inside, outside), (true_inside, true_outside) = strengths
    return (inside / max(outside, 1e-12)) / max(true_inside / max(true_outside, 1e-12), 1e-12)


def _bare(truth: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Finest texture of a frame without grain over the grain of the true one, [H, W], both over a few pixels."""
    texture, noise = (cv2.GaussianBlur(_fine(image) ** 2, (0, 0), 2.0) for image in (clean, truth - clean))
    return np.sqrt(texture / np.maximum(noise, 1e-20))


def _fine(picture: np.ndarray) -> np.ndarray:
    """What differs from the mean of the four neighbours, of the luminance [H, W]."""
    grey = np.ascontiguousarray(picture, np.float32) @ LUMINANCE
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    return cv2.filter2D(grey, -1, kernel, borderType=cv2.BORDER_REFLECT_101)


def _smooth(picture: np.ndarray) -> np.ndarray:
    """How much a picture without its grain changes around each pixel, [H, W] stops a pixel."""
    stops = cv2.GaussianBlur(coded(luminance(picture), middle(picture)), (0, 0), 2.0)
    slope = np.hypot(cv2.Sobel(stops, cv2.CV_32F, 1, 0), cv2.Sobel(stops, cv2.CV_32F, 0, 1))
    return cv2.GaussianBlur(slope, (0, 0), 1.5)


def ring(hole: np.ndarray) -> np.ndarray:
    """The pixels [H, W] bool up to `RING` away from a hole, but for the two next to it."""
    wide, near = (cv2.dilate(hole.astype(np.uint8), _disc(size)) for size in (RING, 2))
    return (wide > 0) & (near == 0)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
