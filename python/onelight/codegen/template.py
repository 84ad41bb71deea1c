"""Reads a lead's template of a published gizmo: which knobs stand in the panel, their labels and defaults.

label = "Sun"                             # the panel's tab; default: the tool's own
help = "For exteriors. Ask Ada first."    # goes below the tool's help
knobs = ["preset", "analyse", "key_azimuth"]   # of the tool, in this order; default: all of them
layers = ["ratio", "normals"]             # the passes that come as layers; default: all, [] for none

[labels]
key_azimuth = "Sun direction"

[defaults]
colourspace = "logc4"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onelight import spec, tomlfile
from onelight.errors import RequestError

LOCKED = ("show", "version", "digest", "update_version")  # what a published gizmo is pinned by, and would be freed by
_KEYS = ("label", "help", "knobs", "layers", "labels", "defaults")


@dataclass(frozen=True)
class Template:
    """What a lead chose for a tool; None means all, in the tool's own order."""

    label: str = ""
    help: str = ""
    knobs: tuple[str, ...] | None = None
    layers: tuple[str, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path, tool: spec.Tool) -> Template:
    """The template in a TOML file. Raises RequestError that names the file, the entry and what was expected."""
    told, _ = tomlfile.load(path, "The template")
    try:
        return parsed(told, tool)
    except RequestError as error:
        raise RequestError(f"The template {path}: {error}") from error


def parsed(told: Mapping[str, Any], tool: spec.Tool) -> Template:
    """The same from TOML that was read already. Raises RequestError."""
    for key in told:
        if key not in _KEYS:
            raise RequestError(f"there is no entry '{key}'; expected are {', '.join(_KEYS)}.")
    own = {knob.name for knob in tool.knobs}
    every = {knob.name for knob in tool.all_knobs()}
    knobs = _names(told, "knobs", own, f"knob of {tool.label}")
    layers = _names(told, "layers", {each.name for each in tool.passes[1:]}, f"pass of {tool.label}")
    if knobs is not None and tool.analysed_flag:
        needed = next((k.name for k in tool.knobs if isinstance(k, spec.Button) and k.action == "analyse"), "")
        if needed and needed not in knobs:
            raise RequestError(f"'knobs' leaves out '{needed}', without which {tool.label} renders no shot.")
    labels = _table(told, "labels", every, tool, lambda knob, given: _typed(given, str, f"the label of '{knob.name}'"))
    return Template(
        _typed(told.get("label", ""), str, "'label'"),
        _typed(told.get("help", ""), str, "'help'"),
        knobs,
        layers,
        labels,
        _table(told, "defaults", every, tool, checked),
    )


def checked(knob: spec.Knob, given: Any) -> Any:
    """A knob's default as the spec has values: menus by option name, colours as three numbers. Raises RequestError."""
    name = f"the default of '{knob.name}'"
    if knob.name in LOCKED:
        raise RequestError(f"'{knob.name}' is pinned by publishing and takes no default.")
    if isinstance(knob, spec.Button) or getattr(knob, "mode", "") == "label":
        raise RequestError(f"'{knob.name}' takes no default.")
    if isinstance(knob, spec.Choice):
        if knob.name == "output":
            raise RequestError("'output' is the result; passes come as layers.")
        if given not in knob.names():
            raise RequestError(f"{name} is {given!r}; expected one of {', '.join(knob.names())}.")
        return given
    if isinstance(knob, spec.Bool):
        return _typed(given, bool, name)
    if isinstance(knob, spec.String):
        text = _typed(given, str, name)
        if len(text) > knob.longest:
            raise RequestError(f"{name} is longer than {knob.longest} characters.")
        return text
    if isinstance(knob, spec.Colour):
        parts = _typed(given, list, name)
        if len(parts) != 3 or not all(_is_number(part) for part in parts):
            raise RequestError(f"{name} is {given!r}; expected three numbers.")
        return tuple(float(part) for part in parts)
    if not _is_number(given) or (isinstance(knob, spec.Int) and not isinstance(given, int)):
        raise RequestError(f"{name} is {given!r}; expected a {'whole ' * isinstance(knob, spec.Int)}number.")
    assert isinstance(knob, spec.Float | spec.Int)
    low, high = knob.hard
    if not low <= given <= high:
        raise RequestError(f"{name} is {given:g}; expected {low:g} to {high:g}.")
    return given


def _names(told: Mapping[str, Any], key: str, known: set[str], what: str) -> tuple[str, ...] | None:
    if key not in told:
        return None
    names = _typed(told[key], list, f"'{key}'")
    for name in names:
        if name not in known:
            raise RequestError(f"'{key}' has {name!r}, which is no {what}.")
        if names.count(name) > 1:
            raise RequestError(f"'{key}' has {name!r} twice.")
    return tuple(names)


def _table(
    told: Mapping[str, Any], key: str, known: set[str], tool: spec.Tool, check: Callable[[spec.Knob, Any], Any]
) -> dict[str, Any]:
    table = _typed(told.get(key, {}), dict, f"'{key}'")
    for name in table:
        if name not in known:
            raise RequestError(f"'{key}' has '{name}', which is no knob of {tool.label}.")
    return {name: check(tool.knob(name), given) for name, given in table.items()}


def _typed(given: Any, kind: type, name: str) -> Any:
    words = {str: "text", bool: "true or false", list: "a list", dict: "a table"}
    if not isinstance(given, kind):
        raise RequestError(f"{name} is {given!r}; expected {words[kind]}.")
    return given


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and given == given
