"""A node of the real plug-in in the test host of this checkout, with the calls the demo needs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onelight.cli.doctor import find_bundle
from onelight.errors import NotFound, OnelightError

ROOT = Path(__file__).resolve().parents[3]
HOST = ROOT / "tests" / "python"


def bundle() -> Path:
    """The built bundle; NotFound says how to build it."""
    built = ROOT / "build" / "Onelight.ofx.bundle"
    found = find_bundle(built)
    if found is None:
        raise NotFound(f"{built} is not built: run 'make build'")
    return found


class Comp:
    """One node of a tool with a plate connected. Renders raise OnelightError with the node's own message."""

    def __init__(
        self, server: str, plates: np.ndarray | Mapping[int, np.ndarray], colourspace: str, tool: str = "relight"
    ) -> None:
        self._host = host_module().Host("strict", bundle(), has_project=False)  # the format is the plate's
        self.node = self._host.node(f"org.onelight.{tool}")
        last = max(plates) if isinstance(plates, Mapping) else 1
        self.node.connect("Source", plates, depth="half", premult="opaque", span=(1, last))
        self.node.set("server", server)
        self.node.set("colourspace", colourspace)
        self.seconds: float = 0.0

    def analyse(self) -> None:
        """Press Analyse shot."""
        self.node.press("analyse")
        if not self.node.value("analysed"):
            raise OnelightError(f"Analyse shot did not finish: {self.node.messages}")

    def set(self, **knobs: Any) -> None:
        """Set knobs as a user would; a preset writes others."""
        for name, value in knobs.items():
            self.node.set(name, value)

    def render(self, frame: int = 1, output: str = "result") -> np.ndarray:
        """One frame, float16 [H, W, 4]; `seconds` is then what the plug-in's render action took."""
        self.node.set("output", output)
        try:
            pixels = self.node.render(frame)
        except host_module().RenderFailed as error:
            raise OnelightError(f"frame {frame}: {error}") from error
        self.seconds = self.node.last.seconds
        return pixels

    def close(self) -> None:
        """Destroy the node; what OpenFX forbids and was done all the same is an error."""
        self._host.close()
        if self._host.violations:
            raise OnelightError(f"the plug-in broke OpenFX's rules: {self._host.violations}")


def host_module() -> Any:
    """The test host's Python driver; NotFound outside a checkout."""
    if not (HOST / "ofxhost.py").is_file():
        raise NotFound(f"{HOST / 'ofxhost.py'} is missing: the demo runs in a checkout of Onelight")
    if str(HOST) not in sys.path:
        sys.path.append(str(HOST))
    return importlib.import_module("ofxhost")
