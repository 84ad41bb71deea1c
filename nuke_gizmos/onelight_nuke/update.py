"""The button Update: another version of a published gizmo in a node's place; knobs, name and connections stay."""

from __future__ import annotations

import nuke

from onelight_nuke import gizmos

# What belongs to the new version, and what Nuke gives each node of its own.
_NOT_KEPT = {
    "name",
    "help",
    "onCreate",
    "onDestroy",
    "onUserCreate",
    "knobChanged",
    "updateUI",
    "selected",
    "rootNodeUpdated",
}
_NO_VALUES = {"Tab_Knob", "Text_Knob", "PyScript_Knob", "Script_Knob", "PythonKnob", "Obsolete_Knob"}


def offer(node: nuke.Node) -> None:
    """Ask, then replace the node by the default version of its gizmo; says so where it is that already."""
    pin = gizmos.pinned(node)
    if pin is None:
        nuke.message(f"{node.name()} is not a published gizmo of Onelight.")
        return
    default = gizmos.default(gizmos.folders(), pin.show, pin.tool)
    if default is None:
        nuke.message(f"No default version of {pin.tool} is published for '{pin.show}' on NUKE_PATH.")
    elif default.version == pin.version:
        nuke.message(f"{pin.version} is the default of '{pin.show}' already.")
    elif nuke.ask(f"Put {default.version} in the place of {pin.version}? The picture may change."):
        _, lost = replace(node, default.node_class)
        if lost:
            nuke.message("{} has no knobs for: {}.".format(default.version, ", ".join(lost)))


def replace(node: nuke.Node, node_class: str) -> tuple[nuke.Node, list[str]]:
    """A node of `node_class` instead of `node`, and the names of keyed knobs that it lacks. One step of Undo."""
    undo = nuke.Undo()
    undo.begin(f"Update {node.name()}")
    try:
        return _replaced(node, node_class)
    finally:
        undo.end()


def _replaced(node: nuke.Node, node_class: str) -> tuple[nuke.Node, list[str]]:
    name, place = node.name(), (node.xpos(), node.ypos())
    users = [
        (user, index)
        for user in node.dependent(nuke.INPUTS | nuke.HIDDEN_INPUTS)
        for index in range(user.inputs())
        if user.input(index) == node
    ]
    with node.parent():
        for each in nuke.selectedNodes():  # a new node connects itself to what is selected
            each.setSelected(False)
        new = nuke.createNode(node_class, inpanel=False)
    lost = _take_over(node, new)
    for index in range(max(node.inputs(), new.inputs())):
        new.setInput(index, node.input(index))
    for user, index in users:
        user.setInput(index, new)
    new.setXYpos(*place)
    nuke.delete(node)
    # Expressions of other nodes go by the name, which must not follow the old node away.
    new.setName(name, uncollide=False, updateExpressions=False)
    return new, lost


def _take_over(node: nuke.Node, new: nuke.Node) -> list[str]:
    lost = []
    for name, knob in node.knobs().items():
        if name in _NOT_KEPT or name.startswith("onelight_") or knob.Class() in _NO_VALUES:
            continue
        other = new.knob(name)
        if other is None:
            lost += [name] if knob.isAnimated() or knob.hasExpression() else []
        elif other.toScript() != knob.toScript():
            other.fromScript(knob.toScript())
    return sorted(lost)
