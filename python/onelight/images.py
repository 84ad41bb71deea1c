"""Image files in and out: pixels as the tools want them, and everything else a file says kept for writing.

Reading and writing are OpenImageIO's. Every failure is an `ImageError` that names the file. A file may be followed by
a colon and a layer: `plate.0001.exr:diffuse`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from onelight import channels, luminance_chroma
from onelight.errors import ImageError
from onelight.image_output import PART_PREFIX, reason, sweep_parts, write_frame
from onelight.stages import FrameInfo, Rect

# What one message to a server may hold as float RGBA (2 GB), a little over 16384 x 8192: read nothing bigger.
MAX_PIXELS = (2**31 - 2**20) // 16
MAX_SIDE = 65536

__all__ = ["PART_PREFIX", "Frame", "read_frame", "split_layer", "sweep_parts", "write_frame"]


@dataclass(frozen=True)
class Frame:
    """One frame: `pixels` float16 or float32 [H, W, 4] RGBA, top row first, in the file's own encoding.

    Alpha is 1 where the file has none. `spec` is the file's own header, from which writing takes the metadata, the
    windows and the sample type; `note` is a sentence on what had to be chosen while reading, or empty.
    """

    pixels: np.ndarray
    spec: oiio.ImageSpec
    has_alpha: bool = True
    note: str = ""
    source: Path = field(default=Path())

    @staticmethod
    def of(pixels: np.ndarray, **attributes: str | float) -> Frame:
        """A frame that comes from no file, its data window the whole format; `attributes` go into what is written."""
        spec = oiio.ImageSpec(
            pixels.shape[1], pixels.shape[0], 4, oiio.HALF if pixels.dtype == np.float16 else oiio.FLOAT
        )
        for name, value in attributes.items():
            spec.attribute(name, value)
        return Frame(pixels, spec)

    @property
    def window(self) -> Rect:
        """The data window in pixels, y up, with the format's lower left corner at 0, 0."""
        x = self.spec.x - self.spec.full_x
        top = self.spec.full_height - (self.spec.y - self.spec.full_y)
        return (x, top - self.spec.height, x + self.spec.width, top)

    @property
    def format(self) -> Rect:
        """The display window, placed at 0, 0."""
        return (0, 0, self.spec.full_width, self.spec.full_height)

    @property
    def par(self) -> float:
        """Pixel aspect ratio, width : height."""
        return float(self.spec.getattribute("PixelAspectRatio") or 1.0)

    def info(self, **values: object) -> FrameInfo:
        """The frame's geometry as tools see it, with other fields of `FrameInfo` given by name."""
        return replace(FrameInfo(self.window, self.format, self.window, par=self.par), **values)  # type: ignore[arg-type]

    def fitted(self, window: Rect, frame_format: Rect) -> np.ndarray:
        """The pixels inside another data window of the same format; 0 in all channels where this frame has no data."""
        if self.format != frame_format:
            raise ImageError(
                f"{self.source} is {self.format[2]} x {self.format[3]} but the Source is "
                f"{frame_format[2]} x {frame_format[3]}: clips must have the format of the Source"
            )
        if self.window == window:
            return self.pixels
        out = np.zeros((window[3] - window[1], window[2] - window[0], 4), self.pixels.dtype)
        x1, x2 = max(window[0], self.window[0]), min(window[2], self.window[2])
        y1, y2 = max(window[1], self.window[1]), min(window[3], self.window[3])
        if x1 < x2 and y1 < y2:
            part = self.pixels[self.window[3] - y2 : self.window[3] - y1, x1 - self.window[0] : x2 - self.window[0]]
            out[window[3] - y2 : window[3] - y1, x1 - window[0] : x2 - window[0]] = part
        return out


def split_layer(path: str | Path) -> tuple[Path, str]:
    """`plate.exr:diffuse` as the file and the layer; a colon that belongs to an existing file's name stays."""
    text = str(path)
    file, colon, layer = text.rpartition(":")
    if colon and layer and "/" not in layer and not Path(text).exists():
        return Path(file), layer
    return Path(text), ""


