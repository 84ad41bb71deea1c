"""The note in a published gizmo's panel that another version of its model is there; never holds Nuke up.

When a panel opens, a thread looks at the folders and asks the server; the note is written by Nuke's main thread.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import nuke

from onelight_nuke import gizmos, server
from onelight_nuke.gizmos import Pinned

KNOB = "onelight_news"
KEPT_SECONDS = 300.0  # for how long a server's answer is good

_answers: dict[tuple[str, Pinned], tuple[float, tuple[str, str]]] = {}
_asking: dict[str, threading.Thread] = {}  # by node, so that a panel that is opened twice asks once


def install() -> None:
    """Look whenever the panel of a published gizmo, or of a Group made from one, opens."""
    if nuke.GUI:
        for name in [*(each.node_class for each in gizmos.published(gizmos.folders())), "Group"]:
            nuke.addKnobChanged(opened, nodeClass=name)


def opened() -> None:
    """Nuke calls this for every knob; the panel's opening is the dummy knob 'showPanel'."""
    if nuke.thisKnob().name() == "showPanel":
        look(nuke.thisNode())


def look(node: nuke.Node) -> None:
    """Begin to find out; returns at once."""
    pin, name = gizmos.pinned(node), node.fullName()
    running = _asking.get(name)
    if pin is None or (running and running.is_alive()):
        return
    thread = threading.Thread(target=_find, args=(name, pin, _server_of(node), gizmos.folders()), daemon=True)
    _asking[name] = thread
    thread.start()


def note(pin: Pinned, default: str, state: str, approved: str) -> str:
    """The words for the panel: empty where the node has what new nodes get."""
    if default and default != pin.version:
        return f"{default} is the default of '{pin.show}' now: Update takes it."
    if approved and approved != pin.version:
        return f"{approved} is approved in '{pin.show}', and not published yet."
    return f"{pin.version} was retired in '{pin.show}'." if state == "retired" else ""


def _find(name: str, pin: Pinned, address: str, places: list[Path]) -> None:
    default = gizmos.default(places, pin.show, pin.tool)
    words = note(pin, default.version if default else "", *_standing(address, pin))
    nuke.executeInMainThread(_tell, (name, words))


def _standing(address: str, pin: Pinned) -> tuple[str, str]:
    key = (address, pin)
    if key not in _answers or time.monotonic() - _answers[key][0] > KEPT_SECONDS:
        try:
            answer = server.standing(address, pin.show, pin.tool, pin.version)
        except server.NoAnswer:  # the folders still tell; the node itself says what is wrong with its server
            answer = ("", "")
        _answers[key] = (time.monotonic(), answer)
    return _answers[key][1]


def _tell(name: str, words: str) -> None:
    node = nuke.toNode(name)  # it may be gone by now
    knob = node.knob(KNOB) if node else None
    if knob:
        knob.setFlag(nuke.DO_NOT_WRITE)  # yesterday's news has no place in a script
        knob.setValue(words or " ")


def _server_of(node: nuke.Node) -> str:
    knob = node.knob("server")
    return str(knob.value()) if knob else ""
