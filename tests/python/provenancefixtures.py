"""Fixtures of a production that renders with proof; a test module loads them by `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Server
from onelight.shows.store import Show
from provenancecases import Studio, plates, production


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Show, Server]]:
    """A show `apollo` and a server of it."""
    folder = tmp_path_factory.mktemp("provenance")
    show = production(folder / "shows", folder)
    server = Server(folder, "--shows", str(folder / "shows")).wait_ready()
    yield show, server
    server.stop()


@pytest.fixture
def studio(served: tuple[Show, Server], tmp_path: Path) -> Studio:
    """The show, with plates and an empty folder for renders of a test's own."""
    show, server = served
    plates(tmp_path / "plates")
    (tmp_path / "out").mkdir()
    return Studio(show, show.folder.parent, tmp_path, server.address)