def read_frame(path: str | Path, kind: channels.Kind = "plate") -> Frame:
    """Read one frame; `kind` says which channels are wanted ('plate', 'data' or 'mask', see `onelight.channels`).

    Half floats and bytes come as float16, anything else as float32; integers are scaled to 0..1. NaN and inf stay.
    ImageError names the file where it is missing, broken, deep, too big or has other channels than expected.
    """
    file, layer = split_layer(path)
    if not file.is_file():
        raise ImageError(f"{file} does not exist" if not file.exists() else f"{file} is a folder, not an image")
    hints = oiio.ImageSpec()
    hints.attribute("oiio:UnassociatedAlpha", 1)  # PNG and TIFF: the colours as stored, not multiplied by alpha
    source = oiio.ImageInput.open(str(file), hints)
    if source is None:
        complaint = reason(oiio.geterror)
        if "ubsampled channels" in complaint:
            return _read_luminance_chroma(file, layer, kind)
        raise ImageError(f"{file} cannot be read as an image: {complaint}")
    try:
        part, chosen = _choose_part(source, file, layer, kind)
        spec = source.spec().copy()
        used = {*chosen.rgb, *([] if chosen.alpha is None else [chosen.alpha])}
        kinds = [spec.channelformat(index) for index in used]  # an id channel beside them may be of any type
        half = all(str(kind) in ("half", "uint8") for kind in kinds)
        pixels = source.read_image(part, 0, 0, spec.nchannels, oiio.HALF if half else oiio.FLOAT)
        if pixels is None:
            raise ImageError(f"{file} is broken or cut short: {reason(source.geterror)}")
    except UnicodeDecodeError as error:
        raise ImageError(f"{file} has a corrupt header: a name in it is not text") from error
    finally:
        source.close()
    rgba = np.ascontiguousarray(chosen.pick(pixels.reshape(spec.height, spec.width, spec.nchannels)))
    spec.set_format(next((kind for kind in kinds if str(kind) not in ("half", "uint8")), kinds[0]))
    parts = spec.get_int_attribute("oiio:subimages", 1)
    name = spec.get_string_attribute("name") or f"number {part + 1}"
    note = f"{file.name}: part {name} taken, the first of {parts} that fits" if parts > 1 else ""
    return Frame(rgba, spec, chosen.has_alpha, note, file)


def _choose_part(
    source: oiio.ImageInput, file: Path, layer: str, kind: channels.Kind
) -> tuple[int, channels.Selection]:
    """Seek to the first flat part with fitting channels; where none has, the first part's complaint is raised."""
    first: ImageError | None = None
    part = 0
    while source.seek_subimage(part, 0):
        spec = source.spec()
        try:
            _check_size(file, spec)
            if spec.deep:
                raise ImageError(f"{file} is a deep image: flatten it first (DeepToImage), flat R, G, B are expected")
            return part, channels.select(str(file), tuple(spec.channelnames), layer, kind, spec.getattribute("name"))
        except ImageError as error:
            first = first or error
        part += 1
    raise first or ImageError(f"{file} cannot be read as an image: {reason(source.geterror)}")


def _check_size(file: Path, spec: oiio.ImageSpec) -> None:
    size = f"{spec.width} x {spec.height}"
    if spec.width < 1 or spec.height < 1 or spec.full_width < 1 or spec.full_height < 1:
        raise ImageError(f"{file} has an empty data or display window ({size}): at least one pixel is expected")
    if spec.depth > 1:
        raise ImageError(f"{file} is a volume of {spec.depth} slices: a flat image is expected")
    if spec.width * spec.height > MAX_PIXELS or max(spec.width, spec.height) > MAX_SIDE:
        raise ImageError(f"{file} claims {size} pixels: at most {MAX_PIXELS // 10**6} million are taken")
    if max(spec.full_width, spec.full_height) > MAX_SIDE:
        full = f"{spec.full_width} x {spec.full_height}"
        raise ImageError(f"{file} claims a format of {full} pixels: at most {MAX_SIDE} a side are taken")


def _read_luminance_chroma(file: Path, layer: str, kind: channels.Kind) -> Frame:
    header = luminance_chroma.read_header(file)
    spec = oiio.ImageSpec()
    (x1, y1), (x2, y2) = header["dataWindow"]
    spec.x, spec.y, spec.width, spec.height = int(x1), int(y1), int(x2 - x1 + 1), int(y2 - y1 + 1)
    (x1, y1), (x2, y2) = header["displayWindow"]
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = int(x1), int(y1), int(x2 - x1 + 1), int(y2 - y1 + 1)
    _check_size(file, spec)
    pixels, has_alpha = luminance_chroma.read(file, f"{layer}." if layer else "")
    if kind == "mask":
        pixels[...] = pixels[..., 3:] if has_alpha else pixels[..., :1]
    spec.nchannels = 4 if has_alpha else 3
    spec.channelnames = ("R", "G", "B", "A")[: spec.nchannels]
    spec.set_format(oiio.HALF)
    spec.attribute("compression", "zip")
    for name, value in header.items():
        if name == "chromaticities":
            spec.attribute(name, oiio.TypeDesc("float[8]"), [float(number) for number in value])
        elif name == "pixelAspectRatio":
            spec.attribute("PixelAspectRatio", float(value))
        elif isinstance(value, str | int | float) and not isinstance(value, bool) and name not in ("type", "name"):
            spec.attribute("Copyright" if name == "owner" else name, value)
    note = f"{file.name}: luminance-chroma, rebuilt to RGB"
    return Frame(pixels.astype(np.float16), spec, has_alpha, note, file)
