"""Writes a tool as a Nuke gizmo: the OpenFX node inside, every knob linked to the panel, show and version pinned."""

from __future__ import annotations

import json

from onelight import spec

TAB, LINK, TEXT = 20, 41, 26  # Nuke's numbers for the kinds of user knobs


def file_name(tool: spec.Tool) -> str:
    """The gizmo's file name; without its ending it is the class that Nuke creates."""
    return f"Onelight{tool.label.replace(' ', '')}.gizmo"


def node_class(tool: spec.Tool) -> str:
    """What Nuke calls the OpenFX plug-in: OFX, identifier and major version."""
    return f"OFX{tool.identifier}_v1"


def gizmo(tool: spec.Tool, show: str = "", version: str = "") -> str:
    """The text of a gizmo. Empty show and version leave the plug-in's defaults; a published show pins both."""
    inner = tool.label.replace(" ", "")
    lines = [
        "#! /usr/bin/env nuke",
        "# Generated from the tool's spec by 'onelight codegen': edit the spec instead.",
        "Gizmo {",
        f" inputs {len(tool.clips)}",
        f" help {_quoted(tool.hint)}",
        f" addUserKnob {{{TAB} {tool.id} l {_quoted(tool.label)}}}",
    ]
    groups = {group.name: group for group in tool.groups}
    ungrouped = [knob for knob in tool.knobs if knob.group not in groups]
    lines += [_link(inner, knob) for knob in ungrouped]
    for group in tool.groups:
        lines += _fold(group, [_link(inner, knob) for knob in tool.knobs if knob.group == group.name])
    common = [knob for knob in spec.COMMON if not knob.group and (tool.options > 1 or knob.name != "option")]
    lines += [_link(inner, knob) for knob in common]
    lines.append(f" addUserKnob {{{TAB} onelight l Onelight}}")
    for group in spec.COMMON_GROUPS:
        lines += _fold(group, [_link(inner, knob) for knob in spec.COMMON if knob.group == group.name])
    lines += [f" name {file_name(tool).removesuffix('.gizmo')}1", "}"]
    # A node takes its inputs off a stack: the one pushed last is its first, so the Source comes last.
    for number, clip in reversed(list(enumerate(tool.clips))):
        lines += [" Input {", "  inputs 0", f"  name {clip.name}", f"  number {number}", " }"]
    lines += [f" {node_class(tool)} {{", f"  inputs {len(tool.clips)}"]
    lines += [f"  {name} {_quoted(value)}" for name, value in (("show", show), ("version", version)) if value]
    lines += [f"  name {inner}", " }", " Output {", "  name Output1", " }", "end_group", ""]
    return "\n".join(lines)


def _fold(group: spec.Group, links: list[str]) -> list[str]:
    if not links:
        return []
    name = f"group_{group.name}"
    hint = f" t {_quoted(group.hint)}" if group.hint else ""
    begin = f" addUserKnob {{{TAB} {name} l {_quoted(group.label)}{hint} n 1}}"
    closed = [] if group.open else [f" {name} 0"]
    return [begin, *closed, *links, f" addUserKnob {{{TAB} end_{group.name} n -1}}"]


def _link(inner: str, knob: spec.Knob) -> str:
    return f" addUserKnob {{{LINK} {knob.name} l {_quoted(knob.label)} t {_quoted(knob.hint)} T {inner}.{knob.name}}}"


def _quoted(text: str) -> str:
    """A Tcl string: brackets and dollars would be evaluated when the script loads."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("[", "\\[").replace("]", "\\]").replace("$", "\\$").replace("{", "\\{").replace("}", "\\}")
