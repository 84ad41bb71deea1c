"""The look of a clip, a lens, a set-up or a show: every measurement that its frames could give, and why others not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from onelight.errors import RequestError
from onelight.look import bloom, fringes, grain, numbers, skin, tone, vignette
from onelight.look.bloom import Bloom
from onelight.look.fringes import Fringes
from onelight.look.grain import GrainLook
from onelight.look.skin import Skin
from onelight.look.tone import Tone
from onelight.look.vignette import Vignette

VERSION = 1  # of the numbers' meaning and of the JSON


@dataclass(frozen=True)
class Look:
    """The look of some footage. A measurement is None where the footage cannot tell; `why` then says why, by name.

    Values are of scene-linear ACEScg pictures. Errors are half widths of 95 % intervals.
    """

    clips: int
    frames: int
    picture: tuple[int, int]  # width, height of most frames
    tone: Tone | None
    vignette: Vignette | None
    fringes: Fringes | None
    grain: GrainLook | None
    bloom: Bloom | None
    skin: Skin | None
    why: dict[str, str]
    version: int = VERSION

    def to_json(self) -> str:
        """Canonical text: equal looks are equal bytes."""
        return json.dumps(numbers.told(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @staticmethod
    def from_json(text: str | bytes) -> Look:
        """The look that `to_json` wrote. RequestError where it is broken or of another release."""
        try:
            content = json.loads(text)
        except ValueError as error:
            raise RequestError(f"A look cannot be read: it is no JSON ({error}).") from error
        version = content.get("version") if isinstance(content, dict) else None
        if version != VERSION:
            raise RequestError(f"A look cannot be read: it is of version {version}, {VERSION} was expected.")
        return numbers.untold(Look, content, "look")


MEASUREMENTS = ("tone", "vignette", "fringes", "grain", "bloom", "skin")


@dataclass(frozen=True)
class Sightings:
    """What was seen in one clip's frames: small, and no picture among it."""

    pictures: list[tuple[int, int]] = field(default_factory=list)
    tone: list[tone.Seen] = field(default_factory=list)
    vignette: list[vignette.Seen] = field(default_factory=list)
    fringes: list[fringes.Seen] = field(default_factory=list)
    grain: list[grain.Seen | None] = field(default_factory=list)
    bloom: list[bloom.Seen] = field(default_factory=list)
    skin: list[skin.Seen | None] = field(default_factory=list)


def measure(frames: Iterable[np.ndarray], skin: Iterable[np.ndarray | None] | None = None) -> Look:
    """The look of one clip's frames [H, W, 3], scene-linear ACEScg; `skin` are an artist's mattes [H, W], one a frame.

    Frames that follow each other tell grain from texture; frames far apart tell lens from scene. RequestError where
    there is no frame, a frame has another shape, or a matte does not fit.
    """
    return conclude([observe(frames, skin)])


def observe(frames: Iterable[np.ndarray], skin_mattes: Iterable[np.ndarray | None] | None = None) -> Sightings:
    """What a clip's frames show, for `conclude`; holds two of them at a time."""
    seen, before = Sightings(), None
    for frame, matte in _together(frames, skin_mattes):
        linear = _whole(frame)
        seen.pictures.append((linear.shape[1], linear.shape[0]))
        pair = None if before is None else grain.observe(linear, before)
        seen.grain.append(pair)
        if pair is None:  # the second frame of a pair shows the same lens and scene again
            seen.vignette.append(vignette.observe(linear))
            seen.fringes.append(fringes.observe(linear))
            seen.bloom.append(bloom.observe(linear))
        seen.tone.append(tone.observe(linear))
        seen.skin.append(None if matte is None else skin.observe(linear, np.asarray(matte)))
        before = linear
    return seen


def conclude(clips: Sequence[Sightings]) -> Look:
    """One look of clips that share a lens, a set-up or a show. RequestError where no frame was seen."""
    clips = [one for one in clips if one.pictures]
    if not clips:
        raise RequestError("A look was asked for of no frame at all: at least one was expected.")
    sizes = [size for one in clips for size in one.pictures]
    why: dict[str, str] = {}

    def told(name: str, conclude: Callable[[Any], Any], seen: Any) -> Any:
        try:
            return conclude(seen)
        except numbers.Untold as reason:
            why[name] = str(reason)
            return None

    def every(name: str) -> list[Any]:
        return [one for clip in clips for one in getattr(clip, name)]

    return Look(
        clips=len(clips),
        frames=len(sizes),
        picture=max(set(sizes), key=lambda size: (sizes.count(size), size)),
        tone=told("tone", tone.conclude, [clip.tone for clip in clips]),
        vignette=told("vignette", vignette.conclude, every("vignette")),
        fringes=told("fringes", fringes.conclude, every("fringes")),
        grain=told("grain", grain.conclude, grain.without_codec([clip.grain for clip in clips])),
        bloom=told("bloom", bloom.conclude, [clip.bloom for clip in clips]),
        skin=told("skin", skin.conclude, [clip.skin for clip in clips]),
        why=why,
    )


def _together(
    frames: Iterable[np.ndarray], mattes: Iterable[np.ndarray | None] | None
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    if mattes is None:
        yield from zip(frames, repeat(None), strict=False)
        return
    try:
        yield from zip(frames, mattes, strict=True)
    except ValueError as error:
        raise RequestError("There are not as many skin mattes as frames: one for each was expected.") from error


def _whole(frame: np.ndarray) -> np.ndarray:
    """The frame as float32 with broken pixels (NaN, inf) made black, which every measurement passes over."""
    if frame.ndim != 3 or frame.shape[2] != 3 or min(frame.shape) < 1:
        raise RequestError(f"A look is measured on frames [H, W, 3]; one of shape {frame.shape} was given.")
    linear = np.ascontiguousarray(frame, np.float32)
    return linear if np.isfinite(linear).all() else np.where(np.isfinite(linear).all(axis=2, keepdims=True), linear, 0)
