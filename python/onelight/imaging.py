"""Between a plate as sent and the arrays a tool computes on: broken pixels, the working grid, the final edit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import cv2
import numpy as np

from onelight.colour import Colour
from onelight.errors import RequestError
from onelight.stages import FrameInfo


def floats(image: np.ndarray) -> np.ndarray:
    """An image [H, ...] as float32, the image itself where it is that: halves by OpenCV, faster than by numpy."""
    if image.dtype != np.float16 or not image.size:
        return np.asarray(image, np.float32)
    return _converted(image, cv2.CV_32F)


def halves(image: np.ndarray) -> np.ndarray:
    """A float32 image [H, ...] as float16, to the nearest; inf beyond the largest half."""
    return _converted(image, cv2.CV_16F) if image.size else image.astype(np.float16)


def _converted(image: np.ndarray, depth: int) -> np.ndarray:
    rows = np.ascontiguousarray(image).reshape(len(image), -1)  # one channel: of more, OpenCV would scale but the first
    return cv2.multiply(rows, 1.0, dtype=depth).reshape(image.shape)  # pyright: ignore[reportCallIssue, reportArgumentType]


def rgb32(frame: np.ndarray, premult: str = "none") -> np.ndarray:
    """R, G, B of a frame [H, W, 4] as float32 [H, W, 3]; divided by alpha where premultiplied (alpha 0: as it is)."""
    if frame.dtype == np.float16:
        rgb = floats(cv2.cvtColor(frame.view(np.uint16), cv2.COLOR_RGBA2RGB).view(np.float16))
    else:
        rgb = cv2.cvtColor(np.asarray(frame, np.float32), cv2.COLOR_RGBA2RGB)
    if premult == "premultiplied":
        alpha = frame[..., 3:].astype(np.float32)
        np.divide(rgb, alpha, out=rgb, where=alpha != 0)
    return rgb


def mend(rgb: np.ndarray) -> tuple[np.ndarray, int]:
    """Replaces NaN and inf by the mean of the sound neighbourhood; returns the array and how many pixels were broken.

    The neighbourhood doubles until it holds a sound pixel, so a broken block of any size is filled from its rim.
    """
    if np.isfinite(cv2.sumElems(rgb)).all():
        return rgb, 0
    sound = np.asarray(np.isfinite(rgb).all(axis=-1))
    broken = int(sound.size - np.count_nonzero(sound))
    if broken == 0 or not sound.any():  # finite but overflowing sum, or nothing to fill from
        return (rgb if broken == 0 else np.zeros_like(rgb)), broken
    values: np.ndarray = np.where(sound[..., None], rgb, 0).astype(np.float32)
    weight = sound.astype(np.float32)
    missing: np.ndarray = ~sound
    size = 3
    while missing.any():
        total = cv2.boxFilter(values, -1, (size, size), normalize=False, borderType=cv2.BORDER_CONSTANT)
        count = cv2.boxFilter(weight, -1, (size, size), normalize=False, borderType=cv2.BORDER_CONSTANT)
        ready = missing & (count > 0.5)
        values[ready] = total[ready] / count[ready][:, None]
        missing &= ~ready
        size = size * 2 + 1
    return values, broken


@dataclass(frozen=True)
class Grid:
    """The working grid: the picture in blocks of `factor`, anchored to the format's top left corner.

    The picture is where window and format meet. Estimation looks at nothing else, so overscan changes nothing inside
    the format and an empty border is not taken for picture; beyond it the nearest estimate holds.
    """

    factor: int
    squeeze: float  # pixel aspect: the grid's own pixels are square
    top: int  # rows of the window above the grid's first row (negative: the grid starts above the window)
    left: int
    height: int  # working size
    width: int
    window: tuple[int, int]  # height, width of the tensors

    @staticmethod
    def of(info: FrameInfo, longest: int = 1024) -> Grid:
        """A grid for a frame whose format is at most `longest` on the grid. RequestError for an empty window."""
        (x1, y1, x2, y2), (fx1, fy1, fx2, fy2) = info.window, info.format
        if x2 <= x1 or y2 <= y1:
            raise RequestError("The plate has no pixels: its data window is empty.")
        if min(x2, fx2) <= max(x1, fx1) or min(y2, fy2) <= max(y1, fy1):  # the plate lies wholly outside the format
            fx1, fy1, fx2, fy2 = x1, y1, x2, y2
        squeeze = info.par if 0.25 <= info.par <= 4 else 1.0
        factor = max(1, math.ceil(max((fx2 - fx1) * squeeze, fy2 - fy1) / longest))
        top, left = max(fy2 - y2, 0) // factor * factor, max(x1 - fx1, 0) // factor * factor  # whole blocks left out
        height = -(-(fy2 - top - max(y1, fy1)) // factor)
        columns = -(-(min(x2, fx2) - fx1 - left) // factor)
        width = max(1, round(columns * squeeze))
        return Grid(factor, width / columns, y2 - fy2 + top, fx1 + left - x1, height, width, (y2 - y1, x2 - x1))

    def shrink(self, image: np.ndarray) -> np.ndarray:
        """The picture's part of a window-sized image [H, W(, C)] as block means, float32 at working size."""
        h, w = self.window
        f = self.factor
        y1, x1 = max(self.top, 0), max(self.left, 0)
        columns = round(self.width / self.squeeze)
        y2, x2 = min(self.top + self.height * f, h), min(self.left + columns * f, w)
        part = np.ascontiguousarray(image[y1:y2, x1:x2], np.float32)
        pad = (y1 - self.top, self.top + self.height * f - y2, x1 - self.left, self.left + columns * f - x2)
        if any(pad):
            part = cv2.copyMakeBorder(part, *pad, cv2.BORDER_REPLICATE)
        if f > 1:
            part = cv2.resize(part, (columns, self.height), interpolation=cv2.INTER_AREA)
        if columns != self.width:
            part = cv2.resize(part, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        return part

    def grow(self, small: np.ndarray, rows: slice) -> np.ndarray:
        """Rows of the window from an image at working size, bilinear, edges held; float32 [rows, W(, C)]."""
        down, across = 1 / self.factor, self.squeeze / self.factor
        to_small = np.array(
            [
                [across, 0, 0.5 * across - 0.5 - self.left * across],
                [0, down, 0.5 * down - 0.5 + (rows.start - self.top) * down],
            ],
            np.float64,
        )
        size = (self.window[1], rows.stop - rows.start)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(small, to_small, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def bands(self, rows: slice, height: int = 64) -> Iterator[slice]:
        """Bands of window rows covering `rows`, always cut at the same places: a crop repeats the full frame."""
        for start in range(rows.start - rows.start % height, rows.stop, height):
            yield slice(start, min(start + height, self.window[0]))


_HANDS = ThreadPoolExecutor(2, thread_name_prefix="edit")  # bands of one frame are edited side by side


def edit(
    plate: np.ndarray,
    out: np.ndarray,
    info: FrameInfo,
    grid: Grid,
    colour: Colour,
    operator: Callable[[slice], tuple[np.ndarray, np.ndarray | None]],
    check: Callable[[], None],
) -> None:
    """Writes plate x ratio + added into `out` [h, w, 4], the render window in the plate's dtype, band by band.

    `operator(rows)` gives, for rows of the window, the ratio [rows, W, 4] and what is added (or None), in the space of
    `Colour.decode`; what stands in their fourth channel does not matter. Alpha is the plate's. A pixel whose ratio is
    exactly 1 with nothing added is the plate's, copied.
    """
    rows, columns = info.crop()

    def one(band: slice) -> None:
        check()
        ratio, added = operator(band)
        top, bottom = max(band.start, rows.start), min(band.stop, rows.stop)
        inner = slice(top - band.start, bottom - band.start)
        source, target = plate[top:bottom, columns], out[top - rows.start : bottom - rows.start]
        _edit_rows(source, target, ratio[inner, columns], None if added is None else added[inner, columns])

    def _edit_rows(source: np.ndarray, target: np.ndarray, ratio: np.ndarray, added: np.ndarray | None) -> None:
        alpha = source[..., 3:].astype(np.float32) if info.premult == "premultiplied" else None
        if colour.linear:
            result = floats(source) * ratio
        else:
            result = np.zeros(source.shape, np.float32)
            result[..., :3] = colour.decode(rgb32(source, info.premult))
            result *= ratio
        if added is not None:
            result += added if alpha is None or not colour.linear else added * alpha
        if not colour.linear:
            rgb = colour.encode(result[..., :3])
            if alpha is not None:
                np.multiply(rgb, alpha, out=rgb, where=alpha != 0)
            result[..., :3] = rgb
        with np.errstate(over="ignore", invalid="ignore"):  # beyond the largest half is inf, as in a host's Multiply
            target[...] = halves(result) if target.dtype == np.float16 else result
        if (ratio[..., 1] == 1).any():  # a look at one channel first: most bands have no neutral pixel at all
            neutral = (ratio[..., :3] == 1).all(axis=-1)
            if added is not None:
                neutral &= (added[..., :3] == 0).all(axis=-1)
            np.copyto(target, source, where=neutral[..., None])
        target[..., 3] = source[..., 3]

    bands = [_HANDS.submit(one, band) for band in grid.bands(rows)]
    wait(bands)  # all of them, also when one gave up: `out` may be the reply's own memory
    for band in bands:
        band.result()


def write_bands(info: FrameInfo, grid: Grid, image: Callable[[slice], np.ndarray], out: np.ndarray) -> None:
    """Writes `image(rows)` [rows, W, C] of the window into `out` [h, w, C] of the render window, band by band."""
    rows, columns = info.crop()
    for band in grid.bands(rows):
        top, bottom = max(band.start, rows.start), min(band.stop, rows.stop)
        out[top - rows.start : bottom - rows.start] = image(band)[top - band.start : bottom - band.start, columns]
