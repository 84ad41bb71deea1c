"""Digests of image files that tell what in a file was changed: its pixels and in which rows, or which attribute."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from onelight.errors import ImageError, OnelightError
from onelight.image_output import reason

ROWS = 64  # of a band: what a changed pixel is narrowed down to
SHORT = 16  # hexadecimal digits of digests that only narrow down; what is proven is proven by whole ones
OWN = "onelight:"  # begins the names of the attributes that we write
_READER = "oiio:"  # attributes that are the reader's own and not the file's


@dataclass(frozen=True)
class Pixels:
    """SHA-256 over all samples as stored, little endian, rows from the top; short ones over bands of `ROWS` rows."""

    sha256: str
    bands: tuple[str, ...]

    @staticmethod
    def of(samples: np.ndarray) -> Pixels:
        """Of the samples [H, W, C] in their stored type."""
        stored = np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder("<"), copy=False))
        bands = [stored[row : row + ROWS] for row in range(0, len(stored), ROWS)]
        shape = repr((*stored.shape, stored.dtype.str)).encode()
        whole = hashlib.sha256(shape)
        for band in bands:
            whole.update(band.data)
        return Pixels(whole.hexdigest(), tuple(hashlib.sha256(band.data).hexdigest()[:SHORT] for band in bands))

    def changed_rows(self, now: Pixels) -> str:
        """Where `now` differs, in words: 'rows 64 to 127'; empty where it does not."""
        if self.sha256 == now.sha256:
            return ""
        if len(self.bands) != len(now.bands):
            return "the picture has another size"
        rows = [n for n, (was, got) in enumerate(zip(self.bands, now.bands, strict=True)) if was != got]
        spans = [f"{n * ROWS} to {(n + 1) * ROWS - 1}" for n in rows]
        return f"rows {', '.join(spans)} from the top" if rows else "the picture has another shape or sample type"


@dataclass(frozen=True)
class FileDigest:
    """What is recorded of an image file: its bytes, its pixels, and its attributes by name."""

    sha256: str
    size: int
    pixels: Pixels
    attributes: Mapping[str, str]

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        pixels = {"sha256": self.pixels.sha256, "rows": ROWS, "bands": list(self.pixels.bands)}
        return {"sha256": self.sha256, "size": self.size, "pixels": pixels, "attributes": dict(self.attributes)}


def of_file(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file. Raises ImageError naming it."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error


def of_image(path: Path) -> FileDigest:
    """All digests of an image file. Raises ImageError where it cannot be read whole."""
    sha256, size = of_file(path)
    samples, spec = _read(path)
    return FileDigest(sha256, size, Pixels.of(samples), _attributes(spec))


def compared(file: Path, was: Mapping[str, Any]) -> list[str]:
    """What of a file is not as it was recorded, in words."""
    sha256, size = of_file(file)
    if sha256 == was["sha256"]:
        return []
    try:
        now = of_image(file)
    except OnelightError as error:
        short = f"it has {size} bytes, {was['size']} were written; " if size != was["size"] else ""
        return [f"{short}{error}"]
    problems = []
    rows = Pixels(was["pixels"]["sha256"], tuple(was["pixels"]["bands"])).changed_rows(now.pixels)
    if rows:
        problems.append(f"its pixels were changed: {rows}")
    before, after = was["attributes"], now.attributes
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            how = "was added" if name not in before else "was taken out" if name not in after else "was changed"
            problems.append(f"its attribute '{name}' {how}")
    return problems or ["its bytes were changed, but neither pixels nor attributes: it was written anew, or padded"]


def own_attributes(path: Path) -> dict[str, str]:
    """What the file itself says of its making: our attributes, without what their names begin with."""
    _, spec = _read(path)
    own = [one for one in spec.extra_attribs if one.name.startswith(OWN)]
    return {one.name.removeprefix(OWN): str(one.value) for one in own}


def _read(path: Path) -> tuple[np.ndarray, oiio.ImageSpec]:
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise ImageError(f"{path} cannot be read as an image: {reason(oiio.geterror)}")
    try:
        spec = source.spec().copy()
        samples = source.read_image(0, 0, 0, spec.nchannels, oiio.UNKNOWN)
        if samples is None:
            raise ImageError(f"{path} is broken or cut short: {reason(source.geterror)}")
    finally:
        source.close()
    return samples, spec


def _attributes(spec: oiio.ImageSpec) -> dict[str, str]:
    found = {one.name: [str(one.type), _plain(one.value)] for one in spec.extra_attribs}
    found = {name: value for name, value in found.items() if not name.startswith(_READER)}
    found["data window"] = ["", [spec.x, spec.y, spec.width, spec.height]]
    found["display window"] = ["", [spec.full_x, spec.full_y, spec.full_width, spec.full_height]]
    found["channels"] = ["", list(spec.channelnames)]
    return {name: _short(value) for name, value in sorted(found.items())}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [str(value.dtype), hashlib.sha256(value.tobytes()).hexdigest()]
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else repr(value)


def _short(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()[:SHORT]
