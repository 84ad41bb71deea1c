"""What cameras and labs write into files, brought to one set of names and units."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

# Tags that say how colour is encoded, and what in their values names a space of colour.py; more exact ones first.
ENCODED = re.compile(r"gamma|colou?r ?space|transfer|oetf|encoding|log ?mode|look ?file ?base", re.IGNORECASE)
SPACES = {
    "logc4": "logc4",
    "logc3": "logc3",
    "logc": "logc3",
    "slog3": "slog3",
    "vlog": "vlog",
    "log3g10": "log3g10",
    "canonlog2": "canonlog2",
    "clog2": "canonlog2",
    "canonlog3": "canonlog3",
    "clog3": "canonlog3",
    "bmdfilmgen5": "bmdfilm5",
    "blackmagicdesignfilmgen5": "bmdfilm5",
    "davinciintermediate": "davinci",
    "acescct": "acescct",
    "acescg": "acescg",
    "linap1": "acescg",
    "aces20651": "aces2065_1",
    "linap0": "aces2065_1",
    "linrec709": "lin_rec709",
}


def _number(text: str) -> float:
    """The first number of '50.0 mm', 'T2.8', '24000/1001', '5600K'."""
    if not (found := re.search(r"-?\d+(?:\.\d+)?(?:/\d+)?", text)):
        raise ValueError(text)
    return round(float(Fraction(found[0])), 4)


def _plain(text: str) -> str:
    return text.strip()


def _date(text: str) -> str:
    """An ISO date out of '20190501', '2019:05:01 10:00:00', '2019-05-01T...'."""
    if not (found := re.match(r"\s*(\d{4})[-:/ ]?(\d{2})[-:/ ]?(\d{2})", text)):
        raise ValueError(text)
    return "-".join(found.groups())


# Our name: how its value is read, and the tags of files that hold it, letters and digits only, the best first.
# OpenEXR's standard attributes, ARRI's and RED's in MXF and QuickTime, Apple's, Exif through OpenImageIO, DPX, ALE.
NAMES: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "camera": (_plain, ("cameramodel", "comarricameracameramodel", "model", "comapplequicktimemodel", "cameratype",
                        "dpxinputdevice")),
    "make": (_plain, ("cameramake", "make", "comapplequicktimemake", "manufacturer")),
    "serial": (_plain, ("cameraserialnumber", "comarricameracameraserialnumber", "exifbodyserialnumber",
                        "dpxinputdeviceserialnumber")),
    "unit": (_plain, ("cameralabel", "comarricameracameraindex", "camera", "cameraindex")),
    "lens": (_plain, ("lensmodel", "comarricameralenstype", "exiflensmodel", "lens", "lenstype", "lensname")),
    "focal_mm": (_number, ("nominalfocallength", "effectivefocallength", "exiffocallength", "focallength", "focal",
                           "comarricameralensfocallength")),
    "t_stop": (_number, ("tstop", "comarricameralensiris", "lensiris")),
    "f_stop": (_number, ("exiffnumber", "fnumber", "aperture", "iris")),
    "iso": (_number, ("isospeed", "exifphotographicsensitivity", "exifisospeedratings", "comarricameraexposureindexasa",
                      "exposureindexasa", "iso", "asa", "ei")),
    "shutter_deg": (_number, ("shutterangle", "comarricamerashutterangle", "shutter", "dpxshutterangle")),
    "shutter_s": (_number, ("exptime", "exposuretime", "exifexposuretime")),
    "white_balance_k": (_number, ("colortemperature", "cameracctsetting", "comarricamerawhitebalancekelvin",
                                  "whitebalancekelvin", "whitebalance", "wb", "colortemp")),
    "tint": (_number, ("cameratintsetting", "comarricamerawhitebalancetintcc", "whitebalancetint", "tint")),
    "distance_m": (_number, ("focus", "subjectdistance", "exifsubjectdistance")),
    "reel": (_plain, ("reelname", "comarricamerareelname", "tape", "reel", "tapeid", "camroll",
                      "comapplequicktimereelname", "reelidentifier")),
    "clip": (_plain, ("clipname", "comarricameracameraclipname", "sourcefile")),
    "scene": (_plain, ("scene", "scenename", "comarricamerascene")),
    "slate": (_plain, ("slate", "slateinfo", "dpxslateinfo", "setup")),
    "take": (_plain, ("take", "comarricamerataken", "comarricamerataketype")),
    "date": (_date, ("shootdate", "capdate", "exifdatetimeoriginal", "creationtime", "creationdate",
                     "comapplequicktimecreationdate")),
    "timecode": (_plain, ("timecode", "smptetimecode", "dpxtimecode", "start")),
}  # fmt: skip


def normalised(tags: Mapping[str, str]) -> dict[str, Any]:
    """What of the tags is understood, by our names; a tag whose value cannot be read is left out.

    Millimetres, T-stops, ISO, degrees, seconds, Kelvin, metres; dates as 2026-05-01.
    """
    by_name = {_key(name): value for name, value in tags.items() if value and value.strip()}
    out: dict[str, Any] = {}
    for name, (read, candidates) in NAMES.items():
        for candidate in candidates:
            try:
                out[name] = read(by_name[candidate])
                break
            except (KeyError, ValueError, ZeroDivisionError):
                continue
    return out


def space(tags: Mapping[str, str]) -> str:
    """The colour space that the tags name, as colour.py calls it; empty where none does."""
    for name, value in tags.items():
        if ENCODED.search(name):
            text = _key(value)
            for wanted, found in SPACES.items():
                if wanted in text:
                    return found
    return ""


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
