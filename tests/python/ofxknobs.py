"""Knob values as people write them, turned into what an OpenFX parameter holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def store(effect: Any, knob: str, value: Any) -> None:
    """Put a native value, or {time: value} keyframes, into an instance without telling the plug-in."""
    if isinstance(value, dict):
        effect.delete_keys(knob)
        for time, at in value.items():
            effect.set_key(knob, time, at)
    else:
        effect.set_value(knob, value)


def native_value(identifier: str, param: Mapping[str, Any], knob: str, value: Any) -> Any:
    """Menus are set by option label, by the option's name in the tool's spec, or by index; ValueError names them."""
    if param["OfxParamPropType"] != "OfxParamTypeChoice" or not isinstance(value, str):
        return value
    options = list(param["OfxParamPropChoiceOption"])
    if value in options:
        return options.index(value)
    names = _spec_names(identifier, knob)
    if value not in names:
        raise ValueError(f"{knob} has no option {value!r}; there are {', '.join(options)}.")
    return names.index(value)


def _spec_names(identifier: str, knob: str) -> list[str]:
    from onelight.tools import discover  # only where a tool's own names are used: the driver works without onelight

    tool = discover().get(identifier.rpartition(".")[2])
    if tool is None:
        return []
    if knob == "output":
        return [each.name for each in tool.passes]
    if tool.presets and knob == tool.presets.param:
        return [each.name for each in tool.presets.entries]
    return [option.name for option in getattr(tool.knob(knob), "options", ())]
