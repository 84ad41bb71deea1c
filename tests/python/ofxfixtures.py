"""Fixtures around the OpenFX test host: hosts that live as long as the tests, and nodes in them.

A test module loads them by `pytest_plugins = ["ofxfixtures"]`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Server
from ofxcases import MakeNode, OpenHost
from ofxhost import Host
from ofxnode import Node

os.environ["ONELIGHT_PROBE"] = "1"  # the bundle then offers Probe too, which no artist should meet
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
def node(open_host: OpenHost, server: Server) -> MakeNode:
    """`node(PROBE, "mlt")`: a node on the shared server, for ACEScg, nothing connected."""

    def make(identifier: str, personality: str = "strict", address: str | None = None, **overrides: Any) -> Node:
        made = open_host(personality, **overrides).node(identifier)
        made.set("server", server.address if address is None else address)
        made.set("colourspace", "acescg")
        return made

    return make
