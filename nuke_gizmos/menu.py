"""Run by Nuke when it has a GUI: the menu, and the note that a newer version is there."""

from onelight_nuke import menu, news

menu.install()
news.install()
