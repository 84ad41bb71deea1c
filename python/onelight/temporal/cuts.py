"""Whether frames belong to one shot, and whether a host gives different frames for different times at all."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from onelight.temporal.encode import coded, luminance, middle, shrink
from onelight.temporal.flow import between, positions, sample

SIZE = 128  # longest side at which two frames are compared
COARSE = 10.0  # pixels there: what is coarser (bright above, dark below) many shots have in common
STRONG = 1.0  # stops: detail above it counts no more
EVEN = 0.02  # stops: detail below it is none; two even walls are alike
ALIKE = 0.62  # correlation after motion above which it is one shot


def same_shot(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two scene-linear pictures [H, W, 3] look like frames of one shot, whatever the motion and exposure.

    They do where, after moving one onto the other as a smooth flow can, edges and texture correlate.
    """
    return _alike(_small(a), _small(b))


def _small(picture: np.ndarray) -> np.ndarray:
    return coded(luminance(shrink(picture, SIZE)), middle(picture))


def _alike(first: np.ndarray, second: np.ndarray) -> bool:
    if first.shape != second.shape:
        return False
    if _likeness(first, second) > ALIKE:  # as they are: most frames of a shot
        return True
    return max(_likeness(first, _moved(first, second)), _likeness(second, _moved(second, first))) > ALIKE


def _moved(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The second of two small pictures laid over the first, as a smooth flow can."""
    flow = cv2.blur(between(first, second), (15, 15))  # a free flow could make any picture out of any other
    return sample(second, positions(first.shape) + flow, cv2.INTER_LINEAR)


def _likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of the detail of two small pictures in stops [h, w]."""
    one, two = (_detail(image) for image in (first, second))
    strength = float(np.sqrt((one * one).mean() * (two * two).mean()))
    return (float((one * two).mean()) + EVEN**2) / (strength + EVEN**2)


def _detail(picture: np.ndarray) -> np.ndarray:
    fine = np.clip(picture - cv2.GaussianBlur(picture, (0, 0), COARSE), -STRONG, STRONG)
    return fine - fine.mean()


def in_shot(pictures: Mapping[int, np.ndarray]) -> frozenset[int]:
    """The offsets that are reached from frame 0 without crossing a cut, 0 among them."""
    reached, here = {0}, _small(pictures[0])
    for side in (1, -1):
        last = here
        for offset in sorted((k for k in pictures if k * side > 0), key=abs):
            if not _alike(last, seen := _small(pictures[offset])):
                break
            reached.add(offset)
            last = seen
    return frozenset(reached)


def frozen(pictures: Mapping[int, np.ndarray]) -> bool:
    """Whether there are neighbours and each is bit for bit frame 0: some hosts (MLT) know only the current frame."""
    neighbours = [picture for offset, picture in pictures.items() if offset != 0]
    return bool(neighbours) and all(np.array_equal(pictures[0], picture) for picture in neighbours)
