"""An exported network answers as torch does at every size, says nothing of its machine, and becomes a version."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install onelight[train]")
pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install onelight[train]")

import onnx
import torch
from onelight.errors import OnelightError, RequestError
from onelight.registry import Registry
from onelight.runtime import Session
from onelight.tools import discover
from onelight.training.card import Card
from onelight.training.export import export_onnx, parameters_of, weights_of, write_version
from onelight.training.settings import Settings
from torch import nn
from torch.nn import functional as F

SIZES = [{"height": 16, "width": 16}, {"height": 24, "width": 64}, {"height": 40, "width": 12}]
DYNAMIC = {"plate": {2: "height", 3: "width"}, "matte": {2: "height", 3: "width"}}
EXAMPLE = {"plate": torch.rand(1, 3, 16, 24), "matte": torch.rand(1, 1, 16, 24), "light": torch.rand(1, 3)}


class Shading(nn.Module):
    """Two levels with a skip, a light given as numbers, and two outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.stem = nn.Conv2d(4 * 16, 16, 3, padding=1)
        self.out = nn.Conv2d(19, 4 * 16, 1)

    def forward(self, plate: torch.Tensor, matte: torch.Tensor, light: torch.Tensor) -> dict[str, torch.Tensor]:
        x = F.gelu(self.stem(F.pixel_unshuffle(torch.cat([plate, matte], 1), 4)))
        x = F.interpolate(F.avg_pool2d(x, 2, ceil_mode=True), size=x.shape[2:], mode="bilinear") + x
        x = torch.cat([x, light[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        out = F.pixel_shuffle(self.out(x), 4)
        return {"normals": F.normalize(out[:, :3], dim=1), "depth": out[:, 3:]}


def export(path: Path, model: nn.Module | None = None, tolerance: float = 1e-4) -> Path:
    export_onnx(model or Shading(), EXAMPLE, path, DYNAMIC, SIZES, tolerance)
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("exported") / "shading.onnx")


def test_the_file_names_its_inputs_outputs_and_varying_sizes(exported: Path) -> None:
    graph = onnx.load(exported).graph
    shapes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in graph.input
    }
    assert shapes == {"plate": [1, 3, "height", "width"], "matte": [1, 1, "height", "width"], "light": [1, 3]}
    assert [value.name for value in graph.output] == ["normals", "depth"]


def test_the_server_runs_it_at_a_size_that_nobody_checked(exported: Path, tmp_path: Path) -> None:
    write_version(tmp_path / "show" / "relight", "relight", "v1", 1, {"decompose": exported})
    version = Registry(discover(), [tmp_path]).find("show", "relight")
    random = np.random.default_rng(1)
    inputs = {"plate": random.random((1, 3, 32, 100), np.float32), "matte": random.random((1, 1, 32, 100), np.float32)}
    inputs["light"] = np.ones((1, 3), np.float32)
    answer = Session(version, threads=1).run("decompose", inputs)
    with torch.no_grad():
        truth = Shading().eval()(**{name: torch.from_numpy(value) for name, value in inputs.items()})
    assert sorted(answer) == ["depth", "normals"]
    for name, value in truth.items():
        assert np.allclose(answer[name], value.numpy(), atol=1e-4)


def test_equal_weights_give_equal_bytes_in_another_process_and_from_another_layout(
    exported: Path, tmp_path: Path
) -> None:
    program = (
        "import sys, pathlib, torch; sys.path[:0] = sys.argv[2:]\n"
        "from test_training_export import Shading, export\n"
        "model = Shading().train().to(memory_format=torch.channels_last)\n"
        "export(pathlib.Path(sys.argv[1]), model)\n"
    )
    paths = [str(Path(__file__).parent)]
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "again.onnx"), *paths], check=True)
    assert (tmp_path / "again.onnx").read_bytes() == exported.read_bytes()


def test_the_file_says_nothing_of_the_machine_that_made_it(exported: Path) -> None:
    data = exported.read_bytes()
    for word in (
        str(Path(__file__).parent),
        str(Path(torch.__file__).parent),
        "site-packages",
        ".py",
        torch.__version__,
    ):
        assert word.encode() not in data, word


