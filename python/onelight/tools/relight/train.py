"""Trains Relight's network on rendered scenes; reads top to bottom: recipes, data, loss, validation, loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onelight.errors import RequestError
from onelight.tools.relight import losses, pairs
from onelight.tools.relight.losses import Look
from onelight.tools.relight.model import ASKED, LIGHT, MULTIPLE, PICTURE, PRIOR, Geometry
from onelight.tools.relight.network import STAGE
from onelight.training.card import Card
from onelight.training.crops import Crops
from onelight.training.curves import sheet
from onelight.training.export import export_onnx, parameters_of
from onelight.training.feed import tensors
from onelight.training.loop import train
from onelight.training.settings import Recipe, Settings
from onelight.training.start import begin_with

# `base` is what two cores do in hours (a committed version's card says how that was made); `small` is what they do in
# minutes, to see that every part works.
RECIPES = {
    "base": Recipe(Settings(20000, 16, 1.5e-3, weight_decay=1e-3, seed=20261121), 3800, "soundstage7", lone=2700),
    "small": Recipe(Settings(1500, 12, 2e-3, weight_decay=1e-3, seed=20261121, ema=0.995), 240, "small1", lone=100),
}
KEPT = 25  # one scene in so many is kept from training, to watch it; the score comes from families never trained on
LIGHTS = 3  # that a pair is drawn of: the plate's, the target's, and one more that nobody names
WATCHED = 32  # pairs
DEEP = 0.25  # share of the steps that look an octave further down
COLUMNS = ("plate", "truth", "relit", "normals", "found", "reach found")


def run(
    scenes: Mapping[str, Path],
    out: Path,
    settings: Settings,
    device: str = "cpu",
    stop_after: float | None = None,
    start: Path | None = None,
) -> Geometry | None:
    """The trained network, with averaged weights; None where `stop_after` seconds were over first.

    `scenes` are files of the soundstage by name; `out` keeps what is baked of them and the checkpoint, from which the
    next call goes on. `start` are the weights of a version (safetensors) to begin with instead of with nothing.
    """
    crops = Crops.bake(out / "crops", scenes, pairs.read, jobs=2, recipe="relight 5")
    if (lights := crops.arrays["lights"].shape[1]) < LIGHTS:
        raise RequestError(f"The scenes have {lights} key lights each: Relight learns from {LIGHTS} or more.")
    rows = np.arange(len(crops))
    kept = rows % KEPT == KEPT - 1
    if not kept.any():
        raise RequestError(f"{len(rows)} scenes are too few to train on: give at least {KEPT}.")
    random = np.random.default_rng(settings.seed)
    watched = [tensors(pairs.compose(crops.arrays, rows[kept], WATCHED // 2, random)) for _ in range(2)]
    torch.manual_seed(settings.seed)
    model = Geometry()
    started = f" from {begin_with(model, start)}" if start else ""
    return train(
        model,
        settings,
        partial(batch_of, crops.arrays, rows[~kept], settings.batch),
        loss_of,
        partial(validate, watched),
        out,
        device,
        data=f"{crops.digest} as {pairs.EDITION}{started}",
        stop_after=stop_after,
    )  # pyright: ignore[reportReturnType]


def card(model: torch.nn.Module, version: str, **told: Any) -> str:
    """The model card of a version; `told` are the fields of `Card` that only the run knows."""
    return Card(
        title=f"Relight {version}",
        summary="Reads normals, affine depth, openness and the reach of the present key off one picture, for Relight.",
        parameters=parameters_of(model),
        intended="Scene-linear plates of anything; more certain with the present light analysed and with a matte.",
        limits=(
            "Made from synthetic scenes alone: no skin, hair, leaves or water as they really are.",
            "One picture at a time; what is paint and what is relief is a guess that may change with the picture.",
            "Glass, mirrors and lamps in shot have no surface that it could read.",
        ),
        licence="Apache-2.0, as the code; it learnt from nothing but this code's own renders.",
        **told,
    ).markdown()


def export(model: torch.nn.Module, folder: Path) -> dict[str, Path]:
    """The network as ONNX in `folder`, checked against torch: its files by stage."""
    path = Path(folder) / f"{STAGE}.onnx"
    height, width = 4 * MULTIPLE, 6 * MULTIPLE
    channels = {"picture": PICTURE, "matte": 1, "prior": PRIOR}
    example = {name: torch.zeros(1, count, height, width) for name, count in channels.items()}
    export_onnx(
        model,
        {**example, "light": torch.zeros(1, LIGHT), "asked": torch.zeros(1, ASKED)},
        path,
        {name: {2: "height", 3: "width"} for name in channels},
        [{"height": size, "width": size + 2 * MULTIPLE} for size in (MULTIPLE, 10 * MULTIPLE)],
        outputs=losses.OUTPUTS,
    )
    return {STAGE: path}


def batch_of(
    arrays: Mapping[str, np.ndarray], rows: np.ndarray, count: int, random: np.random.Generator, step: int
) -> dict[str, Tensor]:
    """`count` pairs of the scenes in `rows`, as tensors."""
    deep = random.random() < DEEP
    return {**tensors(pairs.compose(arrays, rows, count, random)), "deep": torch.tensor(deep)}


def loss_of(look: Look, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weighted sum over both levels, and its parts."""
    parts: dict[str, Tensor] = {}
    for found, truth in losses.levels(look, batch, bool(batch["deep"])):
        for name, value in losses.losses(found, truth).items():
            parts[name] = parts.get(name, value.new_zeros(())) + value / 2
    return {"loss": torch.stack([losses.WEIGHTS[name] * value for name, value in parts.items()]).sum(), **parts}


def validate(batches: Sequence[Mapping[str, Tensor]], model: torch.nn.Module) -> tuple[dict[str, float], np.ndarray]:
    """Scores on scenes kept from training, and a sheet of what the closer level sees."""
    device = next(model.parameters()).device
    scores: dict[str, list[float]] = {}
    shown: list[list[np.ndarray]] = []
    for batch in batches:
        on_device = {name: value.to(device) for name, value in batch.items()}
        for level, (found, truth) in zip(("coarse", "fine"), losses.levels(model, on_device), strict=True):
            covered = truth["covered"]
            cosine = (found["normals"] * truth["normals"]).sum(1, keepdim=True).clamp(-1, 1)
            apart = (torch.rad2deg(torch.acos(cosine)) * covered).sum() / covered.sum()
            scores.setdefault(f"normals error {level}", []).append(float(apart))
            relit = losses.relight(found, truth)
            better = losses.psnr(relit, truth) - losses.psnr(truth["linear"], truth)
            scores.setdefault(f"relit gain dB {level}", []).append(float(better.mean()))
            if level == "fine":
                shown += [_views(found, truth, relit, index) for index in range(4)]
    return {name: float(np.mean(values)) for name, values in scores.items()}, sheet(shown, COLUMNS)


def _views(found: Mapping[str, Tensor], truth: Mapping[str, Tensor], relit: Tensor, index: int) -> list[np.ndarray]:
    peak = torch.quantile(truth["target"][index], 0.98).clamp(min=1e-3)
    views = [(image[index] / peak).clamp(0, 1) ** 0.45 for image in (truth["linear"], truth["target"], relit)]
    views += [which["normals"][index] * 0.5 + 0.5 for which in (truth, found)]
    views += [found["reach"][index].expand(3, -1, -1)]
    return [view.permute(1, 2, 0).float().cpu().numpy() for view in views]
