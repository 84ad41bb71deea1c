"""`onelight tools`: what there is, and every knob, pass and preset of a tool, walked from its spec."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.table import Table

from onelight import spec
from onelight.errors import NotFound
from onelight.tools import discover


def register(app: typer.Typer) -> None:
    app.command("tools")(tools)


def tools(
    tool: Annotated[str, typer.Argument(help="A tool, for its clips, knobs, passes and presets.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the tools, or all about one."""
    found = discover()
    if tool and tool not in found:
        raise NotFound(f"there is no tool '{tool}': there are {', '.join(found)}")
    chosen = [found[tool]] if tool else list(found.values())
    console = Console()
    if as_json:
        print(json.dumps({"tools": [as_data(each) for each in chosen]}))
    elif tool:
        console.print(f"[bold]{chosen[0].label}[/] {chosen[0].version}: {chosen[0].hint}")
        for table in tables(chosen[0]):
            console.print(table)
    else:
        table = _table("Tools", "Tool", "What it does")
        for each in chosen:
            table.add_row(each.id, each.hint + ("" if each.shipped else " (for tests)"))
        console.print(table)


def tables(tool: spec.Tool) -> list[RenderableType]:
    """A tool's knobs by group, clips, passes and presets as tables for the terminal."""
    out: list[RenderableType] = []
    groups = {group.name: group.label for group in (*tool.groups, *spec.COMMON_GROUPS)} | {"": "Node"}
    for name in dict.fromkeys(knob.group for knob in tool.all_knobs()):
        table = _table(f"Knobs: {groups.get(name, name)}", "--set", "Default", "Takes", "What it does")
        for knob in tool.all_knobs():
            if knob.group == name and not isinstance(knob, spec.Button) and getattr(knob, "mode", "") != "label":
                table.add_row(knob.name, _default(knob), _takes(tool, knob), knob.hint)
        if table.row_count:
            out.append(table)
    clips = _table("Clips", "--clip", "What it is")
    for clip in tool.clips:
        clips.add_row(f"{'--in' if clip.name == 'Source' else '--mask' if clip.mask else clip.name}", clip.hint)
    passes = _table("Passes", "--output", "What it is")
    for each in tool.passes:
        passes.add_row(each.name, each.hint)
    out += [clips, passes]
    if tool.presets:
        presets = _table("Presets", "--preset", "What it is")
        for entry in tool.presets.entries:
            presets.add_row(entry.name, entry.hint)
        out.append(presets)
    return out


def as_data(tool: spec.Tool) -> dict[str, Any]:
    """A tool's spec as plain data."""
    knobs = []
    for knob in tool.all_knobs():
        values = {name: value for name, value in vars(knob).items() if name != "options"}
        values = {k: {"same_as": v.param} if isinstance(v, spec.SameAs) else v for k, v in values.items()}
        options = [dataclasses.asdict(option) for option in getattr(knob, "options", ())]
        knobs.append({"kind": knob.kind, **values, **({"options": options} if options else {})})
    return {
        "id": tool.id,
        "version": tool.version,
        "label": tool.label,
        "hint": tool.hint,
        "shipped": tool.shipped,
        "clips": [dataclasses.asdict(clip) for clip in tool.clips],
        "knobs": knobs,
        "passes": [dataclasses.asdict(each) for each in tool.passes],
        "presets": [entry.name for entry in tool.presets.entries] if tool.presets else [],
    }


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    return table


def _default(knob: spec.Knob) -> str:
    value = getattr(knob, "default", "")
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" for part in value)
    return f"{value:g}" if isinstance(value, int | float) else str(value) or "(empty)"


def _takes(tool: spec.Tool, knob: spec.Knob) -> str:
    if isinstance(knob, spec.Choice):
        return ", ".join(each.name for each in tool.passes) if knob.name == "output" else ", ".join(knob.names())
    if isinstance(knob, spec.Bool):
        return "on, off"
    if isinstance(knob, spec.Colour):
        return "r,g,b"
    if isinstance(knob, spec.String):
        return "text"
    if isinstance(knob, spec.Float | spec.Int):
        unit = f" {knob.unit}" if knob.unit else ""
        return f"{knob.hard[0]:g} to {knob.hard[1]:g}{unit}{'' if knob.animates else ' (no keys)'}"
    return ""
