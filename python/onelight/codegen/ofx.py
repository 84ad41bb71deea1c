"""Writes the tools as the constant tables that the OpenFX plug-in walks: `ofx_plugin/src/tools.gen.h`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from onelight import spec

_KINDS = {
    "float": "Float",
    "angle": "Angle",
    "int": "Int",
    "bool": "Bool",
    "choice": "Choice",
    "colour": "Colour",
    "string": "String",
    "button": "Button",
}
_HEAD = """\
// Generated from the tools' specs by `python -m onelight.codegen`: edit python/onelight/tools/<tool>/spec.py instead.
#pragma once

#include "table.h"

// clang-format off
namespace onelight::table {
"""
_TAIL = """
}  // namespace onelight::table
// clang-format on
"""


def header(tools: Sequence[spec.Tool]) -> str:
    """The header with every tool, shipped or not, in the order given.

    Raises ValueError where a spec names a knob, option or group that does not exist.
    """
    parts = [_HEAD, _knobs("common", spec.COMMON), _list("Group", "common_groups", map(_group, spec.COMMON_GROUPS))]
    for tool in tools:
        parts += _tool(tool)
    rows = [f"{{{_tool_row(tool)}}}" for tool in tools]
    parts += [_list("Tool", "tools", rows), _TAIL]
    return "".join(parts)


def _tool(tool: spec.Tool) -> Iterable[str]:
    name = tool.id
    _check(tool)
    yield f"\n// {tool.label}\n"
    yield _list("Clip", f"{name}_clips", map(_clip, tool.clips))
    yield _list("Group", f"{name}_groups", map(_group, tool.groups))
    yield _knobs(name, tool.knobs)
    yield _list("Option", f"{name}_passes", map(_pass, tool.passes))
    presets = tool.presets or spec.Presets("", ())
    rows = []
    for entry in presets.entries:
        yield _settings(f"{name}_preset_{entry.name}", entry.values)
        rows.append(f"{{{_text(entry.name)}, {_text(entry.label)}, {name}_preset_{entry.name}}}")
    yield _list("Preset", f"{name}_presets", rows)
    ramps = []
    for ramp in presets.ramps:
        stops = []
        for number, (at, values) in enumerate(ramp.stops):
            yield _settings(f"{name}_{ramp.param}_{number}", values)
            stops.append(f"{{{at!r}, {name}_{ramp.param}_{number}}}")
        yield _list("Stop", f"{name}_{ramp.param}_stops", stops)
        ramps.append(f"{{{_text(ramp.param)}, {name}_{ramp.param}_stops}}")
    yield _list("Ramp", f"{name}_ramps", ramps)


def _tool_row(tool: spec.Tool) -> str:
    return ", ".join(
        [
            *map(_text, (tool.id, tool.identifier, tool.label, tool.hint)),
            str(tool.version),
            _bool(tool.shipped),
            _bool(tool.options > 1),
            *(_ref(f"{tool.id}_{part}", items) for part, items in _parts(tool).items()),
            _text(tool.presets.param if tool.presets else ""),
            _ref(f"{tool.id}_presets", tool.presets.entries if tool.presets else ()),
            _ref(f"{tool.id}_ramps", tool.presets.ramps if tool.presets else ()),
            _text(tool.analysed_flag),
            _text(tool.alpha_knob),
            f"{{{tool.analysis.frames}, {tool.analysis.longest}}}",
        ]
    )


def _parts(tool: spec.Tool) -> dict[str, tuple[Any, ...]]:
    return {"clips": tool.clips, "groups": tool.groups, "knobs": tool.knobs, "passes": tool.passes}


def _check(tool: spec.Tool) -> None:
    knobs = {knob.name for knob in tool.all_knobs()}
    groups = {group.name for group in (*tool.groups, *spec.COMMON_GROUPS)}
    named = [("group", knob.group, groups) for knob in tool.all_knobs() if knob.group]
    named += [("knob", neutral.param, knobs) for k in tool.knobs if isinstance(neutral := _neutral(k), spec.SameAs)]
    arounds = [clip.frames for clip in tool.clips if clip.frames]
    named += [("knob", name, knobs) for around in arounds for name in (around.param, around.spacing) if name]
    named += [("knob", name, knobs) for name in (tool.analysed_flag, tool.alpha_knob) if name]
    if tool.presets:
        tables = [entry.values for entry in tool.presets.entries]
        tables += [values for ramp in tool.presets.ramps for _, values in ramp.stops]
        named += [("knob", name, knobs) for values in tables for name in values]
        named += [("knob", v.param, knobs) for values in tables for v in values.values() if isinstance(v, spec.SameAs)]
        named += [("knob", name, knobs) for name in (tool.presets.param, *(r.param for r in tool.presets.ramps))]
    for kind, name, known in named:
        if name not in known:
            raise ValueError(f"{tool.label}: the spec names the {kind} '{name}', which does not exist.")


def _knobs(prefix: str, knobs: tuple[spec.Knob, ...]) -> str:
    text = ""
    for knob in knobs:
        if isinstance(knob, spec.Choice) and knob.options:
            rows = (_row(option.name, option.label, option.hint) for option in knob.options)
            text += _list("Option", f"{prefix}_{knob.name}_options", rows)
    return text + _list("Knob", f"{prefix}_knobs", (f"{{{_knob(prefix, knob)}}}" for knob in knobs))


def _knob(prefix: str, knob: spec.Knob) -> str:
    hard, soft, digits = (0.0, 0.0), (0.0, 0.0), 0
    if isinstance(knob, (spec.Float, spec.Int)):
        hard, soft = knob.hard, knob.soft
        digits = knob.digits if isinstance(knob, spec.Float) else 0
    options = knob.options if isinstance(knob, spec.Choice) else ()
    hint = knob.hint
    if unit := getattr(knob, "unit", ""):
        hint = f"{hint} [{unit}]"
    return ", ".join(
        [
            f"Kind::{_KINDS[knob.kind]}",
            *map(_text, (knob.name, knob.label, hint, knob.group)),
            _value(getattr(knob, "default", None)),
            _value(_neutral(knob)),
            *(f"{{{float(low)!r}, {float(high)!r}}}" for low, high in (hard, soft)),
            str(digits),
            f"StringMode::{getattr(knob, 'mode', 'line').capitalize()}",
            _bool(getattr(knob, "pixels", False)),
            *map(_bool, (knob.animates, knob.affects_render and not isinstance(knob, spec.Button), knob.analysed)),
            _bool(isinstance(knob, spec.Choice) and not options),
            _text(getattr(knob, "action", "")),
            _ref(f"{prefix}_{knob.name}_options", options),
        ]
    )


def _neutral(knob: spec.Knob) -> Any:
    return getattr(knob, "neutral", None)


def _clip(clip: spec.Clip) -> str:
    around = clip.frames or spec.Around("")
    flags = ", ".join(map(_bool, (clip.optional, clip.data, clip.mask, clip.sparse, clip.acts)))
    texts = ", ".join(map(_text, (clip.name, clip.label, clip.hint)))
    return f"{{{texts}, {flags}, {_text(around.param)}, {_text(around.spacing)}}}"


def _group(group: spec.Group) -> str:
    return f"{{{_text(group.name)}, {_text(group.label)}, {_text(group.hint)}, {_bool(group.open)}}}"


def _settings(name: str, values: Mapping[str, Any]) -> str:
    return _list("Setting", name, (f"{{{_text(knob)}, {_value(value)}}}" for knob, value in values.items()))


def _value(value: Any) -> str:
    if value is None:
        return "{}"
    if isinstance(value, spec.SameAs):
        return f"{{Value::SameAs, {{}}, {_text(value.param)}}}"
    if isinstance(value, str):
        return f"{{Value::Text, {{}}, {_text(value)}}}"
    numbers = value if isinstance(value, tuple) else (value,)
    return f"{{Value::Numbers, {{{', '.join(repr(float(number)) for number in numbers)}}}}}"


def _pass(each: spec.Pass) -> str:
    return f"{{{', '.join(map(_text, (each.name, each.label, each.hint)))}, {_value(each.neutral)}}}"


def _row(*texts: str) -> str:
    return f"{{{', '.join(map(_text, texts))}}}"


def _list(kind: str, name: str, rows: Iterable[str]) -> str:
    rows = list(rows)
    if not rows:
        return ""
    body = "".join(f"    {row},\n" for row in rows)
    return f"inline constexpr {kind} {name}[] = {{\n{body}}};\n"


def _ref(name: str, items: Iterable[Any]) -> str:
    return name if tuple(items) else "{}"


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _text(text: str) -> str:
    """A C++ string literal; JSON's escapes are C++'s for everything that a spec may hold, and UTF-8 stays as it is."""
    return json.dumps(text, ensure_ascii=False)
