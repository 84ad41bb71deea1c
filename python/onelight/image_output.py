"""Writes image files whole or not at all, with everything that the plate's own file said.

The other half of `onelight.images`, which is where callers find it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import OpenImageIO as oiio

from onelight.errors import ImageError

if TYPE_CHECKING:
    from onelight.images import Frame

LOSSLESS = ("none", "rle", "zip", "zips", "piz")
PART_PREFIX = ".onelight-part"
OWN = "onelight:.*"  # attributes that say how a file was made: those of the plate are not true of what is made of it

Stamp = Callable[[np.ndarray], Mapping[str, str]]


def write_frame(
    path: str | Path,
    frame: Frame,
    pixels: np.ndarray | None = None,
    *,
    stamp: Stamp | None = None,
    settle: Callable[[Path], None] | None = None,
) -> None:
    """Write `pixels` (default: the frame's own) with the frame's metadata and windows; all of the file or nothing.

    The file appears under its name only once it is complete and on disk. EXR keeps half as half and a lossless
    compression as it was (zip otherwise); integer formats keep the bits of an integer source, else 16, and clip to
    0..1 because they must. `stamp` is given the samples [H, W, C] that an EXR will hold and returns attributes to
    write with them. `settle` is called with the complete file just before it appears under its name, and may change
    it. ImageError names the file where it cannot be written.
    """
    path = Path(path)
    pixels = frame.pixels if pixels is None else pixels
    if pixels.shape[:2] != (frame.spec.height, frame.spec.width):
        raise ImageError(f"{path}: {pixels.shape[:2][::-1]} pixels given for a window of another size")
    if not path.parent.is_dir():
        raise ImageError(f"{path} cannot be written: the folder {path.parent} does not exist")
    if path.is_dir():
        raise ImageError(f"{path} cannot be written: it is a folder")
    output = oiio.ImageOutput.create(path.name)
    if output is None:
        oiio.geterror()  # says less than we do, but is printed at exit unless it was asked for
        raise ImageError(f"{path} cannot be written: no image format is known by the ending '{path.suffix}'")
    count = 4 if frame.has_alpha else 3
    data = np.ascontiguousarray(pixels[..., :count])
    spec = _spec_for_writing(frame, pixels.dtype, path.suffix.lower(), count)
    if stamp is not None and path.suffix.lower() == ".exr":
        for name, value in stamp(data).items():
            spec.attribute(name, value)
    part = path.with_name(f"{PART_PREFIX}-{socket.gethostname()}-{os.getpid()}-{path.name}")
    try:
        with part.open("xb"):  # OpenImageIO's own words for a read-only folder do not say why
            pass
        if not (output.open(str(part), spec) and output.write_image(data) and output.close()):
            raise ImageError(f"{path} cannot be written: {reason(output.geterror)}")
        _settle(part, path)
        if settle is not None:
            settle(part)
        part.replace(path)
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _settle(part: Path, path: Path) -> None:
    """Flush to disk, then read the last row back: some writers do not report a disk that filled up."""
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    check = oiio.ImageInput.open(str(part))
    whole = check is not None
    if check is not None:
        end = check.spec().y + check.spec().height
        whole = check.read_scanlines(0, 0, end - 1, end, 0, 0, 1, oiio.UNKNOWN) is not None
        check.close()
    if not whole:
        raise ImageError(f"{path} cannot be written: the file came out incomplete, the disk may be full")


def _spec_for_writing(frame: Frame, dtype: np.dtype, suffix: str, count: int) -> oiio.ImageSpec:
    spec = frame.spec.copy()
    stored = str(spec.format)
    spec.nchannels, spec.channelnames = count, ("R", "G", "B", "A")[:count]
    spec.alpha_channel = 3 if count == 4 else -1
    spec.z_channel = -1
    spec.tile_width = spec.tile_height = spec.tile_depth = 0
    spec.channelformats = ()
    for name in ("name", "oiio:subimages", "oiio:subimagename", "openexr:chunkCount", "oiio:SHA-1", "textureformat"):
        spec.erase_attribute(name)
    spec.erase_attribute(OWN)
    spec.erase_attribute("thumbnail.*")  # shows the plate, not the result
    spec.attribute("oiio:UnassociatedAlpha", 1)
    if suffix in (".exr", ".hdr", ".tif", ".tiff") and not (suffix != ".exr" and stored.startswith("uint")):
        spec.set_format(oiio.HALF if dtype == np.float16 and suffix == ".exr" else oiio.FLOAT)
    elif not stored.startswith("uint"):
        spec.set_format(oiio.UINT16)
    if suffix == ".exr" and spec.get_string_attribute("compression") not in LOSSLESS:
        spec.attribute("compression", "zip")
    return spec


def sweep_parts(folder: Path) -> int:
    """Remove unfinished files that a killed process of this machine left in a folder; how many there were."""
    swept = 0
    own = f"{PART_PREFIX}-{socket.gethostname()}-"
    for part in folder.glob(f"{PART_PREFIX}-*"):
        pid = part.name.removeprefix(own).partition("-")[0]
        if part.name.startswith(own) and pid.isdigit() and not Path(f"/proc/{pid}").exists():
            part.unlink(missing_ok=True)
            swept += 1
    return swept


def reason(ask: Callable[[], str]) -> str:
    """The first line of OpenImageIO's complaint, which may quote bytes of a corrupt header that are no text."""
    try:
        text = ask()
    except UnicodeDecodeError as error:
        text = error.object.decode("utf-8", "replace")
    return (text.strip().splitlines() or ["no reason given"])[0]
