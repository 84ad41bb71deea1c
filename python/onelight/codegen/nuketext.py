"""Spells what stands in a Nuke script: strings, values, user knobs, nodes and the stack that joins them.

The syntax is that of scripts and gizmos which Nuke itself wrote: `addUserKnob {kind name l "label" t "tooltip" flags T
"what it holds"}`, a fold's end as `n -1`, expressions as `{{...}}`, `set`, `push`, `add_layer` and `end_group` at the
line's beginning, a node's first input on top of the stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from onelight import spec

STRING, CHECK, TAB, BUTTON, TEXT, LINK = 1, 6, 20, 22, 26, 41  # Nuke's numbers for the kinds of user knobs
HIDDEN = "+INVISIBLE"
OWN_LINE = "+STARTLINE"


def quoted(text: str) -> str:
    """A Tcl string: brackets and dollars would be evaluated when the script loads."""
    plain = json.dumps(text, ensure_ascii=False)
    return plain.replace("[", "\\[").replace("]", "\\]").replace("$", "\\$").replace("{", "\\{").replace("}", "\\}")


def user_knob(kind: int, name: str, label: str, hint: str = "", flags: Sequence[str] = (), held: str = "") -> str:
    """One line that adds a knob to a panel; `held` is a text's words or a button's Python, as they are."""
    words = [str(kind), name, "l", quoted(label)]
    words += ["t", quoted(hint)] if hint else []
    words += flags
    words += ["T", quoted(held)] if held else []
    return f" addUserKnob {{{' '.join(words)}}}"


def link(node: str, knob: spec.Knob, label: str = "") -> str:
    """A knob of the panel that is the knob of a node inside."""
    shown = quoted(label or knob.label)
    return f" addUserKnob {{{LINK} {knob.name} l {shown} t {quoted(knob.hint)} T {node}.{knob.name}}}"


def fold(group: spec.Group, knobs: Sequence[str]) -> list[str]:
    """Knobs under a heading that opens and closes; nothing where there are none."""
    if not knobs:
        return []
    name = f"group_{group.name}"
    hint = f" t {quoted(group.hint)}" if group.hint else ""
    begin = f" addUserKnob {{{TAB} {name} l {quoted(group.label)}{hint} n 1}}"
    closed = [] if group.open else [f" {name} 0"]
    return [begin, *closed, *knobs, f" addUserKnob {{{TAB} end_{group.name} n -1}}"]


def value(knob: spec.Knob, given: object) -> str:
    """A knob's value as a script holds it: a menu by its label, as Nuke stores the menus of OpenFX nodes."""
    if isinstance(knob, spec.Choice):
        return quoted(next(option.label for option in knob.options if option.name == given))
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, tuple):
        return "{" + " ".join(f"{part:.10g}" for part in given) + "}"
    return f"{given:.10g}" if isinstance(given, int | float) else quoted(str(given))


def followed(knob: spec.Knob, node: str) -> str:
    """The expression by which a knob has the value, at every frame, of the same knob of another node of the group.

    It begins with `parent`: Nuke looks a name up among the knobs of the node itself before the nodes around it.
    """
    of = f"parent.{node}.{knob.name}"
    if isinstance(knob, spec.Colour):
        return "{" + " ".join(f"{{{of}.{channel}}}" for channel in "rgb") + "}"
    return f"{{{{{of}}}}}"


def node(kind: str, name: str, inputs: int | None, knobs: Iterable[tuple[str, str]] = ()) -> list[str]:
    """A node inside a group; `knobs` are names and values as the script holds them."""
    head = [f"  inputs {inputs}"] if inputs is not None else []
    return [f" {kind} {{", *head, *(f"  {knob} {held}" for knob, held in knobs), f"  name {name}", " }"]


class Stack:
    """Names for nodes that several others take as input: `set` keeps the node last written, `push` takes it again."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def keep(self, label: str) -> str:
        """The line that keeps the last node under a label of ours."""
        self._names[label] = f"N{len(self._names) + 1:08x}"
        return f"set {self._names[label]} [stack 0]"

    def push(self, *labels: str) -> list[str]:
        """The lines that make these the next node's inputs, in their order."""
        return [f"push ${self._names[label]}" for label in reversed(labels)]
