"""A show with clips to learn from and finished models to put into it, for tests of versions."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onelight.registry import Registry, Version
from onelight.shows import versions
from onelight.shows.keeper import Keeper
from onelight.shows.schema import Clip, ModelVersion, Rights
from onelight.shows.store import Show
from onelight.tools import discover
from onnx import TensorProto, helper
from safetensors.numpy import save

BASE = Registry(discover()).find("base", "probe")
PURPOSES = ("training",)


def clip(show: Show, name: str, purposes: tuple[str, ...] = PURPOSES, days: float | None = None) -> Clip:
    """Enters a clip whose rights end in `days`; nobody reads its picture."""
    now = datetime.now(UTC)
    rights = Rights(
        digest=hashlib.sha256(f"rights of {name}".encode()).hexdigest(),
        owner="Test Pictures",
        basis="production agreement",
        purposes=list(purposes),
        expires=None if days is None else now + timedelta(days=days),
        consents={},
        source="rights.toml",
    )
    found = Clip(
        digest=hashlib.sha256(name.encode()).hexdigest(),
        name=name,
        path=f"/dailies/{name}.mov",
        kind="movie",
        first=1001,
        last=1100,
        width=64,
        height=36,
        rate="24",
        space="acescg",
        reel=name,
        timecode="",
        camera={},
        cdl=None,
        files={},
        ingested=now,
        rights=rights,
    )
    with show.session() as session:
        session.add(found)
    return found


def finished(folder: Path, factor: float = 2.0, tool: str = "probe", **sheet: Any) -> Path:
    """A trained model as `training.export.write_version` leaves one: a network that multiplies by `factor`."""
    folder.mkdir(parents=True)
    value, shape = helper.make_tensor_value_info, ["h", "w", 4]
    weight = onnx.numpy_helper.from_array(np.array([factor], np.float32), "factor")
    x, y = (value(name, TensorProto.FLOAT, shape) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Mul", ["x", "factor"], ["y"])], "net", [x], [y], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "net.onnx")
    (folder / "weights.safetensors").write_bytes(save({"factor": np.array([factor], np.float32)}))
    (folder / "card.md").write_text(f"# Probe\n\nMultiplies by {factor}.\n")
    stages = {"net": {"file": "net.onnx", "sha256": hashlib.sha256((folder / "net.onnx").read_bytes()).hexdigest()}}
    told = {"tool": tool, "version": folder.name, "spec_version": 1, "stages": stages, **sheet}
    (folder / "version.json").write_text(json.dumps(told))
    return folder


def added(show: Show, folder: Path, factor: float = 2.0, **told: Any) -> ModelVersion:
    """A finished model, put into the show; one with a gain that learnt from nothing, unless told otherwise."""
    settings: dict[str, Any] = {
        "gain": "gain",
        "metrics": [],
        "manifest": {"code": "0" * 40},
        "clips": [],
        "base": BASE,
    }
    return versions.add(show, "probe", finished(folder / f"staged-{factor}", factor), **(settings | told))


def registry(show: Show) -> Registry:
    """What a server would read the show with."""
    return Registry(discover(), [show.folder.parent], Keeper())


def served(show: Show, name: str = "") -> Version:
    """The version that a server would run."""
    return registry(show).find(show.name, "probe", name)
