"""Between a plate as sent and the arrays a tool computes on: colour, broken pixels, the working grid, the final edit.

Colour is OpenColorIO's: `$OCIO` where set, else a pinned built-in ACES studio config. Estimation happens in
scene-linear ACEScg. The edit (plate x ratio + added) happens in the plate's own space where that is scene-linear,
so that a host can rebuild it with Multiply and Plus, and in ACEScg where the plate is encoded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import PyOpenColorIO as ocio

from onelight.errors import ColourError, RequestError
from onelight.stages import FrameInfo

PINNED_CONFIG = "studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
WORKING = "ACEScg"
LUMINANCE = np.array([0.27222872, 0.67408177, 0.05368952], np.float32)  # ACEScg to Y, SMPTE ST 2065 AP1 primaries
SPACES = {
    "acescg": "ACEScg",
    "aces2065_1": "ACES2065-1",
    "lin_rec709": "lin_rec709",
    "acescct": "ACEScct",
    "logc3": "arri_logc3_ei800",
    "logc4": "arri_logc4",
    "slog3": "slog3_sgamut3cine",
    "vlog": "vlog_vgamut",
    "log3g10": "log3g10_redwidegamutrgb",
    "canonlog2": "canonlog2_cinemagamut_d55",
    "canonlog3": "canonlog3_cinemagamut_d55",
    "bmdfilm5": "bmdfilm_widegamut_gen5",
    "davinci": "davinci_intermediate_widegamut",
    "srgb": "srgb_texture",  # scene-referred: the curve alone, no view transform to guess at
    "rec1886": "g24_rec709",
}


@cache
def config(path: str | None = None) -> ocio.Config:
    """The OpenColorIO config in force: `path`, else `$OCIO`, else the pinned built-in one. ColourError if broken."""
    source = path or os.environ.get("OCIO") or f"ocio://{PINNED_CONFIG}"
    try:
        return ocio.Config.CreateFromFile(source)
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise ColourError(f"The OpenColorIO config {source} cannot be used: {error}") from error


@dataclass(frozen=True)
class Colour:
    """The plate's colour space and its ways to scene-linear ACEScg; build it with `Colour.of`."""

    name: str  # as the config knows it; "" where the space is unset
    linear: bool

    @staticmethod
    @cache
    def of(space: str) -> Colour:
        """The space by spec option or by its name in the config; ColourError where the config does not know it."""
        if space in ("", "unset"):
            return Colour("", True)
        found = config().getColorSpace(SPACES.get(space, space))
        if found is None:
            raise ColourError(f"The colour config has no space named '{space}': pick another Input space.")
        if found.isData():
            raise ColourError(f"'{space}' holds data, not colour: pick the space the plate was encoded in.")
        return Colour(found.getName(), found.getEncoding() == "scene-linear")

    def to_working(self, rgb: np.ndarray) -> np.ndarray:
        """Float32 [..., 3] in this space as new float32 scene-linear ACEScg, unclamped."""
        if not self.name or self.name == WORKING:
            return rgb.copy()
        return cv2.transform(rgb, self._matrix) if self.linear else self._apply(rgb, WORKING)

    def decode(self, rgb: np.ndarray) -> np.ndarray:
        """Float32 [H, W, 3] in the space where the edit happens: itself where scene-linear, else ACEScg."""
        return rgb if self.linear else self._apply(rgb, WORKING)

    def encode(self, rgb: np.ndarray) -> np.ndarray:
        """The inverse of `decode`."""
        return rgb if self.linear else _processor(WORKING, self.name, rgb)

    def light(self, acescg: np.ndarray) -> np.ndarray:
        """A light's ACEScg colour [3] as gains in the space where the edit happens."""
        if not self.linear or not self.name:
            return acescg.astype(np.float32)
        white = self._matrix.astype(np.float64) @ np.ones(3)  # the space's own white is no gain
        return np.linalg.solve(self._matrix.astype(np.float64), acescg * white).astype(np.float32)

    @property
    def _matrix(self) -> np.ndarray:
        return _matrix(self.name)

    def _apply(self, rgb: np.ndarray, target: str) -> np.ndarray:
        return _processor(self.name, target, rgb)


