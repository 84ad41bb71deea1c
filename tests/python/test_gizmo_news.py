"""The note that a newer version is there: a panel that opens asks the folders and a server, and waits for neither.

Nuke's module is a stand-in, the gizmos, the bridge, the server and the show are real.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nukeours import default, ours
from nukestand import Nuke
from onelight.registry import Registry
from onelight.shows import versions
from onelight.shows.store import Show
from onelight.tools import discover
from versionshows import finished

pytest_plugins = ["nukestarted"]


def test_an_older_node_is_told_of_the_default_when_its_panel_opens(started: Callable[..., Nuke], gizmos: Path) -> None:
    nuke = started()
    node = nuke.createNode("apollo_cleanup_v001")
    nuke.open_panel(node)
    nuke.pump()
    assert node["onelight_news"].value() == "v002 is the default of 'apollo' now: Update takes it."
    assert nuke.DO_NOT_WRITE in node["onelight_news"].flags
    default(gizmos, "v001")
    nuke.open_panel(node)
    nuke.pump()
    assert node["onelight_news"].value() == " "


def test_a_server_that_does_not_answer_holds_nothing_up(
    started: Callable[..., Nuke], monkeypatch: pytest.MonkeyPatch
) -> None:
    nuke = started()
    asked, answer = threading.Event(), threading.Event()

    def hangs(*asked_for: Any) -> tuple[str, str]:
        asked.set()
        assert answer.wait(60)
        return "approved", "v003"

    monkeypatch.setattr(ours("server"), "standing", hangs)
    node = nuke.createNode("apollo_cleanup_v002")
    nuke.open_panel(node)  # returns although nobody has answered
    assert asked.wait(60)
    nuke.open_panel(node)
    assert node["onelight_news"].value() == " "
    answer.set()
    nuke.pump()
    assert node["onelight_news"].value() == "v003 is approved in 'apollo', and not published yet."
    assert nuke._handed.empty(), "a panel that is opened twice asks once"


def test_a_node_that_is_gone_by_then_is_no_mistake(started: Callable[..., Nuke]) -> None:
    nuke = started()
    node = nuke.createNode("apollo_cleanup_v001")
    nuke.open_panel(node)
    nuke.delete(node)
    nuke.pump()


def test_the_bridge_tells_how_a_version_stands(started: Callable[..., Nuke], server: Any) -> None:
    started()
    standing, no_answer = ours("server").standing, ours("server").NoAnswer
    models = Registry(discover())
    for tool in ("probe", "cleanup", "relight"):
        newest = models.find("base", tool).name
        assert standing(server.address, "base", tool, models.names("base", tool)[0]) == ("", newest)
    with pytest.raises(no_answer, match="No show named 'apollo'"):
        standing(server.address, "apollo", "cleanup", "v001")
    with pytest.raises(no_answer):
        standing("unix:/nowhere/server.sock", "base", "probe", "v1", 1.0)


def test_the_news_is_what_the_shows_people_approved(
    started: Callable[..., Nuke], gizmos: Path, start_server: Any, tmp_path: Path
) -> None:
    """A server that keeps the show, asked by the one who owns it; from the panel to the log and back."""
    root, nuke = tmp_path / "shows", started()
    show = Show.create("apollo", root)
    for factor in (2.0, 3.0, 4.0):
        folder = finished(tmp_path / f"staged-{factor}", factor, "cleanup")
        versions.add(show, "cleanup", folder, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    versions.approve(show, "cleanup", "v002")
    address = start_server("--shows", str(root)).address
    node = nuke.createNode("apollo_cleanup_v002")
    node["server"].setValue(address)
    nuke.open_panel(node)
    nuke.pump()
    assert node["onelight_news"].value() == " "
    versions.approve(show, "cleanup", "v003")
    ours("news")._answers.clear()  # five minutes later
    nuke.open_panel(node)
    nuke.pump()
    assert node["onelight_news"].value() == "v003 is approved in 'apollo', and not published yet."
    versions.retire(show, "cleanup", "v003", why="it rang")
    ours("news")._answers.clear()
    nuke.open_panel(node)
    nuke.pump()
    assert node["onelight_news"].value() == "v002 was retired in 'apollo'."
