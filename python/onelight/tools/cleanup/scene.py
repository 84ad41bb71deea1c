"""What Cleanup's stages share: the picture inside the format, mattes as drawn, wires that were tracked, the passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from onelight.imaging import mend, rgb32
from onelight.stages import Context, FrameInfo
from onelight.tools.cleanup.curves import Curve, sample
from onelight.tools.cleanup.fill import FAINT, Filled, From

THICKEST = 128.0  # px across what is drawn by hand and still a line
SOURCE_COLOURS = np.zeros((len(From), 3), np.float32)  # of the source map, by From
SOURCE_COLOURS[From.NEIGHBOUR] = 0, 1, 0
SOURCE_COLOURS[From.CLEAN] = 0, 0, 1
SOURCE_COLOURS[From.ACROSS] = 1, 1, 0
SOURCE_COLOURS[From.MADE] = 1, 0, 1
SOURCE_COLOURS[From.PAINT] = 1, 0, 0


@dataclass(frozen=True)
class Area:
    """The part of the tensors that is picture: where data window and format meet, at this render's scale.

    Overscan stays as it was shot: what a lens shows out there must not decide what is done inside.
    """

    rows: slice
    columns: slice
    left: int  # px from the format's top left corner to the picture's
    top: int

    @staticmethod
    def of(info: FrameInfo) -> Area:
        """The area of a frame; all of a window that lies wholly outside the format."""
        (x1, y1, x2, y2), (fx1, fy1, fx2, fy2) = info.window, info.format
        if min(x2, fx2) <= max(x1, fx1) or min(y2, fy2) <= max(y1, fy1):
            fx1, fy1, fx2, fy2 = info.window
        left, right, bottom, top = max(x1, fx1), min(x2, fx2), max(y1, fy1), min(y2, fy2)
        return Area(slice(y2 - top, y2 - bottom), slice(left - x1, right - x1), left - fx1, fy2 - top)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def of_tensor(self, frame: np.ndarray) -> np.ndarray:
        """Its part of a tensor [H, W(, C)], a view."""
        return frame[self.rows, self.columns]

    def to_full(self, curves: Sequence[Curve], scale: float) -> list[Curve]:
        """Curves of this area in pixels at full size from the format's top left corner, as they are tracked."""
        shift = np.array([self.left, self.top], np.float32)
        return [replace(c, points=(c.points + shift) / np.float32(scale), width=c.width / scale) for c in curves]

    def from_full(self, curves: Sequence[Curve], scale: float) -> list[Curve]:
        """The inverse of `to_full`."""
        shift = np.array([self.left, self.top], np.float32)
        return [
            replace(c, points=c.points * np.float32(scale) - shift, width=c.width * np.float32(scale)) for c in curves
        ]


def picture(context: Context, area: Area, clip: str = "Source", offset: int = 0) -> tuple[np.ndarray, int]:
    """A clip's picture in scene-linear ACEScg, float32 [h, w, 3] of the area, and how many pixels of it were broken."""
    frame = context.clips[clip, offset]
    rgb = rgb32(np.ascontiguousarray(area.of_tensor(frame)), context.info.premult)
    return mend(context.colour.to_working(rgb))


@dataclass(frozen=True)
class Pictures(Mapping[int, np.ndarray]):
    """Pictures of a shot by frame number, made when they are asked for: a long shot is not held at once."""

    at: Mapping[int, Context]
    area: Area

    def __getitem__(self, time: int) -> np.ndarray:
        return picture(self.at[time], self.area)[0]

    def __iter__(self) -> Iterator[int]:
        return iter(self.at)

    def __len__(self) -> int:
        return len(self.at)


def drawn(context: Context, area: Area, clip: str, offset: int = 0) -> np.ndarray | None:
    """A matte as drawn by hand, float32 [h, w] in 0..1 of the area; None where there is none."""
    frame = context.clip(clip, offset)
    if frame is None:
        return None
    channel = 0 if context.knobs["matte_channel"] == "red" else 3
    matte = np.nan_to_num(area.of_tensor(frame)[..., channel].astype(np.float32), posinf=1, neginf=0)
    return np.clip(matte, 0, 1) if (matte > 0).any() else None


def thin(matte: np.ndarray) -> bool:
    """Whether a drawn matte [h, w] holds nothing too thick for a line, such as a rig's roto."""
    inside = (matte > 0.5).astype(np.uint8)
    return not inside.all() and cv2.distanceTransform(inside, cv2.DIST_L2, 3).max() <= THICKEST / 2


