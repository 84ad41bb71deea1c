"""What the OpenFX tests share: the personalities, the tools, small plates, and a node that has work to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import ofxframes
import ofxhost
import stagerun
from ofxnode import Node
from onelight.spec import Float, Tool
from onelight.tools import discover

PERSONALITIES = ("strict", "natron", "mlt", "resolve", "nuke", "fusion")
TOOLS = discover()
PROBE = "org.onelight.probe"
RELIGHT = "org.onelight.relight"
OpenHost = Callable[..., ofxhost.Host]
MakeNode = Callable[..., Node]


def depths_of(personality: str) -> list[str]:
    """The depths this host has, as the driver names them."""
    known = ofxhost.module().personality(personality).depths
    return [depth for depth, (name, _) in ofxframes.DEPTHS.items() if name in known]


def disturb(node: Node, tool: Tool) -> None:
    """Turn the tool's first number with a neutral value away from it, so that the node has work to do."""
    for knob in tool.knobs:
        if isinstance(knob, Float) and isinstance(knob.neutral, float) and knob.soft[1] != knob.neutral:
            node.set(knob.name, knob.soft[1])
            return
    raise AssertionError(f"{tool.id} has no number with a neutral value")


def neutralise(node: Node, tool: Tool) -> None:
    """Turn every knob with a neutral value to it, where a fresh node of the tool is not neutral already."""
    for knob in () if tool.starts_neutral else tool.knobs:
        neutral = getattr(knob, "neutral", None)
        if neutral is not None and neutral != getattr(knob, "default", None):
            node.set(knob.name, neutral)


def subject(width: int = 96, height: int = 64, seed: int = 1) -> np.ndarray:
    """`scene` with a wire across: something in it for every tool."""
    return stagerun.crossed(scene(width, height, seed))


def scene(width: int = 96, height: int = 64, seed: int = 1) -> np.ndarray:
    """A small linear plate [height, width, 4] with values above 1 and below 0 and a soft alpha."""
    return stagerun.scene(width, height, seed=seed)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Bit for bit, so that -0 differs from 0 and NaN equals NaN."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
