"""What a tool's knobs are at each frame: defaults, then an analysis, a preset, and what was set by hand or keyed."""

from __future__ import annotations

import difflib
import json
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelight import spec
from onelight.errors import NotFound, RequestError

_TRUE, _FALSE = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


@dataclass(frozen=True)
class Track:
    """A knob over time: keys by frame, linear between them where `linear`, held beyond; one key is a constant."""

    keys: tuple[tuple[float, Any], ...]
    linear: bool = True

    def at(self, frame: float) -> Any:
        """The value at a frame."""
        index = bisect_right([key[0] for key in self.keys], frame)
        if index == 0 or index == len(self.keys):
            return self.keys[max(0, index - 1)][1]
        (left, before), (right, after) = self.keys[index - 1], self.keys[index]
        if not self.linear:
            return before
        value = before + (after - before) * (frame - left) / (right - left)
        return round(value) if isinstance(before, int) else value


@dataclass(frozen=True)
class Knobs:
    """All knobs of a tool, over time."""

    tool: spec.Tool
    tracks: Mapping[str, Track]

    def at(self, frame: float) -> dict[str, Any]:
        """Every knob's value at a frame, the common ones among them; a colour is three numbers."""
        values = {k.name: default(self.tool, k) for k in self.tool.all_knobs() if not isinstance(k, spec.Button)}
        values |= {name: track.at(frame) for name, track in self.tracks.items()}
        for name, value in values.items():
            if isinstance(value, spec.SameAs):
                values[name] = values[value.param]
        return values

    def of_request(self, frame: float) -> dict[str, Any]:
        """What travels with a frame: the tool's own render knobs."""
        values = self.at(frame)
        return {knob.name: values[knob.name] for knob in self.tool.render_knobs()}


def default(tool: spec.Tool, knob: spec.Knob) -> Any:
    """A knob's default; one that starts at another's value, where it is neutral, follows it as it does in a node."""
    value, at = getattr(knob, "default", None), getattr(knob, "neutral", None)
    return at if isinstance(at, spec.SameAs) and value == getattr(tool.knob(at.param), "default", None) else value


def neutral(tool: spec.Tool, values: Mapping[str, Any], clips: Collection[str] = ()) -> bool:
    """Whether the tool leaves the plate as it is: the result is asked for, what has a neutral value is at it, and none
    of the `clips` that are there gives it work."""
    if values["output"] != spec.RESULT.name:
        return False
    if values["mix"] == 0:
        return True
    if any(clip.acts and clip.name in clips for clip in tool.clips):
        return False
    own = [(knob.name, getattr(knob, "neutral", None)) for knob in tool.knobs]
    wanted = {name: values[at.param] if isinstance(at, spec.SameAs) else at for name, at in own if at is not None}
    return bool(wanted) and all(values[name] == at for name, at in wanted.items())


def gather(tool: spec.Tool, assignments: Iterable[str], preset: str = "", analysis: str = "") -> Knobs:
    """Read everything said about the knobs. RequestError or NotFound name the knob and what it takes."""
    tracks: dict[str, Track] = {}
    for name, value in (read_analysis(tool, Path(analysis)) if analysis else {}).items():
        tracks[name] = Track(((0.0, check(tool, name, value)),))
    given: dict[str, Track] = {}
    for assignment in assignments:
        name, track = _assignment(tool, assignment)
        given[name] = track
    param = tool.presets.param if tool.presets else ""
    if preset and not tool.presets:
        raise RequestError(f"{tool.label} has no presets")
    if not preset and param in given:
        preset = str(given[param].at(0))
    if preset and tool.presets:
        entries = {entry.name: entry for entry in tool.presets.entries}
        if preset not in entries:
            raise RequestError(f"{tool.label} has no preset '{preset}': there are {', '.join(entries)}")
        tracks |= {name: Track(((0.0, value),)) for name, value in entries[preset].values.items()}
        tracks[param] = Track(((0.0, preset),))
    for ramp in tool.presets.ramps if tool.presets else ():
        if ramp.param in given:
            tracks |= _written_by(ramp, given[ramp.param].at(0))
    return Knobs(tool, tracks | given)


