"""The menu 'Onelight' in the node toolbar: one entry for each gizmo that lies beside this package."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import nuke

FOLDER = Path(__file__).resolve().parent.parent
PREFIX = "Onelight"


def gizmos() -> list[tuple[str, str]]:
    """Label and node class of every gizmo, in alphabetical order."""
    classes = sorted(path.stem for path in FOLDER.glob(PREFIX + "*.gizmo"))
    return [(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[len(PREFIX) :]), name) for name in classes]


def install() -> None:
    """Build the menu; where there is no toolbar (a terminal session), do nothing."""
    toolbar = nuke.menu("Nodes") if nuke.GUI else None
    if toolbar is None:
        return
    menu = toolbar.addMenu(PREFIX)
    for label, node_class in gizmos():
        menu.addCommand(label, functools.partial(nuke.createNode, node_class))
