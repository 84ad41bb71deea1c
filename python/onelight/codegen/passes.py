"""Wires the nodes inside a gizmo: the plug-in's node, and a further one for each pass that comes out as a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onelight import spec
from onelight.codegen.nuketext import Stack, followed, node, quoted, value

LAYERS = "passes_as_layers"  # the panel's switch
_CHANNELS = ("red", "green", "blue", "alpha")
_OWN = ("show", "version", "digest", "output", "status")  # not taken over from the main node


def nodes(
    tool: spec.Tool,
    kind: str,
    inner: str,
    wanted: Sequence[spec.Pass],
    pinned: Mapping[str, str],
    defaults: Mapping[str, Any],
) -> list[str]:
    """The lines from the first Input to the Output. `kind` is the plug-in's class, `inner` the main node's name.

    Without passes the plug-in's node is the output. With them the result goes over the Source's own stream by Copy
    nodes, so that all its other layers come through as they were.
    """
    held = [(name, quoted(text)) for name, text in pinned.items() if text]
    held += [(name, value(tool.knob(name), given)) for name, given in defaults.items()]
    stack, lines = Stack(), []
    clips = [clip.name for clip in tool.clips]
    # A node takes its inputs off a stack: the one pushed last is its first, so the Source comes last.
    for number, name in reversed(list(enumerate(clips))):
        lines += [" Input {", "  inputs 0", f"  name {name}", f"  number {number}", " }"]
        lines += [stack.keep(name)] if wanted else []
    lines += stack.push(*clips) if wanted else []
    lines += node(kind, inner, len(clips), held)
    if wanted:
        lines += [stack.keep(inner), *_layers(tool, kind, inner, wanted, pinned, defaults, stack)]
    return [*lines, " Output {", "  name Output1", " }"]


def _layers(
    tool: spec.Tool,
    kind: str,
    inner: str,
    wanted: Sequence[spec.Pass],
    pinned: Mapping[str, str],
    defaults: Mapping[str, Any],
    stack: Stack,
) -> Iterator[str]:
    clips = [clip.name for clip in tool.clips]
    same = [(name, quoted(text)) for name, text in pinned.items() if text]
    same += [(knob.name, followed(knob, inner)) for knob in _followed(tool)]
    same += [(k.name, value(k, defaults[k.name])) for k in _copied(tool) if k.name in defaults]
    for each in wanted:
        yield from stack.push(*clips)
        yield from node(kind, f"{inner}_{each.name}", len(clips), [*same, ("output", quoted(each.label))])
        yield stack.keep(each.name)
    # A Copy's first input is B, what it lays channels over, its second A, where they come from.
    yield from stack.push(clips[0], inner)
    yield from node("Copy", "Result", 2, _copy("rgba"))
    for number, each in enumerate(wanted):
        layer = f"{tool.id}_{each.name}"
        yield stack.keep(f"stream {number}")
        yield f"add_layer {{{' '.join([layer, *(f'{layer}.{channel}' for channel in _CHANNELS)])}}}"
        yield from stack.push(f"stream {number}", each.name)
        yield from node("Copy", f"Layer_{each.name}", 2, [*_copy(layer), ("disable", f'{{{{"1 - parent.{LAYERS}"}}}}')])


def _copy(layer: str) -> list[tuple[str, str]]:
    pairs = enumerate(_CHANNELS)
    return [pair for i, c in pairs for pair in ((f"from{i}", f"rgba.{c}"), (f"to{i}", f"{layer}.{c}"))]


def follower(tool: spec.Tool, inner: str, wanted: Sequence[spec.Pass]) -> str:
    """Python for the gizmo's callbacks: text, menus and whatever else takes no expression, copied to the passes' nodes.

    Numbers follow by expression, at every frame; those need no Python.
    """
    names = [f"{inner}_{each.name}" for each in wanted]
    return (
        "def onelight_follow(group):\n"
        f"    main = group.node('{inner}')\n"
        f"    for name in {_tuple(names)}:\n"
        "        other = group.node(name)\n"
        f"        for knob in {_tuple([knob.name for knob in _copied(tool)])}:\n"
        "            held = main.knob(knob).toScript()\n"
        "            if other.knob(knob).toScript() != held:\n"
        "                other.knob(knob).fromScript(held)\n"
        "onelight_follow(nuke.thisNode())"
    )


def _tuple(names: Sequence[str]) -> str:
    return "(" + " ".join(f"'{name}'," for name in names) + ")"


def _shared(tool: spec.Tool) -> Iterator[spec.Knob]:
    for knob in tool.all_knobs():
        own = knob.name in _OWN or (knob.name == "option" and tool.options == 1)
        if knob.affects_render and not isinstance(knob, spec.Button) and not own:
            yield knob


def _followed(tool: spec.Tool) -> list[spec.Knob]:
    """Knobs that can be keyed: an expression gives them the same value at every frame."""
    return [k for k in _shared(tool) if k.animates and isinstance(k, spec.Float | spec.Int | spec.Bool | spec.Colour)]


def _copied(tool: spec.Tool) -> list[spec.Knob]:
    """The others: Nuke's text takes no expression, and the plug-in says of these that they do not animate."""
    keyed = _followed(tool)
    return [knob for knob in _shared(tool) if knob not in keyed]