@cache
def _cpu(source: str, target: str) -> ocio.CPUProcessor:
    try:
        return config().getProcessor(source, target).getDefaultCPUProcessor()
    except ocio.Exception as error:
        raise ColourError(f"No way from '{source}' to '{target}' in the colour config: {error}") from error


def _processor(source: str, target: str, rgb: np.ndarray) -> np.ndarray:
    out = np.array(rgb, np.float32, order="C")
    _cpu(source, target).applyRGB(out.reshape(1, -1, 3))
    return out


@cache
def _matrix(name: str) -> np.ndarray:
    """3 x 3 from a scene-linear space to ACEScg, read off the config by sending the unit colours through it."""
    return np.ascontiguousarray(_processor(name, WORKING, np.eye(3, dtype=np.float32)).reshape(3, 3).T)


def rgb32(frame: np.ndarray, premult: str = "none") -> np.ndarray:
    """R, G, B of a frame [H, W, 4] as float32 [H, W, 3]; divided by alpha where premultiplied (alpha 0: as it is)."""
    rgb = frame[..., :3].astype(np.float32)
    if premult == "premultiplied":
        alpha = frame[..., 3:].astype(np.float32)
        np.divide(rgb, alpha, out=rgb, where=alpha != 0)
    return rgb


def mend(rgb: np.ndarray) -> tuple[np.ndarray, int]:
    """Replaces NaN and inf by the mean of the sound neighbourhood; returns the array and how many pixels were broken.

    The neighbourhood doubles until it holds a sound pixel, so a broken block of any size is filled from its rim.
    """
    if np.isfinite(rgb.sum(dtype=np.float64)):
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
        factor = max(1, -(-max(fx2 - fx1, fy2 - fy1) // longest))
        top, left = max(fy2 - y2, 0) // factor * factor, max(x1 - fx1, 0) // factor * factor  # whole blocks left out
        height = -(-(fy2 - top - max(y1, fy1)) // factor)
        width = -(-(min(x2, fx2) - fx1 - left) // factor)
        return Grid(factor, y2 - fy2 + top, fx1 + left - x1, height, width, (y2 - y1, x2 - x1))

    def shrink(self, image: np.ndarray) -> np.ndarray:
        """The picture's part of a window-sized image [H, W(, C)] as block means, float32 at working size."""
        h, w = self.window
        f = self.factor
        y1, x1 = max(self.top, 0), max(self.left, 0)
        y2, x2 = min(self.top + self.height * f, h), min(self.left + self.width * f, w)
        part = np.ascontiguousarray(image[y1:y2, x1:x2], np.float32)
        pad = (y1 - self.top, self.top + self.height * f - y2, x1 - self.left, self.left + self.width * f - x2)
        if any(pad):
            part = cv2.copyMakeBorder(part, *pad, cv2.BORDER_REPLICATE)
        return part if f == 1 else cv2.resize(part, (self.width, self.height), interpolation=cv2.INTER_AREA)

    def grow(self, small: np.ndarray, rows: slice) -> np.ndarray:
        """Rows of the window from an image at working size, bilinear, edges held; float32 [rows, W(, C)]."""
        f = float(self.factor)
        shift = 0.5 / f - 0.5
        to_small = np.array(
            [[1 / f, 0, shift - self.left / f], [0, 1 / f, shift + (rows.start - self.top) / f]], np.float64
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
            result = source.astype(np.float32)
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
            target[...] = result
        if (ratio[..., 1] == 1).any():  # a look at one channel first: most bands have no neutral pixel at all
            neutral = (ratio[..., :3] == 1).all(axis=-1)
            if added is not None:
                neutral &= (added[..., :3] == 0).all(axis=-1)
            np.copyto(target, source, where=neutral[..., None])
        target[..., 3] = source[..., 3]

    for future in [_HANDS.submit(one, band) for band in grid.bands(rows)]:
        future.result()


def write_bands(info: FrameInfo, grid: Grid, image: Callable[[slice], np.ndarray], out: np.ndarray) -> None:
    """Writes `image(rows)` [rows, W, C] of the window into `out` [h, w, C] of the render window, band by band."""
    rows, columns = info.crop()
    for band in grid.bands(rows):
        top, bottom = max(band.start, rows.start), min(band.stop, rows.stop)
        out[top - rows.start : bottom - rows.start] = image(band)[top - band.start : bottom - band.start, columns]
