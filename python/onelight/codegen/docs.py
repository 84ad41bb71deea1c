"""Writes a tool's page of the documentation: its own help, then every input, knob, pass and preset from the spec."""

from __future__ import annotations

from onelight import spec


def page(tool: spec.Tool, help_text: str) -> str:
    """Markdown for one tool; `help_text` is the tool's `help.md`."""
    parts = [
        f"<!-- Generated from python/onelight/tools/{tool.id}/ by 'onelight codegen': edit the spec or help.md. -->",
        help_text.strip(),
        "## Inputs",
        _table(
            ("Input", "Needed", "What it is"),
            [(clip.name, "optional" if clip.optional else "yes", clip.hint) for clip in tool.clips],
        ),
        "## Knobs",
        "The names are the same in the node, the gizmo, the command line (`--set name=value`) and saved scripts.",
    ]
    groups = [*tool.groups, *spec.COMMON_GROUPS]
    named = {group.name for group in groups}
    rest = spec.Group("", "Node")
    for group in [*tool.groups, rest, *spec.COMMON_GROUPS]:
        knobs = [
            knob for knob in tool.all_knobs() if (knob.group == group.name if group.name else knob.group not in named)
        ]
        if knobs:
            parts += [f"### {group.label}", *([group.hint] if group.hint else [])]
            rows = [(f"`{knob.name}`", knob.label, _default(knob), _takes(tool, knob), knob.hint) for knob in knobs]
            parts.append(_table(("Name", "Label", "Default", "Takes", "What it does"), rows))
    parts += [
        "## Output passes",
        _table(("Name", "Label", "What it is"), [(f"`{p.name}`", p.label, p.hint) for p in tool.passes]),
    ]
    if tool.presets:
        rows = [(f"`{entry.name}`", entry.label, entry.hint) for entry in tool.presets.entries]
        parts += ["## Presets", "A preset only writes knobs.", _table(("Name", "Label", "What it is"), rows)]
    return "\n\n".join(parts) + "\n"


def _default(knob: spec.Knob) -> str:
    value = getattr(knob, "default", "")
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(f"{part:g}" for part in value)
    return f"{value:g}" if isinstance(value, int | float) else f"`{value}`" if value else ""


def _takes(tool: spec.Tool, knob: spec.Knob) -> str:
    if isinstance(knob, spec.Button):
        return "button"
    if isinstance(knob, spec.Choice):
        names = [each.name for each in tool.passes] if knob.name == "output" else knob.names()
        text = ", ".join(f"`{name}`" for name in names)
    elif isinstance(knob, spec.Bool):
        text = "on, off"
    elif isinstance(knob, spec.Colour):
        text = "red, green, blue"
    elif isinstance(knob, spec.Float | spec.Int):
        text = f"{knob.hard[0]:g} to {knob.hard[1]:g} {knob.unit}".strip()
    else:
        text = "read only" if getattr(knob, "mode", "") == "label" else "text"
    notes = [note for note, holds in (("not keyed", not knob.animates), ("analysed", knob.analysed)) if holds]
    return text + (f" ({', '.join(notes)})" if notes and text != "read only" else "")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
