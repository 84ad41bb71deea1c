"""Whether a viewing LUT is baked into a picture that claims to be as the camera recorded it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from onelight.colour import Colour
from onelight.dailies.matte import Box

DISPLAY = ("srgb", "rec1886")  # made for a screen, and says so
NOISE = -0.006  # scene-linear: noise around black does not reach below it
SHARE = 0.004  # of the picture below what the encoding can hold
CLIPPED = 0.004  # of a scene-linear picture at exactly 1, with nothing above


def why(samples: Mapping[int, np.ndarray], space: str, box: Box | None) -> str:
    """In words what shows that the samples [h, w, 3] are not encoded in the `space` they claim; empty if nothing does.

    A camera's log curve keeps black well above 0: values below its black are none that it writes. A scene-linear
    picture that piles up at 1 and has nothing above was made for a screen.
    """
    if not samples or space in ("", *DISPLAY):
        return ""
    colour = Colour.of(space)
    x1, y1, x2, y2 = box or (0, 0, 10**6, 10**6)
    stack = np.concatenate([picture[y1:y2, x1:x2].reshape(-1, 3) for picture in samples.values()])
    if colour.linear:
        clipped = float((np.abs(stack.max(axis=1) - 1) < 1e-3).mean())
        above = float((stack.max(axis=1) > 1 + 1e-3).mean())
        return f"{clipped:.1%} of it is cut off at exactly 1" if clipped > CLIPPED and above < CLIPPED / 20 else ""
    black = float(colour.encode(np.full((1, 1, 3), NOISE, np.float32)).min())
    below = float((stack.max(axis=1) < black).mean())
    return f"{below:.1%} of it is below what {space} writes for black" if below > SHARE else ""
