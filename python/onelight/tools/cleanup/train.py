"""Trains Cleanup's detector on wires over rendered scenes and dead leaves: recipes, data, loss, validation, loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onelight.errors import RequestError
from onelight.tools.cleanup import clutter, losses, pairs
from onelight.tools.cleanup.detect import HAND, MOTION, MULTIPLE, PICTURE, STAGE, TANGENTS
from onelight.tools.cleanup.losses import Look
from onelight.tools.cleanup.model import Detector
from onelight.training.card import Card
from onelight.training.crops import Crops
from onelight.training.curves import sheet
from onelight.training.export import export_onnx, parameters_of
from onelight.training.feed import tensors
from onelight.training.loop import train
from onelight.training.settings import Recipe, Settings
from onelight.training.start import begin_with

# `base` made the newest weights that come along, begun with those before (their card says how); `small` is what one
# core does in minutes, to see that every part works.
RECIPES = {
    "base": Recipe(Settings(22000, 6, 1.5e-3, weight_decay=1e-3, seed=20261222, ema=0.999, threads=1), 3000, "wires5"),
    "small": Recipe(Settings(800, 6, 2e-3, weight_decay=1e-3, seed=20261121, ema=0.99), 150, "small1"),
}
KEPT = 25  # one scene in so many is kept from training, to watch it; the score comes from families never trained on
WATCHED = 48  # crops
SHOWN = 3  # steps that see each batch
COLUMNS = ("plate", "truth", "found", "counts")


def run(
    scenes: Mapping[str, Path],
    out: Path,
    settings: Settings,
    device: str = "cpu",
    stop_after: float | None = None,
    start: Path | None = None,
) -> Detector | None:
    """The trained network, with averaged weights; None where `stop_after` seconds were over first.

    `scenes` are files of the soundstage by name; `out` keeps what is baked of them and the checkpoint, from which the
    next call goes on. `start` are the weights of a version (safetensors) to begin with instead of with nothing.
    """
    crops = Crops.bake(out / "crops", scenes, pairs.read, jobs=2, recipe="cleanup 1")
    rows = np.arange(len(crops))
    kept = rows % KEPT == KEPT - 1
    if not kept.any():
        raise RequestError(f"{len(rows)} scenes are too few to train on: give at least {KEPT}.")
    leaves = clutter.library(pairs.LIBRARY, pairs.LEAVES, settings.seed)
    random = np.random.default_rng(settings.seed)
    aside = clutter.library(max(pairs.LIBRARY // KEPT, 2), pairs.LEAVES, settings.seed + 1)
    watched = [tensors(pairs.compose(crops.arrays, rows[kept], aside, WATCHED // 2, random)) for _ in range(2)]
    torch.manual_seed(settings.seed)
    model = Detector()
    started = f" from {begin_with(model, start)}" if start else ""
    return train(
        model,
        settings,
        Batches(partial(pairs.compose, crops.arrays, rows[~kept], leaves, settings.batch), settings.seed),
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
        title=f"Cleanup {version}",
        summary="Tells which pixels of a picture are a wire, rod or cable, how wide it is and which way it runs.",
        parameters=parameters_of(model),
        intended=(
            "Scene-linear plates with stunt wires, harness lines, cables and rods of 0.5 to 24 pixels. What is thin, "
            "smooth, of one width and goes on straight or in a gentle curve, alone, is taken for a wire."
        ),
        limits=(
            "A washing line, an antenna, a window bar or a straight crease that looks like a wire is found as one: "
            "use Keep. A knotted, braided or coiled line, and one that winds like a twig, may be missed: use Add.",
            "Four or more parallel bars, grids, tapering and forking things, rails on posts, bands along the border of "
            "two surfaces, lettering and outlines were taught as no wire; a bundle of parallel wires may be taken for "
            "blinds.",
            "It saw synthetic scenes and dead leaves alone: no skin, hair or water as they really are.",
            "What differs from its ground by less than about 2 % of its light, or less than the grain hides, was not "
            "asked for.",
        ),
        licence="Apache-2.0, as the code; it learnt from nothing but this code's own pictures.",
        **told,
    ).markdown()


def export(model: torch.nn.Module, folder: Path) -> dict[str, Path]:
    """The network as ONNX in `folder`, checked against torch: its files by stage."""
    path = Path(folder) / f"{STAGE}.onnx"
    height, width = 4 * MULTIPLE, 6 * MULTIPLE
    channels = {"picture": PICTURE, "hand": HAND, "motion": MOTION}
    export_onnx(
        model,
        {name: torch.zeros(1, count, height, width) for name, count in channels.items()},
        path,
        {name: {2: "height", 3: "width"} for name in channels},
        [{"height": size, "width": size + 2 * MULTIPLE} for size in (MULTIPLE, 10 * MULTIPLE)],
        outputs=("matte", "width", "along"),
    )
    return {STAGE: path}


class Batches:
    """Batches of the training: each is made once and shown `SHOWN` times, mirrored and turned otherwise.

    Making a batch takes as long as learning from it (data echoing, Choi et al. 2019). What a step sees is a function of
    the seed and the step alone.
    """

    def __init__(self, compose: Callable[[np.random.Generator], Mapping[str, np.ndarray]], seed: int) -> None:
        self._compose, self._seed = compose, seed
        self._made: tuple[int, dict[str, Tensor]] = (-1, {})

    def __call__(self, random: np.random.Generator, step: int) -> dict[str, Tensor]:
        number = step // SHOWN
        if self._made[0] != number:
            self._made = number, tensors(self._compose(np.random.default_rng([self._seed, number])))
        return turned(self._made[1], *(bool(random.integers(2)) for _ in range(3)))


def turned(batch: Mapping[str, Tensor], across: bool, down: bool, diagonal: bool) -> dict[str, Tensor]:
    """The batch mirrored across, mirrored down and about the diagonal, its tangents with it."""
    flipped = [dim for dim, wanted in ((3, across), (2, down)) if wanted]
    out = {name: image.flip(flipped) for name, image in batch.items()}
    sign = torch.tensor([1.0, 1.0 if across == down else -1.0])
    if diagonal:
        out = {name: image.transpose(2, 3) for name, image in out.items()}
        sign = sign * torch.tensor([-1.0, 1.0])
    for name, first in (("along", 0), *(("hand", at) for at in TANGENTS)):
        out[name][:, first : first + 2] *= sign.view(1, 2, 1, 1)
    return out


def loss_of(look: Look, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weighted sum, and its parts."""
    parts = losses.losses(losses.answer(look, batch), batch)
    return {"loss": torch.stack([losses.WEIGHTS[name] * value for name, value in parts.items()]).sum(), **parts}


def validate(batches: Sequence[Mapping[str, Tensor]], model: torch.nn.Module) -> tuple[dict[str, float], np.ndarray]:
    """Scores on scenes and leaves kept from training, and a sheet of what is found."""
    device = next(model.parameters()).device
    found: dict[str, list[float]] = {}
    shown: list[list[np.ndarray]] = []
    for batch in batches:
        on_device = {name: value.to(device) for name, value in batch.items()}
        said = losses.answer(model, on_device)
        for name, value in losses.scores(said, on_device).items():
            found.setdefault(name, []).append(value)
        shown += [_views(on_device, said, index) for index in range(8)]
    return {name: float(np.mean(values)) for name, values in found.items()}, sheet(shown, COLUMNS)


def _views(truth: Mapping[str, Tensor], said: Mapping[str, Tensor], index: int) -> list[np.ndarray]:
    linear = torch.exp2(truth["picture"][index] * 4) * 0.2
    views = [(linear / (0.4 + linear)).clamp(0, 1) ** 0.45]
    mattes = (truth["stroke"], torch.sigmoid(said["matte"]), truth["weight"])
    views += [matte[index].expand(3, -1, -1) for matte in mattes]
    return [view.permute(1, 2, 0).float().cpu().numpy() for view in views]
