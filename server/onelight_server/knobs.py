"""Checks knobs and frame parameters against a tool's spec and says in a sentence what is wrong; names no tool."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from onelight import spec
from onelight.errors import RequestError
from onelight.stages import FrameInfo, Rect
from onelight.wire import inference_pb2 as oip

from onelight_server import pins
from onelight_server.refusal import quoted

_AT_OFFSET = re.compile(r"([^@]*)@([+-]\d{1,6})")
_FRAME = {
    "frame.time",
    "frame.window",
    "frame.format",
    "frame.render_window",
    "frame.scale",
    "frame.par",
    "frame.premult",
    "frame.colourspace",
    "frame.output",
    "frame.option",
    "frame.priority",
    "frame.action",
    *pins.NAMES,
}


def read_knobs(tool: spec.Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every render knob of the tool, typed: the given values checked, defaults for the rest."""
    given, knobs = dict(given), {}
    for knob in tool.render_knobs():
        if isinstance(knob, spec.Colour):
            parts = (given.pop(f"{knob.name}.{axis}", value) for axis, value in zip("rgb", knob.default, strict=True))
            knobs[knob.name] = tuple(_number(tool, knob, part) for part in parts)
        elif knob.name in given:
            knobs[knob.name] = _knob(tool, knob, given.pop(knob.name))
        else:
            knobs[knob.name] = getattr(knob, "default", None)
    for name in given:
        if name in {knob.name for knob in tool.knobs}:
            continue  # a knob that only writes others: harmless, and a client may send all it has
        near = difflib.get_close_matches(name[:80], knobs, 1)
        raise RequestError(f"{tool.label} has no knob {quoted(name)}{f'; is {near[0]!r} meant?' if near else '.'}")
    return knobs