def test_exporting_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = Shading().train().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    before = weights_of(model)
    export(tmp_path / "x.onnx", model)
    assert model.training and all(parameter.requires_grad for parameter in model.parameters())
    assert weights_of(model) == before


class Stuck(nn.Module):
    """Takes the example's size for the size of every picture: what an export must not do."""

    def forward(self, plate: torch.Tensor) -> torch.Tensor:
        return plate + torch.zeros(1, 1, int(plate.shape[2]), 24)


class Rounding(nn.Module):
    """Answers otherwise in the runtime than in torch."""

    def forward(self, plate: torch.Tensor) -> torch.Tensor:
        return plate + (0.01 if torch.onnx.is_in_onnx_export() else 0.0)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Stuck(), r"x.onnx (cannot be exported|does not run at)"),
        (Rounding(), r"x.onnx: 'out' at height 16, width 16 differs by 0.01 between onnxruntime and torch"),
    ],
)
def test_a_network_that_answers_otherwise_in_the_runtime_is_not_written(
    tmp_path: Path, model: nn.Module, says: str
) -> None:
    path = tmp_path / "x.onnx"
    with pytest.raises(OnelightError, match=says):
        export_onnx(
            model, {"plate": EXAMPLE["plate"]}, path, {"plate": {2: "height", 3: "width"}}, SIZES, 1e-4, ("out",)
        )
    assert not path.exists()


def test_outputs_without_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has 1 outputs, and 0 names were given"):
        export_onnx(nn.Conv2d(3, 1, 1), {"input": EXAMPLE["plate"]}, tmp_path / "x.onnx", {}, [{}])


def test_a_version_is_what_the_registry_reads(exported: Path, tmp_path: Path) -> None:
    model = Shading()
    folder = write_version(
        tmp_path / "show" / "relight",
        "relight",
        "v1",
        1,
        {"decompose": exported},
        weights={"geometry": model},
        card="# Relight v1\n",
        extra={"parameters": parameters_of(model)},
    )
    version = Registry(discover(), [tmp_path]).find("show", "relight", "v1")
    assert version.stages["decompose"].read_bytes() == exported.read_bytes()
    sheet = json.loads((folder / "version.json").read_text())
    assert sheet["stages"]["decompose"]["sha256"] == hashlib.sha256(exported.read_bytes()).hexdigest()
    assert sheet["parameters"] == 64 * 16 * 9 + 16 + 19 * 64 + 64
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.md",
        "decompose.onnx",
        "geometry.safetensors",
        "version.json",
    ]
    from safetensors.torch import load_file

    kept = load_file(folder / "geometry.safetensors")
    assert all(torch.equal(kept[name], tensor) for name, tensor in model.state_dict().items())


def test_a_version_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    folder = write_version(tmp_path, "relight", "v1", 1, {})
    before = (folder / "version.json").read_bytes()
    with pytest.raises(RequestError, match="versions never change"):
        write_version(tmp_path, "relight", "v1", 2, {})
    assert (folder / "version.json").read_bytes() == before


def test_of_a_version_that_cannot_be_written_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(OnelightError, match="v1 cannot be written"):
        write_version(tmp_path, "relight", "v1", 1, {"decompose": tmp_path / "missing.onnx"})
    assert list(tmp_path.iterdir()) == []


def test_the_card_says_what_made_the_version_and_what_it_scores() -> None:
    card = Card(
        title="Relight v1",
        summary="Finds normals.",
        recipe="onelight train relight",
        data={"seed": 7, "manifest": "ab12", "families": ["lathe", "cloth"]},
        settings=Settings(steps=500, batch=16),
        seconds=4000.0,
        machine="two cores",
        parameters=1250000,
        intended="Plates.",
        limits=["Glass.", "Night."],
        licence="Apache-2.0",
        scores=[{"kind": "objects", "method": "relight", "mean": 3.14159}, {"kind": "faces", "cases": 4}],
    ).markdown()
    for said in ("- Parameters: 1,250,000", "1 h 07 min on two cores", "`onelight train relight`", "- manifest: ab12"):
        assert said in card
    assert "- families: lathe, cloth" in card and "- steps: 500" in card and "- Night." in card
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", card, re.M)]
    assert rows[0] == ["kind", "method", "mean", "cases"]
    assert rows[2:] == [["objects", "relight", "3.142", ""], ["faces", "", "", "4"]]
