"""Stands where Nuke's own module is, as no Nuke runs here: reads gizmos and scripts, and has what the panels use of it.

Faithful in what the tests need: a gizmo is built from its file (nodes by nkparser, user knobs by Tcl's rules), link
knobs are the knobs of the nodes inside, expressions `{{parent.Node.knob}}` are looked up when asked for, onCreate,
knobChanged and updateUI run at creation and after an edit, and only the thread that pumps runs what was handed to it.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nkparser import Node as Parsed
from nukenodes import Group, Knob, Link, Node
from nuketcl import script, user_knobs, words
from onelight import spec
from onelight.tools import discover

KINDS = {"1": "String_Knob", "6": "Boolean_Knob", "20": "Tab_Knob", "22": "PyScript_Knob", "26": "Text_Knob"}
PLUGIN = re.compile(r"OFXorg\.onelight\.(\w+)_v1")


class Menu:
    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def addMenu(self, name: str) -> Menu:
        return self.made.setdefault(name, Menu())

    def addCommand(self, name: str, command: Callable[[], Any]) -> None:
        self.made[name] = command

    def addSeparator(self) -> None:
        self.made["-"] = None

    def names(self) -> dict[str, Any]:
        return {name: made.names() if isinstance(made, Menu) else ... for name, made in self.made.items()}


class Nuke:
    """The module: put it into `sys.modules` as 'nuke'."""

    INPUTS, HIDDEN_INPUTS, DO_NOT_WRITE = 1, 2, 512
    Node, Group, Menu = Node, Group, Menu

    def __init__(self, folders: Sequence[Path] = (), gui: bool = True) -> None:
        self.GUI, self.toolbar = gui, Menu()
        self.folders, self.frames = [str(folder) for folder in folders], range(1001, 1004)
        self.root = Group(self, "Root", "root", None)
        self.all: list[Node] = []
        self.knob_changed: dict[str, list] = {}
        self.user_created: dict[str, list] = {}
        self.messages: list[str] = []
        self.answer: Any = True  # to nuke.ask
        self.typed = lambda given: given  # into nuke.getInput
        self.rendered: Callable[[Node, int], None] = lambda write, frame: None
        self.pasted: list[str] = []
        self.tasks: list[Any] = []
        self.undone: list[str] = []
        self._this: list[tuple[Node, Knob | None]] = []
        self._handed: queue.Queue = queue.Queue()
        self.main = threading.get_ident()
        self.ProgressTask = self._task
        self.nodes = SimpleNamespace(Write=lambda: self._plain("Write"))
        self.Undo = lambda: SimpleNamespace(begin=self.undone.append, end=lambda: None)

    def menu(self, name: str) -> Menu:
        assert name == "Nodes"
        return self.toolbar

    def pluginPath(self) -> list[str]:
        assert threading.get_ident() == self.main, "Nuke is asked in its main thread"
        return self.folders

    def pluginAddPath(self, folder: str) -> None:
        self.folders.insert(0, folder)

    def thisNode(self) -> Node:
        return self._this[-1][0]

    def thisKnob(self) -> Knob | None:
        return self._this[-1][1]

    def addKnobChanged(self, call: Callable, args: tuple = (), nodeClass: str = "*") -> None:
        self.knob_changed.setdefault(nodeClass, []).append((call, args))

    def addOnUserCreate(self, call: Callable, args: tuple = (), nodeClass: str = "*") -> None:
        self.user_created.setdefault(nodeClass, []).append((call, args))

    def executeInMainThread(self, call: Callable, args: tuple = ()) -> None:
        self._handed.put((call, args))

    def pump(self, seconds: float = 60) -> None:
        """Run the next thing that another thread handed over, and wait for one where there is none."""
        call, args = self._handed.get(timeout=seconds)
        call(*args)

    def message(self, text: str) -> None:
        assert threading.get_ident() == self.main
        self.messages.append(text)

    def ask(self, text: str) -> bool:
        self.messages.append(text)
        return self.answer

    def getInput(self, text: str, default: str) -> str | None:
        self.messages.append(text)
        return self.typed(default)

    def selectedNodes(self) -> list[Node]:
        return [node for node in self.all if node.selected]

    def toNode(self, name: str) -> Node | None:
        return next((node for node in self.all if node.name() == name), None)

    def delete(self, node: Node) -> None:
        self.all.remove(node)

    def nodePaste(self, path: str) -> Node:
        self.pasted.append(Path(path).read_text())
        return self._made(Node(self, "Roto", "OnelightWires", None))

    def execute(self, write: Node, first: int, last: int, step: int) -> None:
        for frame in range(first, last + 1, step):
            self.rendered(write, frame)

    def open_panel(self, node: Node) -> None:
        self.call(self.knob_changed, node, Knob(node, "showPanel", ""))

    def load(self, kind: str, text: str) -> Group:
        """A node as a script that is loaded has it."""
        flat = list(script(text).all_nodes())
        head, inside = flat[0], flat[1:]
        node = Group(self, kind, str(head.get("name")), None)
        for each in inside:
            assert each.name and each.name not in node.inside, each.name
            node.inside[each.name] = self._inner(each, node)
        for kind_, name, *rest in user_knobs(head):
            held = rest[rest.index("T") + 1] if "T" in rest else ""
            if kind_ == "41":
                node._knobs[name] = Link(node, name, held)
            else:
                node.add(name, KINDS[kind_], True if kind_ == "6" else held, held if kind_ == "22" else "")
        for knob in head.knobs:
            if knob.name == "onelight_pin":
                node.add(knob.name, "String_Knob", words(str(knob.value.raw))[0])
            elif knob.name in ("onCreate", "knobChanged", "updateUI"):
                node.callbacks[knob.name] = words(str(knob.value.raw))[0]
        self._made(node)
        self.run(node.callbacks.get("onCreate", ""), node)
        return node

    def createNode(self, kind: str, inpanel: bool = True) -> Any:
        paths = [path for folder in self.folders if (path := Path(folder) / f"{kind}.gizmo").is_file()]
        node = self.load(kind, paths[0].read_text()) if paths else self._plain(kind)
        self.call(self.user_created, node, None)
        return node

    def run(self, code: str, node: Node, knob: Knob | None = None) -> None:
        """A callback's or a button's Python, as Nuke runs it."""
        self._this.append((node, knob))
        try:
            exec(code, {"nuke": self})
        finally:
            self._this.pop()

    def call(self, callbacks: dict[str, list], node: Node, knob: Knob | None) -> None:
        self._this.append((node, knob))
        try:
            for call, args in callbacks.get(node.Class(), []):
                call(*args)
        finally:
            self._this.pop()

    def _inner(self, parsed: Parsed, group: Group) -> Node:
        node = Node(self, parsed.class_name, str(parsed.name), group)
        match = PLUGIN.fullmatch(parsed.class_name)
        if match:
            for knob in discover()[match[1]].all_knobs():
                node.add(knob.name, type(knob).__name__, initial(knob))
        for knob in parsed.knobs:
            raw = str(knob.value.raw)
            assert not match or knob.name in ("inputs", "name") or knob.name in node.knobs(), knob.name
            node.add(knob.name, "Knob", raw if raw.startswith("{") else words(raw)[0])
        return node

    def _plain(self, kind: str) -> Node:
        """One of Nuke's own nodes."""
        node = self._made(Node(self, kind, f"{kind}1", None))
        for name in ("channels", "file", "file_type", "raw", "datatype") if kind == "Write" else ():
            node.add(name, "Knob")
        return node

    def _made(self, node: Any) -> Any:
        self.all.append(node)
        return node

    def _task(self, title: str) -> Any:
        task = SimpleNamespace(title=title, at=[], said=[], cancelled=False)
        task.setProgress, task.setMessage = task.at.append, task.said.append
        task.isCancelled = lambda: task.cancelled
        self.tasks.append(task)
        return task


def initial(knob: spec.Knob) -> Any:
    """A knob's value as Nuke gives it: a menu's is its label."""
    if isinstance(knob, spec.Choice):
        return next((option.label for option in knob.options if option.name == knob.default), "Result")
    return getattr(knob, "default", "")