def apart(curves: Sequence[Curve], add: np.ndarray | None) -> list[Curve]:
    """The curves that do not run where another matte [h, w] draws them already."""
    return [c for c in curves if add is None or float((sample(add, c.points) > 0.5).mean()) < 0.5]


def vectors(context: Context, area: Area, offset: int) -> np.ndarray | None:
    """Motion [h, w, 2] in pixels of this scale, y down, to the frame next to this one, from the Vectors clip.

    None where there is no such clip, for frames further away, and where it holds no finite number.
    """
    frame = context.clip("Vectors")
    if frame is None or abs(offset) != 1:
        return None
    first = 0 if offset == 1 else 2
    flow = area.of_tensor(frame)[..., first : first + 2].astype(np.float32)
    flow *= np.array([context.info.scale[0], -context.info.scale[1]], np.float32)
    return flow if np.isfinite(flow).all() else None


def write(context: Context, area: Area, matte: np.ndarray, filled: Filled) -> np.ndarray:
    """The result or the pass that is asked for, the render window [h, w, 4] in the plate's dtype.

    Where nothing was put in, the result is the plate's pixel, copied.
    """
    info, plate, out = context.info, context.source, context.output()
    put_in = np.zeros(plate.shape[:2], bool)
    put_in[area.rows, area.columns] = _put_in(matte, filled)
    window = info.crop()
    here, seen = put_in[window], plate[window]
    if info.output in ("result", "patch"):
        rgb = _rgb_of(context, area, filled, put_in)[window][here]
        out[...] = seen if info.output == "result" else 0
        with np.errstate(over="ignore"):  # beyond the largest half is inf, as in a host's own nodes
            if info.output == "patch":
                alpha = _at(area, matte, plate.shape, 0)[window][here][:, None]
                out[here, 3:] = alpha
                rgb = rgb - seen[here, :3].astype(np.float32) * (1 - alpha)
            out[here, :3] = rgb
        return out
    if info.output == "source":
        out[..., :3] = _at(area, SOURCE_COLOURS[filled.source], plate.shape, 0)[window]
        out[..., 3] = 1
    else:
        image, outside = (matte, 0) if info.output == "matte" else (filled.sure, 1)
        out[...] = _at(area, image, plate.shape, outside)[window][..., None]
    return out


def _put_in(matte: np.ndarray, filled: Filled) -> np.ndarray:
    return (matte > FAINT) & (filled.source != From.PLATE) & (filled.source != From.PAINT)


def _rgb_of(context: Context, area: Area, filled: Filled, where: np.ndarray) -> np.ndarray:
    """The filled pixels as the plate is encoded, float32 [H, W, 3]; anything where nothing was put in."""
    colour, plate = context.colour, context.source
    full = np.zeros((*plate.shape[:2], 3), np.float32)
    if not where.any():
        return full
    rgb = colour.encode(colour.from_working(filled.pixels[where[area.rows, area.columns]][None]))[0]
    if context.info.premult == "premultiplied":
        alpha = plate[where][:, 3:].astype(np.float32)
        np.multiply(rgb, alpha, out=rgb, where=alpha != 0)
    full[where] = rgb
    return full


def _at(area: Area, image: np.ndarray, shape: tuple[int, ...], outside: float) -> np.ndarray:
    """The area's image [h, w(, C)] in the whole window."""
    full = np.full((*shape[:2], *image.shape[2:]), outside, np.float32)
    full[area.rows, area.columns] = image
    return full


def told(filled: Filled, wires: int, remarks: Mapping[str, bool]) -> str:
    """What the node says of a frame: how many wires, how much of what was put in is real, what needs paint."""
    gone = np.isin(filled.source, (From.NEIGHBOUR, From.CLEAN, From.ACROSS, From.MADE))
    real = np.isin(filled.source, (From.NEIGHBOUR, From.CLEAN))
    paint = int((filled.source == From.PAINT).sum())
    if not gone.any() and not paint:
        text = "No wires found."
    else:
        share = f"; {100 * real.sum() / max(int(gone.sum()), 1):.0f} % of what was put in are real pixels"
        needs = "1 pixel needs paint" if paint == 1 else f"{paint} pixels need paint"
        text = f"{plural(wires)}{share if gone.any() else ''}; {needs}."
    return " ".join([text, *(remark for remark, holds in remarks.items() if holds)])


def plural(wires: int) -> str:
    """A number of wires in words."""
    return f"{wires} wire{'' if wires == 1 else 's'}"
