"""Fixtures around the OpenFX test host: hosts that live as long as the tests, and what every tool's node is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stagerun
from conftest import Server
from ofxhost import Host, Node
from onelight.spec import Float, Tool
from onelight.tools import discover

PERSONALITIES = ("strict", "natron", "mlt", "resolve", "nuke", "fusion")
TOOLS = discover()
PROBE = "org.onelight.probe"
RELIGHT = "org.onelight.relight"
OpenHost = Callable[..., Host]
_hosts: dict[tuple[Any, ...], Host] = {}


@pytest.fixture
def open_host(bundle: Path) -> Iterator[OpenHost]:
    """`open_host("natron", is_background=True)`: hosts, kept between tests. Each test ends without a violation."""
    used: list[Host] = []

    def open_one(personality: str = "strict", **overrides: Any) -> Host:
        key = (personality, *sorted(overrides.items()))
        if key not in _hosts:
            _hosts[key] = Host(personality, bundle, **overrides)
        used.append(_hosts[key])
        return _hosts[key]

    yield open_one
    found: list[str] = []
    for host in used:
        host.close_nodes()
        found += host.violations
        host.forgive()
    assert found == []


@pytest.fixture
def node(open_host: OpenHost, server: Server) -> Callable[..., Node]:
    """`node(PROBE, "mlt")`: a node on the shared server, nothing connected."""

    def make(identifier: str, personality: str = "strict", address: str | None = None, **overrides: Any) -> Node:
        made = open_host(personality, **overrides).node(identifier)
        made.set("server", server.address if address is None else address)
        return made

    return make


def depths_of(personality: str) -> list[str]:
    """The depths this host has, as the driver names them."""
    import ofxframes
    from ofxhost import module

    known = module().personality(personality).depths
    return [depth for depth, (name, _) in ofxframes.DEPTHS.items() if name in known]


def disturb(node: Node, tool: Tool) -> None:
    """Turn the tool's first number with a neutral value away from it, so that the node has work to do."""
    for knob in tool.knobs:
        if isinstance(knob, Float) and isinstance(knob.neutral, float) and knob.soft[1] != knob.neutral:
            node.set(knob.name, knob.soft[1])
            return
    raise AssertionError(f"{tool.id} has no number with a neutral value")


def scene(width: int = 96, height: int = 64, seed: int = 1) -> np.ndarray:
    """A small linear plate [height, width, 4] with values above 1 and below 0 and a soft alpha."""
    return stagerun.scene(width, height, seed=seed)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Bit for bit, so that -0 differs from 0 and NaN equals NaN."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
