"""What Cleanup's network is taught: which pixels are wire though hardly any are, how wide it is, which way it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = {"matte": 1.0, "dice": 0.7, "width": 0.15, "along": 0.3}
FOCUS = 1.0  # the exponent by which pixels that are told apart already count less
SPARSE = 0.02  # share of a batch's pixels that counts as wire where less than that is
Tensors = Mapping[str, Tensor]
Look = Callable[..., tuple[Tensor, ...]]  # the network: `Detector.forward`


def answer(look: Look, batch: Tensors) -> dict[str, Tensor]:
    """The network's outputs by name."""
    out = look(batch["picture"], batch["hand"], batch["motion"])
    return dict(zip(("matte", "width", "along"), out, strict=True))


def losses(found: Tensors, truth: Tensors) -> dict[str, Tensor]:
    """The parts of the loss by name, each a scalar.

    The matte's is the quality focal loss (Li et al. 2020), which takes soft truths, over the pixels of wire; beside it
    a Dice loss (Milletari et al. 2016) over the whole batch, which no flood of empty pixels drowns.
    """
    stroke, weight = truth["stroke"], truth["weight"]
    chance = torch.sigmoid(found["matte"])
    plain = F.binary_cross_entropy_with_logits(found["matte"], stroke, reduction="none")
    focal = weight * (chance - stroke).abs() ** FOCUS * plain
    wire = (weight * stroke).sum()
    both, either = (weight * chance * stroke).sum(), (weight * (chance.square() + stroke.square())).sum()
    inside = weight * (stroke > 0.5)
    told = inside.sum() + 1.0
    return {
        "matte": focal.sum() / (wire + SPARSE * weight.sum()),
        "dice": 1 - (2 * both + 1.0) / (either + 1.0),
        "width": (inside * (found["width"] - truth["width"]).abs()).sum() / told,
        "along": (inside * (found["along"] - truth["along"]).square().sum(1, keepdim=True)).sum() / told,
    }


def scores(found: Tensors, truth: Tensors, threshold: float = 0.5) -> dict[str, float]:
    """Precision, recall and F1 of pixels, a pixel off counting as hit; and what share of the rest is taken for wire."""
    there, said = truth["stroke"] > 0.5, torch.sigmoid(found["matte"]) > threshold
    counts = truth["weight"] > 0.5
    near_there, near_said = (F.max_pool2d(value.float(), 3, 1, 1) > 0 for value in (truth["stroke"] > 0.05, said))
    right = (said & near_there & counts).sum() / (said & counts).sum().clamp(min=1)
    seen = (there & near_said & counts).sum() / (there & counts).sum().clamp(min=1)
    wrong = (said & ~near_there).sum() / (~near_there).sum().clamp(min=1)
    return {
        "precision": float(right),
        "recall": float(seen),
        "F1": float(2 * right * seen / (right + seen).clamp(min=1e-6)),
        "false share %": float(wrong) * 100,
    }
