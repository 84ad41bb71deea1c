"""The menu 'Onelight' in the node toolbar: a show's published gizmos, and those of no show.

With ONELIGHT_SHOW set, that show's gizmos stand first and other shows' do not appear. What an entry creates is pinned:
the default is looked up when the entry is chosen, and the node is of the exact version from then on.
"""

from __future__ import annotations

import functools
import os
import re
from itertools import groupby

import nuke

from onelight_nuke import gizmos
from onelight_nuke.gizmos import PREFIX, Gizmo


def install() -> None:
    """Build the menu; where there is no toolbar (a terminal session), do nothing."""
    toolbar = nuke.menu("Nodes") if nuke.GUI else None
    if toolbar is None:
        return
    menu = toolbar.addMenu(PREFIX)
    working_on = os.environ.get("ONELIGHT_SHOW", "")
    found = [each for each in gizmos.published(gizmos.folders()) if not working_on or each.show == working_on]
    for show, of_show in groupby(found, key=lambda each: each.show):
        into = menu if show == working_on else menu.addMenu(show)
        for label, versions in groupby(of_show, key=lambda each: each.label):
            _add(into, label, list(versions))
    if found and working_on:
        menu.addSeparator()
        menu = menu.addMenu("Base")
    for name in gizmos.own():
        label = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[len(PREFIX) :])
        menu.addCommand(label, functools.partial(nuke.createNode, name))


def create(show: str, tool: str, version: str = "default") -> nuke.Node | None:
    """A new node of a show's gizmo: of the default version, or of the one named; says so where there is none."""
    found = gizmos.published(gizmos.folders())
    for each in found:
        wanted = each.default if version == "default" else each.version == version
        if wanted and (each.show, each.tool) == (show, tool):
            return nuke.createNode(each.node_class)
    what = "no default version" if version == "default" else "no version " + version
    nuke.message(f"Onelight: there is {what} of {tool} published for '{show}' on NUKE_PATH.")
    return None


def _add(menu: nuke.Menu, label: str, versions: list[Gizmo]) -> None:
    first = versions[0]
    if any(each.default for each in versions):
        menu.addCommand(label, functools.partial(create, first.show, first.tool))
    older = menu.addMenu(label + " versions")
    for each in versions:
        note = each.version + (" (default)" if each.default else "")
        older.addCommand(note, functools.partial(nuke.createNode, each.node_class))
        if each.group:
            older.addCommand(each.version + " as Group", functools.partial(nuke.nodePaste, str(each.group)))
