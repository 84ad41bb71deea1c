"""Finds the tools: every folder beside this file that has a `spec.py` is one, and no list names them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from onelight.spec import Tool

_HERE = Path(__file__).parent


@cache
def discover() -> dict[str, Tool]:
    """All tools by id, shipped or not, in alphabetical order."""
    found = sorted(path.parent.name for path in _HERE.glob("*/spec.py"))
    return {name: import_module(f"onelight.tools.{name}.spec").TOOL for name in found}


def graph(tool_id: str) -> ModuleType:
    """The module with the tool's `STAGES` and, where it has one, `analyse`."""
    return import_module(f"onelight.tools.{tool_id}.graph")


def help_page(tool_id: str) -> str:
    """The artist's page of a tool (Markdown)."""
    return (_HERE / tool_id / "help.md").read_text(encoding="utf-8")
