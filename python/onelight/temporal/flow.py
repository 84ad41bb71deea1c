"""Dense motion between two frames, how far it can be doubted, and pictures moved along it."""

from __future__ import annotations

import cv2
import numpy as np

from onelight.temporal.encode import coded, luminance, middle, shrink, spread

LONGEST = 640  # pixels of the longest side at which motion is found; what is finer is left to refinement
DESCENTS = 16  # steps in which a patch is laid on the other picture: more bring nothing, fewer miss fast motion
TAILS = 0.005  # share of pixels beyond the eight-bit range at either end


def dense(here: np.ndarray, there: np.ndarray, matte_here: np.ndarray | None = None) -> np.ndarray:
    """Motion [H, W, 2] in pixels, x right and y down: here(x) ~ there(x + flow(x)).

    `here`, `there` are scene-linear ACEScg [H, W, 3] of one size; a change of exposure between them does not matter.
    Inside `matte_here` [H, W] (a wire) the flow is interpolated from around it, so it is the background's. Dense
    inverse search (Kroeger et al. 2016) on OpenCV, at 640 pixels of the longest side.
    """
    size = here.shape[:2]
    mattes = None if matte_here is None else shrink(np.asarray(matte_here, np.float32), LONGEST)
    small, other = (seen(picture, None) for picture in (here, there))
    if mattes is not None:
        small = spread(small, 1 - covered(mattes))
    flow = between(small, other)
    if mattes is not None:
        flow = spread(flow, 1 - covered(cv2.dilate(mattes, np.ones((5, 5), np.uint8))))
    return resized(flow, size)


def seen(linear: np.ndarray, matte: np.ndarray | None, longest: int = LONGEST) -> np.ndarray:
    """A scene-linear picture as motion is looked for in: stops of its luminance, small, `matte` [H, W] filled over."""
    small = coded(luminance(shrink(linear, longest)), middle(linear))
    if matte is None:
        return small
    return spread(small, 1 - covered(shrink(np.asarray(matte, np.float32), longest)))


def covered(matte: np.ndarray) -> np.ndarray:
    """1 wherever a matte [H, W] covers more than a trace, else 0: half a wire's pixel still shows the wire."""
    return (matte > np.float32(0.02)).astype(np.float32)


def between(here: np.ndarray, there: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Motion [h, w, 2] between two coded pictures [h, w], from `start` where one is known."""
    low, high = np.quantile(here[::2, ::2], (TAILS, 1 - TAILS))
    scale = np.float32(255 / max(float(high - low), 0.5))
    bytes_ = [np.clip((image - np.float32(low)) * scale, 0, 255).astype(np.uint8) for image in (here, there)]
    if min(here.shape) < 24:  # too small for a pyramid of patches
        return np.zeros((*here.shape, 2), np.float32)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(1 if max(here.shape) >= 256 else 0)
    search.setGradientDescentIterations(DESCENTS)
    flow = np.zeros((*here.shape, 2), np.float32) if start is None else start.copy()
    return search.calc(bytes_[0], bytes_[1], flow)


def resized(flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A flow [h, w, 2] at another size (height, width), its vectors scaled with it."""
    height, width = flow.shape[:2]
    if (height, width) == tuple(size):
        return flow
    grown = cv2.resize(flow, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    grown *= np.array([size[1] / width, size[0] / height], np.float32)
    return grown


def positions(shape: tuple[int, ...], left: float = 0, top: float = 0) -> np.ndarray:
    """The pixel positions (x, y) of a picture, float32 [H, W, 2], its first pixel at (left, top)."""
    grid = np.empty((*shape[:2], 2), np.float32)
    grid[..., 0] = np.arange(shape[1], dtype=np.float32) + np.float32(left)
    grid[..., 1] = (np.arange(shape[0], dtype=np.float32) + np.float32(top))[:, None]
    return grid


def sample(image: np.ndarray, target: np.ndarray, how: int, outside: float | None = None) -> np.ndarray:
    """The image [H, W(, C)] at positions (x, y) [h, w, 2]; beyond its border `outside`, or the border's pixels."""
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    x, y = cv2.split(target)  # in one map, positions would be rounded to 1/32 of a pixel
    return cv2.remap(image, x, y, how, borderMode=border, borderValue=(outside or 0.0,) * 4)


def doubt(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """How far forward and backward flow miss each other, float32 [H, W] in pixels; large where a thing is hidden."""
    target = positions(forward.shape) + forward
    back = sample(backward, target, cv2.INTER_LINEAR)
    missed = forward + back
    return cv2.magnitude(missed[..., 0], missed[..., 1])


def warp(image: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image [H, W(, C)] fetched along the flow [H, W, 2], and whether it was inside the frame, bool [H, W].

    Lanczos over eight pixels, so that grain stays as sharp as it was; held to the range of the nearest pixels, as
    ringing beside a highlight of a linear picture would be darker than black.
    """
    return fetch(image, positions(flow.shape) + flow)


def fetch(image: np.ndarray, target: np.ndarray, how: int = cv2.INTER_LANCZOS4) -> tuple[np.ndarray, np.ndarray]:
    """`warp`, to absolute positions (x, y) [h, w, 2] in the image; `how` may be a kernel of two pixels instead."""
    height, width = image.shape[:2]
    x, y = target[..., 0], target[..., 1]
    valid = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    if not valid.any():
        return np.zeros((*target.shape[:2], *image.shape[2:]), np.float32), valid
    reach = 8  # of the kernel and of the bounds: only that much of the image is looked at
    left, right = (int(np.clip(edge, 0, width - 1)) for edge in (x.min() - reach, x.max() + reach))
    top, bottom = (int(np.clip(edge, 0, height - 1)) for edge in (y.min() - reach, y.max() + reach))
    image, target = image[top : bottom + 1, left : right + 1], target - np.array([left, top], np.float32)
    moved = sample(image, target, how)
    if how != cv2.INTER_LANCZOS4:  # nothing rings
        return moved, valid
    three = np.ones((3, 3), np.uint8)
    low, high = (sample(bound(image, three), target, cv2.INTER_NEAREST) for bound in (cv2.erode, cv2.dilate))
    # between two pixels grain may peak above both, by a share of its own size; a highlight's ringing may not
    slack = (high - low) * np.float32(0.25)
    low -= np.minimum(slack, np.abs(low) * np.float32(0.1))
    high += np.minimum(slack, np.abs(high) * np.float32(0.1))
    return np.clip(moved, low, high, out=moved), valid
