"""Run by Nuke when it has a GUI: puts the gizmos into the node menu."""

from onelight_nuke import menu

menu.install()
