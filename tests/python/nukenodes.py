"""Nodes and knobs as Nuke's Python has them, as far as the panels' code uses them; part of `nukestand`."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nukestand import Nuke

FOLLOWS = re.compile(r"\{\{parent\.(\w+)\.(\w+)\}\}")


class Knob:
    def __init__(self, node: Node, name: str, kind: str, value: Any = "", text: str = "") -> None:
        self._node, self._name, self._kind, self._value = node, name, kind, value
        self.text = text  # a button's Python
        self.keys: dict[int, float] = {}
        self.flags: set[int] = set()

    def name(self) -> str:
        return self._name

    def Class(self) -> str:
        return self._kind

    def node(self) -> Node:
        return self._node

    def value(self) -> Any:
        match = FOLLOWS.fullmatch(self._value) if isinstance(self._value, str) else None
        if not match:
            return self._value
        other = self._node.parent().node(match[1])
        assert other is not None, f"{self._value} leads nowhere"
        return other[match[2]].value()

    def setValue(self, value: Any) -> None:
        self._value = value
        self._node.edited(self)

    def getValueAt(self, frame: float) -> float:
        return self.keys[int(frame)]

    def isAnimated(self) -> bool:
        return bool(self.keys)

    def hasExpression(self) -> bool:
        return isinstance(self._value, str) and bool(FOLLOWS.fullmatch(self._value))

    def toScript(self) -> str:
        return repr((self._value, self.keys))

    def fromScript(self, text: str) -> None:
        self._value, self.keys = eval(text)
        self._node.edited(self)

    def setFlag(self, flag: int) -> None:
        self.flags.add(flag)

    def execute(self) -> None:
        self._node.nuke.run(self.text, self._node)


class Link(Knob):
    """A knob of the panel that is a knob of a node inside."""

    def __init__(self, node: Group, name: str, target: str) -> None:
        super().__init__(node, name, "Link_Knob")
        inner, knob = target.split(".")
        other = node.node(inner)
        assert other is not None and knob in other.knobs(), f"{target} leads nowhere"
        self.to = other[knob]

    def __getattribute__(self, name: str) -> Any:
        if name in ("value", "getValueAt", "isAnimated", "hasExpression", "toScript", "keys"):
            return getattr(super().__getattribute__("to"), name)
        return super().__getattribute__(name)

    def setValue(self, value: Any) -> None:
        self.to._value = value
        self._node.edited(self)

    def fromScript(self, text: str) -> None:
        self.to._value, kept = eval(text)
        self.to.keys.clear()
        self.to.keys.update(kept)
        self._node.edited(self)


class Node:
    def __init__(self, nuke: Nuke, kind: str, name: str, parent: Group | None) -> None:
        self.nuke, self._kind, self._name, self._parent = nuke, kind, name, parent
        self._knobs: dict[str, Knob] = {}
        self._inputs: dict[int, Node] = {}
        self.place, self.selected, self.callbacks = (0, 0), False, {}

    def Class(self) -> str:
        return self._kind

    def name(self) -> str:
        return self._name

    fullName = name

    def setName(self, name: str, uncollide: bool = True, updateExpressions: bool = False) -> None:
        self._name = name

    def parent(self) -> Group:
        return self._parent or self.nuke.root

    def knobs(self) -> dict[str, Knob]:
        return self._knobs

    def knob(self, name: str) -> Knob | None:
        return self._knobs.get(name)

    def __getitem__(self, name: str) -> Any:
        return self._knobs[name]

    def add(self, name: str, kind: str, value: Any = "", text: str = "") -> None:
        self._knobs[name] = Knob(self, name, kind, value, text)

    def edited(self, knob: Knob) -> None:
        for callback in ("knobChanged", "updateUI"):
            self.nuke.run(self.callbacks.get(callback, ""), self, knob)
        self.nuke.call(self.nuke.knob_changed, self, knob)

    def input(self, index: int) -> Node | None:
        return self._inputs.get(index)

    def inputs(self) -> int:
        return max(self._inputs, default=-1) + 1

    def setInput(self, index: int, node: Node | None) -> bool:
        self._inputs.pop(index, None)
        if node is not None:
            self._inputs[index] = node
        return True

    def dependent(self, what: int) -> list[Node]:
        return [each for each in self.nuke.all if self in each._inputs.values()]

    def setSelected(self, selected: bool) -> None:
        self.selected = selected

    def xpos(self) -> int:
        return self.place[0]

    def ypos(self) -> int:
        return self.place[1]

    def setXYpos(self, x: int, y: int) -> None:
        self.place = (x, y)

    def frameRange(self) -> Any:
        return SimpleNamespace(first=lambda: self.nuke.frames[0], last=lambda: self.nuke.frames[-1])


class Group(Node):
    def __init__(self, nuke: Nuke, kind: str, name: str, parent: Group | None) -> None:
        super().__init__(nuke, kind, name, parent)
        self.inside: dict[str, Node] = {}

    def node(self, name: str) -> Node | None:
        return self.inside.get(name)

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *error: object) -> None:
        return None