def read_analysis(tool: spec.Tool, path: Path) -> dict[str, Any]:
    """The knobs that `onelight analyse` wrote to a file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise RequestError(
            f"{path} is not an analysis: it should hold the JSON that 'onelight analyse' writes"
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("knobs"), dict):
        raise RequestError(f"{path} is not an analysis: it has no 'knobs', as 'onelight analyse' writes them")
    if found.get("tool") != tool.id:
        raise RequestError(f"{path} is an analysis for {found.get('tool')}, not for {tool.id}")
    return found["knobs"]


def _assignment(tool: spec.Tool, text: str) -> tuple[str, Track]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals:
        raise RequestError(f"--set {text}: write knob=value, or knob=value@frame,value@frame")
    if "@" not in value or isinstance(_knob(tool, name), spec.String):
        return name, Track(((0.0, check(tool, name, value.strip())),))
    knob = _knob(tool, name)
    if not knob.animates:
        raise RequestError(f"{tool.label}: {name} cannot be keyed")
    if isinstance(knob, spec.Colour):
        raise RequestError(f"{tool.label}: {name} is a colour and cannot be keyed here")
    keys: dict[float, Any] = {}
    for part in value.split(","):
        number, at, frame = part.rpartition("@")
        try:
            keys[float(frame)] = check(tool, name, number.strip())
        except ValueError:
            at = ""
        if not at:
            raise RequestError(f"--set {text}: '{part}' is not value@frame")
    return name, Track(tuple(sorted(keys.items())), linear=not isinstance(knob, spec.Bool | spec.Choice))


def _written_by(ramp: spec.Ramp, at: float) -> dict[str, Track]:
    """The knobs that a ramp writes at one of its values."""
    names = dict.fromkeys(name for _, values in ramp.stops for name in values)
    curves = {name: Track(tuple((stop, v[name]) for stop, v in ramp.stops if name in v)) for name in names}
    return {name: Track(((0.0, float(curve.at(at))),)) for name, curve in curves.items()}


def _knob(tool: spec.Tool, name: str) -> spec.Knob:
    try:
        return tool.knob(name)
    except KeyError:
        close = difflib.get_close_matches(name, [knob.name for knob in tool.all_knobs()], 1)
        meant = f"did you mean '{close[0]}'? " if close else ""
        raise RequestError(f"{tool.label} has no knob '{name}': {meant}'onelight tools {tool.id}' lists them") from None


def check(tool: spec.Tool, name: str, value: Any) -> Any:
    """The value as the knob's own type; RequestError says what the knob takes."""
    knob = _knob(tool, name)
    what = f"{tool.label}: {name}"
    if isinstance(value, spec.SameAs):
        return value
    if isinstance(knob, spec.Button) or (isinstance(knob, spec.String) and knob.mode == "label"):
        raise RequestError(f"{what} cannot be set")
    if isinstance(knob, spec.String):
        return str(value)
    if isinstance(knob, spec.Choice):
        names = tuple(entry.name for entry in tool.passes) if name == "output" else knob.names()
        if value not in names:
            raise RequestError(f"{what} is one of {', '.join(names)}, not '{value}'")
        return value
    if isinstance(knob, spec.Bool):
        if str(value).lower() not in _TRUE + _FALSE:
            raise RequestError(f"{what} is on or off, not '{value}'")
        return str(value).lower() in _TRUE
    if isinstance(knob, spec.Colour):
        parts = value.replace(",", " ").split() if isinstance(value, str) else list(value)
        if len(parts) != 3:
            raise RequestError(f"{what} is three numbers such as 1,0.9,0.8, not '{value}'")
        return tuple(_number(what, part, float, (-1e9, 1e9)) for part in parts)
    if isinstance(knob, spec.Int):
        return _number(what, value, int, knob.hard)
    assert isinstance(knob, spec.Float)
    return _number(what, value, float, knob.hard)


def _number(what: str, value: Any, kind: type, hard: tuple[float, float]) -> Any:
    try:
        number = kind(value)
    except (TypeError, ValueError):
        wanted = "a whole number" if kind is int else "a number"
        raise RequestError(f"{what} is {wanted}, not '{value}'") from None
    if not hard[0] <= number <= hard[1]:
        raise RequestError(f"{what} lies between {hard[0]:g} and {hard[1]:g}, not at {number:g}")
    return number
