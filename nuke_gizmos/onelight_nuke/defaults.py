"""What new nodes of no show begin with: the show of ONELIGHT_SHOW.

Not by `nuke.knobDefault`: that also holds for nodes of scripts that are loaded, in which a knob at its default is not
written down, so an old script would change its show with the environment. `addOnUserCreate` is for new nodes alone.
"""

from __future__ import annotations

import os

import nuke

from onelight_nuke import gizmos

BASE = "base"


def install() -> None:
    """Have new nodes begin with the show of the environment, where it names one."""
    show = os.environ.get("ONELIGHT_SHOW", "")
    if show:
        for name in [*gizmos.own(), *gizmos.plugins()]:
            nuke.addOnUserCreate(begin, (show,), nodeClass=name)


def begin(show: str) -> None:
    """Set the new node's show, unless it was created with one."""
    knob = nuke.thisNode().knob("show")
    if knob and knob.value() in ("", BASE):
        knob.setValue(show)
