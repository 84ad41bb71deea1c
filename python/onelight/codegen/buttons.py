"""Buttons of a gizmo's panel that run Nuke's Python, beside those of the node itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onelight import spec
from onelight.codegen.nuketext import BUTTON, OWN_LINE, user_knob


@dataclass(frozen=True)
class Button:
    """Calls `onelight_nuke.<module>.<function>` with the gizmo; stands at the end of the fold `group`.

    `more` says what else it is called with: of a tool and the name of the plug-in's node inside.
    """

    name: str
    label: str
    hint: str
    module: str
    function: str
    group: str = ""
    more: Callable[[spec.Tool, str], tuple[object, ...]] = lambda tool, inner: ()

    def line(self, tool: spec.Tool, inner: str) -> str:
        """The line that adds it to a panel."""
        return user_knob(BUTTON, self.name, self.label, self.hint, (OWN_LINE,), self.python(tool, inner))

    def python(self, tool: spec.Tool, inner: str) -> str:
        """What it runs. A Group may have been taken to where Onelight's own Python is not installed."""
        given = ", ".join(["nuke.thisNode()", *map(repr, self.more(tool, inner))])
        return (
            f"try:\n    from onelight_nuke import {self.module}\n"
            "except ImportError:\n"
            f"    nuke.message('{self.label}: the folder nuke_gizmos of Onelight is not on NUKE_PATH.')\n"
            f"else:\n    {self.module}.{self.function}({given})"
        )


def _what_the_command_needs(tool: spec.Tool, inner: str) -> tuple[object, ...]:
    """The plug-in's node, the knobs that decide what is a wire, and what a menu's labels are called by the command."""
    common = ("colourspace", "colourspace_name", "premult", "show", "version", "server", "timeout")
    knobs = [*tool.render_knobs(), *(tool.knob(name) for name in common)]
    menus = {
        knob.name: {option.label: option.name for option in knob.options}
        for knob in knobs
        if isinstance(knob, spec.Choice)
    }
    return inner, tuple(knob.name for knob in knobs), menus


UPDATE = Button(
    "onelight_update",
    "Update",
    "Puts the show's default version of this gizmo in its place; knobs, keys, name and connections stay.",
    "update",
    "offer",
)
OF_TOOL: dict[str, tuple[Button, ...]] = {
    "cleanup": (
        Button(
            "wires_as_roto",
            "Wires as Roto",
            "Writes the wires that are found as splines of a Roto node, keyed on every frame; edit it and connect it "
            "to Add.",
            "roto",
            "start",
            "track",
            _what_the_command_needs,
        ),
    ),
}
