"""Writes a tool as a Nuke gizmo: the node inside and its knobs in the panel; published, pinned to one model version.

A published gizmo has a node of the same plug-in for the result and one for each pass: they send the same frame, so the
server computes it once and answers the others from its cache, and Nuke asks only for the layers that something uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from onelight import spec
from onelight.codegen import buttons
from onelight.codegen.nuketext import CHECK, HIDDEN, OWN_LINE, STRING, TAB, TEXT, fold, link, quoted, user_knob
from onelight.codegen.passes import LAYERS, follower, nodes
from onelight.codegen.template import LOCKED, Template

PIN = "onelight_pin"
NEWS = "onelight_news"


@dataclass(frozen=True)
class Pin:
    """What a published gizmo is locked to; `note` is its line of the changelog."""

    show: str
    tool: str
    version: str
    digest: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """As people and logs write it."""
        return f"{self.show}/{self.tool}@{self.version}"

    @property
    def node_class(self) -> str:
        """What Nuke calls the gizmo: its file's name. Nuke's classes have no hyphens and begin with a letter."""
        return f"{self.node_name}_{self.version}"

    @property
    def node_name(self) -> str:
        """What a node of it is called, whatever its version: an update keeps the name."""
        name = f"{self.show}_{self.tool}".replace("-", "_")
        return name if name[0].isalpha() else f"show_{name}"


def file_name(tool: spec.Tool) -> str:
    """The gizmo's file name; without its ending it is the class that Nuke creates."""
    return f"Onelight{tool.label.replace(' ', '')}.gizmo"


def node_class(tool: spec.Tool) -> str:
    """What Nuke calls the OpenFX plug-in: OFX, identifier and major version."""
    return f"OFX{tool.identifier}_v1"


def gizmo(tool: spec.Tool) -> str:
    """The text of the gizmo that belongs to no show: one node, every knob."""
    head = ["#! /usr/bin/env nuke", "# Generated from the tool's spec by 'onelight codegen': edit the spec instead."]
    name = file_name(tool).removesuffix(".gizmo")
    return "\n".join([*head, "Gizmo {", *_inside(tool, name, Template(layers=()), None), ""])


def published(tool: spec.Tool, pin: Pin, template: Template | None = None) -> str:
    """The text of a show's gizmo, to be saved as `<pin.node_class>.gizmo`."""
    return "\n".join([*_head(tool, pin), "Gizmo {", *_inside(tool, pin.node_name, template or Template(), pin), ""])


def group(tool: spec.Tool, pin: Pin, template: Template | None = None) -> str:
    """The same as a script with one Group, which needs no gizmo file: to be pasted, or given away with a shot."""
    # What is pasted takes the selected node as its first input; the other inputs stay open.
    begin = ["set cut_paste_input [stack 0]", "version 12.0 v1", *["push 0"] * (len(tool.clips) - 1)]
    body = _inside(tool, pin.node_name, template or Template(), pin)
    return "\n".join([*_head(tool, pin), *begin, "push $cut_paste_input", "Group {", *body, ""])


def _head(tool: spec.Tool, pin: Pin) -> list[str]:
    # The menu reads the second line, the changelog the third.
    return ["#! /usr/bin/env nuke", f"# onelight gizmo {pin.text} {_line(tool.label)}", f"# {_line(pin.note)}"]


def _line(text: str) -> str:
    return " ".join(text.split())


def _inside(tool: spec.Tool, name: str, template: Template, pin: Pin | None) -> list[str]:
    inner = re.sub(r"\W", "", tool.label)
    wanted = [each for each in tool.passes[1:] if template.layers is None or each.name in template.layers]
    helped = [tool.hint, template.help, *([f"{pin.text}. {pin.note}".strip()] if pin else [])]
    lines = [f" inputs {len(tool.clips)}", f" help {quoted(chr(10).join(filter(None, helped)))}"]
    if wanted:
        # At creation, also by a script that a render node loads; at an edit; and after what the plug-in itself wrote.
        code = quoted(follower(tool, inner, wanted))
        lines += [f" {callback} {code}" for callback in ("onCreate", "knobChanged", "updateUI")]
    lines += _panel(tool, inner, template, pin, bool(wanted))
    lines += [f" name {name}1", "}"]
    pinned = {"show": pin.show, "version": pin.version, "digest": pin.digest} if pin else {}
    return [*lines, *nodes(tool, node_class(tool), inner, wanted, pinned, template.defaults), "end_group"]


def _panel(tool: spec.Tool, inner: str, template: Template, pin: Pin | None, layers: bool) -> Iterator[str]:
    yield user_knob(TAB, tool.id, template.label or tool.label)
    if pin:
        yield user_knob(TEXT, "onelight_model", "", flags=(OWN_LINE,), held=f"{pin.show}, {pin.version}")
        yield user_knob(TEXT, NEWS, "", flags=(OWN_LINE,), held=" ")

    def linked(knob: spec.Knob) -> str:
        return link(inner, knob, template.labels.get(knob.name, ""))

    chosen = list(tool.knobs) if template.knobs is None else [tool.knob(name) for name in template.knobs]
    groups = {group.name: group for group in tool.groups}
    # A lead's order holds within a fold, and folds come in the order of their first knob.
    order = list(dict.fromkeys(knob.group for knob in chosen if knob.group in groups)) if template.knobs else groups
    extra = buttons.OF_TOOL.get(tool.id, ())
    yield from (linked(knob) for knob in chosen if knob.group not in groups)
    for name in order:
        own = [linked(knob) for knob in chosen if knob.group == name]
        yield from fold(groups[name], [*own, *(each.line(tool, inner) for each in extra if own and each.group == name)])
    yield from (each.line(tool, inner) for each in extra if each.group not in order)
    common = [knob for knob in spec.COMMON if not knob.group and (tool.options > 1 or knob.name != "option")]
    yield from (linked(knob) for knob in common)
    if layers:
        hint = f"Each pass beside the result, as the layers {tool.id}_*; those that nothing uses cost nothing."
        yield user_knob(CHECK, LAYERS, "Passes as layers", hint, (OWN_LINE,))
        yield f" {LAYERS} true"
    yield f" addUserKnob {{{TAB} onelight l Onelight}}"
    for each in spec.COMMON_GROUPS:
        knobs = [k for k in spec.COMMON if k.group == each.name and not (pin and k.name in LOCKED)]
        yield from fold(each, [linked(knob) for knob in knobs])
    if pin:
        told = (("show", "Show", pin.show), ("version", "Version", pin.version), ("digest", "Model digest", pin.digest))
        for name, label, text in (*told, ("note", "Changes", _line(pin.note))):
            yield user_knob(TEXT, f"onelight_{name}", label, flags=(OWN_LINE,), held=text or " ")
        yield user_knob(STRING, PIN, "", flags=(OWN_LINE, HIDDEN))
        yield f" {PIN} {quoted(pin.text)}"
        yield buttons.UPDATE.line(tool, inner)
