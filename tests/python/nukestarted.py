"""Fixtures: a show's folder of published gizmos, and Nuke's stand-in as it starts with them on NUKE_PATH."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nukeours import FOLDER, default, forget
from nukestand import Nuke
from onelight.codegen import gizmo
from onelight.codegen.gizmo import Pin
from onelight.tools import discover

CLEANUP, RELIGHT = discover()["cleanup"], discover()["relight"]


@pytest.fixture
def gizmos(tmp_path: Path) -> Path:
    """A show's folder: Cleanup v001 and v002, the latter the default; Relight v001, without a default."""
    folder = tmp_path / "apollo"
    folder.mkdir()
    for tool, version in ((CLEANUP, "v001"), (CLEANUP, "v002"), (RELIGHT, "v001")):
        pin = Pin("apollo", tool.id, version, "ab" * 32, f"{version}, approved")
        (folder / f"{pin.node_class}.gizmo").write_text(gizmo.published(tool, pin))
    (folder / "apollo_cleanup_v002.nk").write_text(gizmo.group(CLEANUP, Pin("apollo", "cleanup", "v002")))
    default(folder, "v002")
    return folder


@pytest.fixture
def started(gizmos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Nuke]]:
    """Start Nuke with the folders on NUKE_PATH: it runs each init.py, and with a GUI each menu.py."""

    def start(gui: bool = True, show: str = "") -> Nuke:
        nuke = Nuke([gizmos], gui)
        forget()
        monkeypatch.setitem(sys.modules, "nuke", nuke)
        monkeypatch.setenv("ONELIGHT_SHOW", show)
        monkeypatch.delenv("ONELIGHT_SERVER", raising=False)
        for name in ("init", "menu") if gui else ("init",):
            exec(compile((FOLDER / f"{name}.py").read_text(), name, "exec"), {"__file__": str(FOLDER / f"{name}.py")})
        return nuke

    monkeypatch.syspath_prepend(FOLDER)
    yield start
    forget()
