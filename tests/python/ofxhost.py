"""Drives the OpenFX test host from Python: nodes with knobs and clips, numpy in and out, top row first.

    host = Host("natron", "build/Onelight.ofx.bundle")
    node = host.node("org.onelight.relight")
    node.connect("Source", plate)              # float [H, W, 4]
    node.set("mix", {1: 0.0, 25: 1.0})         # keyframes
    image = node.render(12)
    assert host.violations == []

The native module is looked for on sys.path, in $ONELIGHT_MODULES, then in build/python of this checkout.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

from ofxnode import Node
from ofxrender import Rendered, RenderFailed

__all__ = ["Host", "Node", "RenderFailed", "Rendered", "module"]
ROOT = Path(__file__).resolve().parents[2]
_loaded: set[Path] = set()


def module(folder: str | os.PathLike[str] | None = None) -> Any:
    """The native module `onelight_testhost`."""
    for place in (folder, os.environ.get("ONELIGHT_MODULES"), ROOT / "build" / "python"):
        if place and str(place) not in sys.path and "onelight_testhost" not in sys.modules:
            sys.path.append(str(place))
    return importlib.import_module("onelight_testhost")


class Host:
    """One host process' worth of OpenFX: a personality, a loaded bundle, its nodes."""

    def __init__(
        self,
        personality: str = "strict",
        bundle: str | os.PathLike[str] | None = None,
        modules: str | os.PathLike[str] | None = None,
        **overrides: Any,
    ) -> None:
        """`overrides` are fields of the personality, e.g. is_background=True. ImportError, RuntimeError, ValueError."""
        self.module = module(modules)
        self.personality = self.module.personality(personality)
        for name, value in overrides.items():
            if not hasattr(self.personality, name):
                raise ValueError(f"A host personality has no field {name}.")
            setattr(self.personality, name, value)
        bundle = bundle or os.environ.get("ONELIGHT_BUNDLE") or ROOT / "build" / "Onelight.ofx.bundle"
        with tempfile.TemporaryDirectory(prefix="onelight-ofx-") as folder:  # what is loaded stays when its file goes
            self.binary = self._own_binary(Path(bundle).resolve(), Path(folder))
            self._native = self.module.Host(self.personality, str(self.binary))
        self.nodes: weakref.WeakSet[Node] = weakref.WeakSet()

    @staticmethod
    def _own_binary(bundle: Path, folder: Path) -> Path:
        """A library is loaded once a process and knows one host: a second host gets its own copy, in `folder`."""
        if bundle.suffix != ".bundle":
            return bundle
        if bundle in _loaded:
            bundle = Path(shutil.copytree(bundle, folder / bundle.name))
        _loaded.add(bundle)
        name = bundle.name.removesuffix(".ofx.bundle")
        return bundle / "Contents" / "Linux-x86-64" / f"{name}.ofx"

    @property
    def plugins(self) -> list[str]:
        return self._native.plugins

    @property
    def violations(self) -> list[str]:
        """Everything the plug-in did that OpenFX forbids; a test asserts that it is empty."""
        return self._native.violations

    def forgive(self) -> None:
        """Forget the violations so far, so that a host can serve the next test."""
        self._native.forgive()

    def describe(self, identifier: str) -> Any:
        """The described effect: `.describe()` gives its properties, clips and params."""
        return self._native.describe(identifier)

    def create(self, described: Any) -> Any:
        return self._native.create(described)

    def node(self, identifier: str) -> Node:
        node = Node(self, identifier)
        self.nodes.add(node)
        return node

    def close_nodes(self) -> None:
        """Destroy every node."""
        for node in list(self.nodes):
            node.close()
        self.nodes.clear()

    def close(self) -> None:
        """Destroy every node, then Unload."""
        self.close_nodes()
        self._native.unload()
