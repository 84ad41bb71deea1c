"""Onelight's own Python for Nuke, loaded anew beside whichever stand-in a test puts where Nuke's module is."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from conftest import ROOT

FOLDER = ROOT / "nuke_gizmos"


def forget() -> None:
    """Let the next import read the modules again, with the stand-in that is there by then."""
    for name in [name for name in sys.modules if name.split(".")[0] == "onelight_nuke"]:
        del sys.modules[name]


def ours(name: str) -> ModuleType:
    """A module of `onelight_nuke`."""
    return importlib.import_module(f"onelight_nuke.{name}")


def default(folder: Path, version: str) -> None:
    """Make a version of Cleanup what new nodes of 'apollo' get."""
    (folder / "apollo_cleanup.default").write_text(f"apollo_cleanup_{version}\n")