def split_offsets(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Knobs for every frame, and by offset those said for one frame of an analysis alone: `NAME@+N`."""
    everywhere: dict[str, Any] = {}
    apart: dict[int, dict[str, Any]] = {}
    for name, value in given.items():
        match = _AT_OFFSET.fullmatch(name)
        values = apart.setdefault(int(match[2]), {}) if match else everywhere
        values[match[1] if match else name] = value
    return everywhere, apart


def read_knobs_at(
    tool: spec.Tool,
    given: Mapping[str, Any],
    apart: Mapping[int, Mapping[str, Any]],
    sampled: Collection[int] | None,
) -> dict[int, dict[str, Any]]:
    """By offset, the knobs of the frames that have their own, which overrule what is given for every frame.

    `sampled` are the offsets of an analysis's Source frames, None where a frame is rendered: it has one set of knobs.
    """
    knobs = {}
    for offset, own in apart.items():
        name = quoted(f"{next(iter(own))}@{offset:+d}")
        if sampled is None:
            raise RequestError(f"{tool.label}: {name} is a knob of one sampled frame; only an analysis takes that.")
        if offset not in sampled:
            place = f"{spec.SOURCE.name}@{offset:+d}"
            raise RequestError(f"{tool.label}: {name} is for a frame that was not sent: {place}.")
        try:
            knobs[offset] = read_knobs(tool, {**given, **own})
        except RequestError as error:
            raise RequestError(f"{error} It was given for the frame at offset {offset:+d}.") from error
    return knobs


def _knob(tool: spec.Tool, knob: spec.Knob, value: Any) -> Any:
    if isinstance(knob, spec.Bool):
        if not isinstance(value, bool):
            raise RequestError(f"{tool.label}: knob '{knob.name}' is a switch, {_shown(value)} is not true or false.")
    elif isinstance(knob, spec.Choice):
        if value not in knob.names():
            raise RequestError(
                f"{tool.label}: knob '{knob.name}' has no option {_shown(value)}; there is {', '.join(knob.names())}."
            )
    elif isinstance(knob, spec.String):
        if not isinstance(value, str) or len(value) > knob.longest:
            raise RequestError(f"{tool.label}: knob '{knob.name}' takes text of at most {knob.longest} characters.")
    elif isinstance(knob, spec.Int):
        if isinstance(value, bool) or not isinstance(value, int):
            raise RequestError(f"{tool.label}: knob '{knob.name}' is a whole number, {_shown(value)} is none.")
        _in_range(tool, knob, value, knob.hard)
    else:
        value = _number(tool, knob, value)
        if isinstance(knob, spec.Float):
            _in_range(tool, knob, value, knob.hard)
    return value


def _number(tool: spec.Tool, knob: spec.Knob, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RequestError(f"{tool.label}: knob '{knob.name}' is a finite number, {_shown(value)} is none.")
    return float(value)


def _in_range(tool: spec.Tool, knob: spec.Knob, value: float, hard: tuple[float, float]) -> None:
    if not hard[0] <= value <= hard[1]:
        raise RequestError(f"{tool.label}: knob '{knob.name}' is {value:g}; it goes from {hard[0]:g} to {hard[1]:g}.")


def value_of(name: str, parameter: oip.InferParameter) -> Any:
    """What a wire parameter holds."""
    kind = parameter.WhichOneof("parameter_choice")
    if kind is None:
        raise RequestError(f"The parameter {quoted(name)} has no value.")
    return getattr(parameter, kind)


def _shown(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else str(value)


def one_of(frame: Mapping[str, Any], name: str, values: tuple[str, ...]) -> str:
    """One word out of a few; the first is the default."""
    value = frame.get(name, values[0])
    if value not in values:
        raise RequestError(f"{name} is {_shown(value)}; it has to be {' or '.join(values)}.")
    return value


def read_info(tool: spec.Tool, frame: Mapping[str, Any], width: int, height: int) -> FrameInfo:
    """The frame's geometry and encoding out of its `frame.` parameters; `width` and `height` are the tensors'."""
    unknown = set(frame) - _FRAME
    if unknown:
        raise RequestError(f"{tool.label}: {quoted(min(unknown))} is not a frame parameter this server knows.")
    window = _rect(frame, "frame.window", (0, 0, width, height))
    if (window[2] - window[0], window[3] - window[1]) != (width, height):
        raise RequestError(f"{tool.label}: frame.window {window} is not the size of the tensors, {width} x {height}.")
    render = _rect(frame, "frame.render_window", window)
    if render[0] < window[0] or render[1] < window[1] or render[2] > window[2] or render[3] > window[3]:
        raise RequestError(f"{tool.label}: frame.render_window {render} lies outside frame.window {window}.")
    output = frame.get("frame.output", spec.RESULT.name)
    passes = [item.name for item in tool.passes]
    if output not in passes:
        raise RequestError(f"{tool.label} has no output {_shown(output)}; there is {', '.join(passes)}.")
    option = frame.get("frame.option", 1)
    if isinstance(option, bool) or not isinstance(option, int) or not 1 <= option <= tool.options:
        raise RequestError(f"{tool.label}: frame.option is {_shown(option)}; it offers {tool.options}, counted from 1.")
    space = frame.get("frame.colourspace", "acescg")
    if not isinstance(space, str) or len(space) > 256:
        raise RequestError(f"{tool.label}: frame.colourspace has to be the name of a colour space.")
    return FrameInfo(
        window=window,
        format=_rect(frame, "frame.format", window),
        render_window=render,
        time=_finite(frame, "frame.time", 0.0),
        scale=_scale(frame),
        par=_positive("frame.par", _finite(frame, "frame.par", 1.0)),
        premult=one_of(frame, "frame.premult", ("none", "premultiplied")),
        colourspace=space,
        output=output,
        option=option,
    )


def _rect(frame: Mapping[str, Any], name: str, default: Rect) -> Rect:
    if name not in frame:
        return default
    text = frame[name]
    if not isinstance(text, str) or not re.fullmatch(r"\s*-?\d{1,9}(\s*,\s*-?\d{1,9}){3}\s*", text):
        raise RequestError(f"{name} is {_shown(text)}; expected four whole numbers 'x1,y1,x2,y2'.")
    x1, y1, x2, y2 = (int(part) for part in text.split(","))
    if x2 <= x1 or y2 <= y1:
        raise RequestError(f"{name} is {quoted(text)}, which holds no pixel.")
    return x1, y1, x2, y2


def _scale(frame: Mapping[str, Any]) -> tuple[float, float]:
    text = frame.get("frame.scale", "1,1")
    try:
        x, y = (float(part) for part in text.split(","))
    except (ValueError, AttributeError) as error:
        raise RequestError(f"frame.scale is {_shown(text)}; expected two numbers 'sx,sy'.") from error
    return _positive("frame.scale", x), _positive("frame.scale", y)


def _finite(frame: Mapping[str, Any], name: str, default: float) -> float:
    value = frame.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RequestError(f"{name} is {_shown(value)}; expected a finite number.")
    return float(value)


def _positive(name: str, value: float) -> float:
    if not 0 < value < 1e6:
        raise RequestError(f"{name} is {value:g}; expected a number above 0.")
    return value
