"""Timecode as frame counts, by OpenTimelineIO."""

from __future__ import annotations

import math
from fractions import Fraction

from opentimelineio import opentime

# The rates that timecode exists for, as OpenTimelineIO spells them.
RATES = {Fraction(24000, 1001): 24000 / 1001, Fraction(30000, 1001): 30000 / 1001, Fraction(60000, 1001): 60000 / 1001}


def count(text: str, rate: Fraction) -> int | None:
    """Frames since midnight of '10:00:00:00', or '10:00:00;00' for drop frame; None where it is no such timecode."""
    if not text.strip():
        return None
    try:
        return round(opentime.from_timecode(text.strip(), nominal(rate)).value)
    except ValueError:
        return None


def text(frames: int, rate: Fraction, drop: bool = False) -> str:
    """The timecode of a frame count; drop frame where asked for and the rate has it."""
    exact = nominal(rate)
    can = drop and Fraction(rate) in (Fraction(30000, 1001), Fraction(60000, 1001))
    return opentime.to_timecode(opentime.RationalTime(frames, exact), exact, can)


def nominal(rate: Fraction) -> float:
    """The rate that timecode of a clip counts in: 24 for 23.98 that was told as 2997/125, 13 for 12.5."""
    for exact, told in RATES.items():
        if abs(rate - exact) < Fraction(1, 200):
            return told
    return float(math.ceil(rate))
