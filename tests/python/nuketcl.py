"""Reads gizmos and scripts of Nuke for the tests: nodes and connections by nkparser, lists of words by Tcl's rules."""

from __future__ import annotations

import re

from nkparser import Node, Script


def words(text: str) -> list[str]:
    """A Tcl list's words: bare, "quoted" with escapes, or {braced}; a backslash is undone but in braces."""
    found, at = [], 0
    escapes = {"n": "\n", "t": "\t"}
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        end, word = {'"': '"', "{": "}"}.get(text[at], ""), ""
        begun, depth = at, 1
        at += bool(end)
        while at < len(text):
            character = text[at]
            if character == "\\":
                word += text[at : at + 2] if end == "}" else escapes.get(text[at + 1], text[at + 1])
                at += 2
                continue
            depth += (character == "{" and end == "}") - (character == "}" and end == "}")
            if (end == '"' and character == '"') or (end == "}" and depth == 0) or (not end and character.isspace()):
                break
            word += character
            at += 1
        assert not end or at < len(text), f"{text[begun:]} does not end"
        at += 1
        found.append(word)
    return found


def script(text: str) -> Script:
    """A gizmo, or a script with one Group, as a flat script: the parser knows no `end_group`, nor `push 0`."""
    assert text.endswith("\nend_group\n")
    flat = text.removesuffix("end_group\n").replace("\nGroup {", "\nGizmo {")
    lines = [line for line in flat.splitlines() if not re.match(r"push 0|push \$cut|set cut|version ", line)]
    parsed = Script.from_string("\n".join(lines) + "\n")
    assert not parsed.errors(), parsed.errors()
    return parsed


def user_knobs(node: Node) -> list[list[str]]:
    """The words of every `addUserKnob` line of a gizmo."""
    return [words(words(str(knob.value.raw))[0]) for knob in node.knobs_named("addUserKnob")]
