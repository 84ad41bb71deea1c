"""What a clip's own files say of it: rate, timecode, reel, camera, and the colour space that it is to be read in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import OpenImageIO as oiio

from onelight.dailies import metadata, movies
from onelight.dailies.finding import Found
from onelight.images import read_frame

FILM = Fraction(24)  # of a sequence that does not say
# ITU-T H.273 transfer characteristics of video that is graded on a Rec.1886 screen; sRGB; linear.
TRANSFERS = {1: "rec1886", 6: "rec1886", 14: "rec1886", 15: "rec1886", 13: "srgb", 8: "lin_rec709"}
UNSAID, WIDE = 2, (9, 10, 11, 12)  # transfer not said; primaries that no space of ours is of: Rec.2020, XYZ, P3
PRIMARIES = {  # x and y of red, green, blue, as makers and standards give them
    "acescg": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044),
    "aces2065_1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077),
    "lin_rec709": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    "lin_rec2020": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    "lin_p3d65": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    "lin_arri_wide_gamut_3": (0.684, 0.313, 0.221, 0.848, 0.0861, -0.102),
    "lin_arri_wide_gamut_4": (0.7347, 0.2653, 0.1424, 0.8576, 0.0991, -0.0308),
    "lin_sgamut3": (0.730, 0.280, 0.140, 0.855, 0.100, -0.050),
    "lin_sgamut3cine": (0.766, 0.275, 0.225, 0.800, 0.089, -0.087),
    "lin_vgamut": (0.730, 0.280, 0.165, 0.840, 0.100, -0.030),
    "lin_redwidegamutrgb": (0.780308, 0.304253, 0.121595, 1.493994, 0.095612, -0.084589),
}
# What an ICC profile calls itself; one that is not among them is nothing to guess at.
PROFILES = {
    r"acescg.*(g10|linear)": "acescg",
    r"linear.*(rec\W?709|srgb)|srgb.*(g10|linear)": "lin_rec709",
    r"linear.*rec\W?2020": "lin_rec2020",
    r"srgb": "srgb",
}
DISPLAY = (".png", ".jpg", ".jpeg", ".tif", ".tiff")  # encoded for a screen where they do not say


@dataclass(frozen=True)
class Header:
    """`space` as colour.py names it, empty: unknown; `assumed`: in words, what was taken for granted."""

    rate: Fraction
    space: str
    reel: str
    timecode: str
    camera: dict[str, Any]
    assumed: tuple[str, ...]


def read(found: Found) -> Header:
    """Reads the first file's header. Raises ImageError naming the file."""
    if found.kind == "movie":
        return _of_movie(movies.probe(found.files[found.first]))
    return _of_image(found)


def _of_movie(told: movies.Movie) -> Header:
    assumed: list[str] = []
    space = metadata.space(told.tags) or TRANSFERS.get(told.transfer, "")
    if not space and told.transfer == UNSAID and told.primaries not in WIDE:
        space = "rec1886"
        assumed.append("colour space: Rec.1886")
    elif space == "rec1886" and told.primaries in WIDE:
        space = ""
    camera = metadata.normalised(told.tags)
    camera |= {"codec": told.codec, "pixels": told.pixels, "full_range": told.full_range}
    return _header(told.rate, space, camera, assumed)


def _of_image(found: Found) -> Header:
    path = found.files[found.first]
    spec = read_frame(path).spec
    tags = {one.name: one.value if isinstance(one.value, str) else spec.metadata_val(one) for one in spec.extra_attribs}
    assumed: list[str] = []
    rate = _rate(spec)
    if rate is None and found.kind == "sequence":
        assumed.append("rate: 24")
    space = metadata.space({name: value for name, value in tags.items() if name != "oiio:ColorSpace"})
    if not space and path.suffix.lower() == ".exr":
        if "chromaticities" in tags:
            space = _by_primaries(spec)
        else:
            space = "lin_rec709"  # what the OpenEXR file layout says of a file without chromaticities
            assumed.append("colour space: linear Rec.709")
    elif not space and (profile := tags.get("ICCProfile:profile_description")):
        space = next((found for said, found in PROFILES.items() if re.search(said, profile, re.IGNORECASE)), "")
    elif not space and path.suffix.lower() in DISPLAY:
        space = "srgb"
        assumed += [] if path.suffix.lower() in (".jpg", ".jpeg") else ["colour space: sRGB"]
    elif not space and "709" in tags.get("dpx:Transfer", ""):
        space = "rec1886"
    return _header(rate or FILM, space, metadata.normalised(tags), assumed)


def _header(rate: Fraction, space: str, camera: dict[str, Any], assumed: list[str]) -> Header:
    reel, timecode = str(camera.pop("reel", "")), str(camera.pop("timecode", ""))
    return Header(
        rate, space, reel, timecode if timecode.count(":") + timecode.count(";") == 3 else "", camera, tuple(assumed)
    )


def _rate(spec: oiio.ImageSpec) -> Fraction | None:
    value = spec.getattribute("framesPerSecond")
    if isinstance(value, tuple) and len(value) == 2 and value[1]:
        return Fraction(int(value[0]), int(value[1]))
    for name in ("dpx:FrameRate", "dpx:TemporalFrameRate"):
        value = spec.getattribute(name)
        if isinstance(value, int | float) and 1 <= value <= 1000:
            return Fraction(value).limit_denominator(1001)
    return None


def _by_primaries(spec: oiio.ImageSpec) -> str:
    value = spec.getattribute("chromaticities")
    if not isinstance(value, tuple) or len(value) < 6:
        return ""
    for space, wanted in PRIMARIES.items():
        if np.allclose(value[:6], wanted, atol=2e-3):
            return space
    return ""
