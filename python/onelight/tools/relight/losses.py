"""What Relight's network is taught: the surface, its detail, and that a plate relit by it looks as it was rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

BOUNCED = 0.03  # light from all round that even a dark room has, of the key
LIMIT = 4.0  # stops: what no relighting would do is not asked for
WEIGHTS = {
    "normals": 1.0,
    "detail": 0.5,
    "depth": 0.15,
    "openness": 0.2,
    "reach": 0.6,
    "relit": 2.5,
}
OUTPUTS = ("normals", "depth", "openness", "reach", "doubt", "hedge")
Tensors = Mapping[str, Tensor]
Level = tuple[dict[str, Tensor], dict[str, Tensor]]
Look = Callable[..., tuple[Tensor, ...]]  # the network: `Geometry.forward`


def levels(look: Look, batch: Tensors, deep: bool = False) -> list[Level]:
    """The network's answers on two levels, each with the truth at its size: the whole, then a part at twice the size.

    With `deep` an octave further down: the whole at half the size, then the whole.
    """
    shared = {name: batch[name] for name in ("light", "asked", "asks_second", "lights", "fill")}
    whole = {**shared, **_level(batch, "coarse.")}
    coarse, inflated = (halved(whole), F.avg_pool2d(batch["inflated"], 2)) if deep else (whole, batch["inflated"])
    first = answer(look, coarse, torch.cat([inflated, torch.zeros_like(inflated[:, :1])], dim=1))
    found = torch.cat([first["normals"], first["depth"]], dim=1).detach()
    prior = F.interpolate(found, scale_factor=2.0, mode="bilinear", align_corners=False)
    if deep:
        return [(first, coarse), (answer(look, whole, prior), whole)]
    fine = {**shared, **_level(batch, "fine.")}
    (top, left), size = (int(v) for v in batch["corner"]), fine["picture"].shape[-1]
    return [(first, coarse), (answer(look, fine, prior[..., top : top + size, left : left + size]), fine)]


def _level(batch: Tensors, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in batch.items() if name.startswith(prefix)}


def answer(look: Look, level: Tensors, prior: Tensor) -> dict[str, Tensor]:
    """The network's outputs by name."""
    out = look(level["picture"], level["matte"], prior, level["light"], level["asked"])
    return dict(zip(OUTPUTS, out, strict=True))


def halved(level: Tensors) -> dict[str, Tensor]:
    """A level at half its size; what is not covered does not count."""
    out = {name: F.avg_pool2d(value, 2) if value.ndim == 4 else value for name, value in level.items()}
    out["covered"] = (out["covered"] > 0.6).float()
    out["reach_counts"] = (out["reach_counts"] > 0.9).float()
    out["normals"] = F.normalize(out["normals"], dim=1, eps=1e-4) * out["covered"]
    return out


def losses(found: Tensors, truth: Tensors) -> dict[str, Tensor]:
    """The parts of the loss on one level, each a mean over what is covered."""
    covered = truth["covered"]

    def mean(error: Tensor, counts: Tensor = covered) -> Tensor:
        return (error * counts).sum() / (counts.sum() * error.shape[1] + 1.0)

    apart = found["normals"] - truth["normals"]
    parts = {"normals": mean(apart.abs()) + 0.5 * mean(apart.square().sum(1, keepdim=True))}
    parts["detail"] = sum((_steps(apart, covered, step) for step in (1, 2, 4)), start=covered.new_zeros(()))
    parts["depth"] = mean((found["depth"] - truth["depth"]).abs().clamp(max=3))
    parts["openness"] = mean((found["openness"] - truth["openness"]).abs())
    asks_second = truth["asks_second"].view(-1, 1, 1, 1)
    reach = truth["reach"] + (truth["reach_new"] - truth["reach"]) * asks_second
    missed = found["reach"] - reach  # squares ask for the mean of what may be, which a shadow nobody is sure of is
    parts["reach"] = mean(0.5 * missed.abs() + 1.5 * missed.square(), truth["reach_counts"])
    relit, target = relight(found, truth), truth["target"]
    peak = target.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-3) * 0.7
    relit, target = relit / peak, (target / peak).clamp(0, 4)
    stops = torch.log2(relit.clamp(0, 4) + 0.02) - torch.log2(target + 0.02)
    roots = torch.sqrt(relit.clamp(0, 4) + 1e-3) - torch.sqrt(target + 1e-3)
    detail = sum(_steps(stops, covered, step) for step in (1, 4))
    parts["relit"] = mean(0.5 * roots.abs() + 1.5 * roots.square())  # squares ask for the mean here too: for a hedge
    parts["relit"] = parts["relit"] + 0.1 * (mean(0.5 * stops.abs() + 0.2 * stops.square()) + detail)
    return parts


def relight(found: Tensors, truth: Tensors) -> Tensor:
    """The picture under the other key by the tool's own formula; of the reaches, the one not asked for is given."""
    old, new = truth["lights"][:, 0, :, None, None], truth["lights"][:, 1, :, None, None]
    fill = (truth["fill"] + BOUNCED).view(-1, 1, 1, 1) * found["openness"]
    asks_second = truth["asks_second"].view(-1, 1, 1, 1)
    reach_old = found["reach"] + (truth["reach"] - found["reach"]) * asks_second
    reach_new = truth["reach_new"] + (found["reach"] - truth["reach_new"]) * asks_second
    around = fill + found["hedge"]
    before = (found["normals"] * old).sum(1, keepdim=True).clamp(min=0) * reach_old + around
    after = (found["normals"] * new).sum(1, keepdim=True).clamp(min=0) * reach_new + around
    stops = torch.log2(after + 1e-3) - torch.log2(before + 1e-3)
    return truth["linear"] * torch.exp2(stops.clamp(-LIMIT - 2, LIMIT))


def psnr(image: Tensor, truth: Tensors) -> Tensor:
    """PSNR in dB [B] over what is covered, linear, after the best gain; peak: the truth's 99.5th percentile."""
    out = []
    for ours, theirs, covered in zip(image, truth["target"], truth["covered"], strict=True):
        counts = covered.expand_as(theirs) > 0
        if not counts.any():
            continue
        ours, theirs = ours[counts].double(), theirs[counts].double()
        gain = (ours * theirs).sum() / (ours * ours).sum().clamp(min=1e-9)
        error = ((ours * gain - theirs) ** 2).mean().clamp(min=1e-12)
        out.append(10 * torch.log10(torch.quantile(theirs, 0.995) ** 2 / error))
    return torch.stack(out) if out else image.new_zeros(1)


def _steps(apart: Tensor, covered: Tensor, step: int) -> Tensor:
    """Mean difference between neighbours' errors: folds count as much as the broad shape."""
    total = covered.new_zeros(())
    for dim in (2, 3):
        length = apart.shape[dim] - step
        near, far = (
            (x.narrow(dim, 0, length) for x in (apart, covered)),
            (x.narrow(dim, step, length) for x in (apart, covered)),
        )
        (first, counts), (second, also) = near, far
        both = counts * also
        total = total + ((second - first).abs() * both).sum() / (both.sum() * 3 + 1.0)
    return total / 2
