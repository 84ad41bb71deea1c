"""What plain footage teaches Relight: to say of one frame what it says of many, looked at this way and that.

No light was ever measured on a set, so no frame has a truth. What there is: a surface stays what it is from frame to
frame, mirrored, and under more or less exposure; where it turns, it gets brighter or darker as it faces the light. So

- a frame has to be what its neighbour's paint, moved along flow, looks like in this frame's shading (`rebuilt`);
- the network is to say of a lone frame what the base says on average of its neighbours moved along flow and of mirror
  images (`said`: distillation of an ensemble, Hinton et al. 2015; over transforms, Radosavovic et al. 2018);
- and of renders, of which a part of each batch is, what the base was taught (`losses`), so that nothing is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from onelight.temporal import encode, flow
from onelight.tools.relight import geometry, losses, pairs
from onelight.tools.relight.ensemble import MIRROR, answers, halves, mean, motions
from onelight.tools.relight.losses import Look
from onelight.tools.relight.model import Geometry
from onelight.tools.relight.network import SPREAD, coded, spread
from onelight.tools.relight.rebuilt import HEADLINE, fitted, measure
from onelight.training.course import Course
from onelight.training.feed import tensors
from onelight.training.settings import Settings

SETTINGS = Settings(
    1, 8, 1e-4, warmup=20, weight_decay=1e-3, ema=0.98, seed=20261121, checkpoint_every=25, validate_every=50
)
SIZE, SPAN, STEP = 192, 3, 3  # pixels a side, frames of one crop, and how far they lie apart
FAR = 1.0  # crops see anything from pixels as they are to the whole picture
SHOT_SIZE, SHOT_FRAMES, SHOT_WHOLE = (216, 384), 7, True
REPLAYED = 0.5  # share of each batch that comes from the soundstage, and of the loss
MOST = 1500  # steps
SAID, REBUILT = 2.0, 4.0  # weights of what the ensemble said and of the frame rebuilt, beside the renders
UNTOLD = 1 / 3  # share of crops of which the network is told no light
WATCHED = 16  # crops
EXPOSURE, GRAIN = 0.3, (3e-4, 8e-3)  # stops that crops are exposed otherwise; grain that they get, of mid grey
GAIN, UNIT = "rebuilt", "dB"
RACED = "relit"  # a network that sees no relief rebuilds frames well: by that no two trainings can be timed
KEPT_BACK = 8  # one scene of so many is only scored on
METHODS = {
    "model": "the version under test",
    "base": "the version that it began with",
    "classical": "Relight without a network",
    "nothing": "the neighbour moved along flow, nothing taken apart",
}
NO_PAIRS = (
    "Relight learns nothing from before and after: its network says how surfaces face the light, and what an artist "
    "painted or graded tells no light that this could be held against"
)
__all__ = ["HEADLINE", "course", "kept", "loss_of", "measure", "network", "replay"]
Arrays = Mapping[str, np.ndarray]
Random = np.random.Generator


def network() -> torch.nn.Module:
    """The network, untrained."""
    return Geometry()


def kept(frames: np.ndarray, base: torch.nn.Module) -> dict[str, np.ndarray]:
    """What a training keeps of a crop [SPAN, SIZE, SIZE, 3]: its middle frame, and what the base says of all of it.

    `said` and `said_half` [h, w, 6] are normals, depth, openness and reach: means over the neighbours moved along flow
    to the middle frame, and over mirror images. `next` is the last frame, `motion` [h, w, 2] leads from the middle one
    to it and counts where `counts` [h, w, 1] is 1. `light` is what Analyse without a network makes of the middle frame,
    and in one crop of three, and a still, nothing is told of it.
    """
    frames = np.maximum(frames.astype(np.float32), 0)
    middle = len(frames) // 2
    level = encode.middle(frames[middle])
    frames = np.minimum(frames / np.float32(level), 6e4)
    lamp, _ = fitted(frames[middle])
    told = np.array([*lamp.towards, 1 - 1 / lamp.ratio], np.float32)
    random = np.random.default_rng(np.frombuffer(frames.astype(np.float16).tobytes()[:4096], np.uint16))
    light = told * np.float32(random.random() > UNTOLD)
    asked = np.array([*lamp.towards, spread(SPREAD)], np.float32)
    weight = motions(frames, middle)
    record = {"frame": frames[middle], "next": frames[-1], "lamp": told, "light": light, "asked": asked}
    record |= {"motion": weight[-1][0], "counts": weight[-1][1][..., None]}
    fine, coarse = answers(base, frames, light, asked)
    for name, said in (("said", fine), ("said_half", coarse)):
        record[name] = mean(said, weight, middle)
    return record


def course(show: Arrays, scenes: Arrays, taught: np.ndarray, held: np.ndarray, settings: Settings) -> Course:
    """Batches, loss and validation: `taught` and `held` are rows of the show's crops, by their set-ups.

    `scenes` are rows as `pairs.read` gives them. Validation tells, in dB, how well held-out frames are `rebuilt` and
    scenes that were kept back `relit`, and how far answers are from what the ensemble `said`.
    """
    rows = np.arange(len(scenes["inflated"]))
    back, rows = rows[::KEPT_BACK], rows[np.arange(len(rows)) % KEPT_BACK > 0] if len(rows) > 1 else rows
    random = np.random.default_rng([settings.seed, 1])
    watched = _lesson(show, held, WATCHED, random)
    watched_scenes = tensors(pairs.compose(scenes, back, WATCHED, random))

    def batch_of(random: Random, step: int) -> dict[str, Tensor]:
        replayed = round(REPLAYED * settings.batch)
        batch = {
            f"show.{name}": value for name, value in _lesson(show, taught, settings.batch - replayed, random).items()
        }
        made = tensors(pairs.compose(scenes, rows, replayed, random))
        return {**batch, **{f"scenes.{name}": value for name, value in made.items()}}

    def validate(model: torch.nn.Module) -> dict[str, float]:
        parts = [_show_losses(found, truth) for found, truth in losses.levels(model, watched)]
        rebuilt, said = (float(np.mean([float(part[name]) for part in parts])) for name in ("rebuilt", "said"))
        lit = [losses.losses(found, truth)["relit"] for found, truth in losses.levels(model, watched_scenes)]
        decibels = {"rebuilt": rebuilt, "relit": float(torch.stack(lit).mean())}
        return {**{name: -20 * float(np.log10(max(value, 1e-6))) for name, value in decibels.items()}, "said": said}

    return Course(batch_of, loss_of, validate)


def replay(path: Path) -> dict[str, np.ndarray]:
    """A scene of the soundstage as what a training keeps of it."""
    return pairs.read(path)


def loss_of(look: Look, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weighted sum, and its parts: of the renders as the base was taught, of the show by what the ensemble said."""
    parts: dict[str, Tensor] = {}
    for found, truth in losses.levels(look, _part(batch, "scenes.")):
        for name, value in losses.losses(found, truth).items():
            parts[name] = parts.get(name, value.new_zeros(())) + losses.WEIGHTS[name] * value / 2
    renders = torch.stack(list(parts.values())).sum()
    shown = [_show_losses(found, truth) for found, truth in losses.levels(look, _part(batch, "show."))]
    said, rebuilt = (torch.stack([part[name] for part in shown]).mean() for name in ("said", "rebuilt"))
    total = renders * REPLAYED + said * SAID + rebuilt * REBUILT
    return {"loss": total, "renders": renders, "said": said, "rebuilt": rebuilt, **parts}


def _part(batch: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in batch.items() if name.startswith(prefix)}


def _show_losses(found: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`said` and `rebuilt` of one level; the second half of the batch are the frames that follow those of the first."""
    count = len(truth["picture"]) // 2
    here = {name: value[:count] for name, value in found.items()}
    return {"said": _apart(here, truth["said"][:count]), "rebuilt": _rebuilt(found, truth, count)}


def _apart(found: Mapping[str, Tensor], said: Tensor) -> Tensor:
    """How far an answer is from what the ensemble said; folds count beside the broad shape."""
    normals = found["normals"] - said[:, :3]
    total = normals.abs().mean() + 0.5 * normals.square().sum(1).mean()
    for dim in (2, 3):
        total = total + 0.5 * normals.diff(dim=dim).abs().mean()
    for name, channel in (("depth", 3), ("openness", 4), ("reach", 5)):
        total = total + losses.WEIGHTS[name] * (found[name] - said[:, channel : channel + 1]).abs().mean()
    return total


def _rebuilt(found: Mapping[str, Tensor], truth: Mapping[str, Tensor], count: int) -> Tensor:
    """By how many stops frames miss what the next ones' paint looks like in their shading, where flow is certain.

    A change of exposure between the two is taken off: it is the mean of what is missed.
    """
    lamp = truth["lamp"]
    facing = (found["normals"] * lamp[:, :3, None, None]).sum(1, keepdim=True).clamp(min=0)
    share = lamp[:, 3].view(-1, 1, 1, 1)
    shading = share * facing * found["reach"] + (1 - share + losses.BOUNCED) * found["openness"]
    paint = truth["stops"] - torch.log2(shading + 1e-3)
    moved = F.grid_sample(paint[count:], _grid(truth["motion"][:count]), align_corners=False, padding_mode="border")
    missed, counts = paint[:count] - moved, truth["counts"][:count]
    total = counts.sum(dim=(1, 2, 3), keepdim=True) + 1.0
    missed = missed - (missed * counts).sum(dim=(1, 2, 3), keepdim=True) / total
    return ((torch.sqrt(missed.square() + 1e-4) - 1e-2) * counts).sum() / total.sum()


def _grid(motion: Tensor) -> Tensor:
    """Where pixels go, [B, H, W, 2], as `grid_sample` counts."""
    height, width = motion.shape[2:]
    x = torch.arange(width, device=motion.device) + motion[:, 0] + 0.5
    y = torch.arange(height, device=motion.device)[:, None] + motion[:, 1] + 0.5
    return torch.stack([x * 2 / width - 1, y * 2 / height - 1], dim=-1)


def _lesson(show: Arrays, rows: np.ndarray, count: int, random: Random) -> dict[str, Tensor]:
    """A batch as `losses.levels` takes it: crops whole at half the size, and a part of them closely.

    First `count` frames, then as many that follow them, each with more or less exposure and grain than it was shot
    with; both mirrored now and then.
    """
    size = show["frame"].shape[1] // 2
    corner = 2 * random.integers(0, size // 2 + 1, 2)
    part = (slice(corner[0], corner[0] + size), slice(corner[1], corner[1] + size))
    chosen = random.choice(rows, count, replace=len(rows) < count)
    flips = random.random(count) < 0.5
    gains = np.exp2(random.normal(0, EXPOSURE, count)).astype(np.float32)
    made: dict[str, list[np.ndarray]] = {}
    for which in ("frame", "next"):
        for row, flip, gain in zip(chosen, flips, gains, strict=True):
            sign = MIRROR if flip else np.ones(6, np.float32)

            def get(name: str, row: int = row, flip: bool = flip) -> np.ndarray:
                return show[name][row][:, :: -1 if flip else 1].astype(np.float32)

            frame, said, half = get(which), get("said") * sign, get("said_half") * sign
            motion, counts = get("motion") * sign[:2], get("counts")
            grain = random.standard_normal(frame.shape, np.float32) * np.sqrt(frame + np.float32(0.02))
            shot = frame * gain + grain * np.float32(np.exp(random.uniform(*np.log(GRAIN))))
            stops = geometry.stops_of(cv2.GaussianBlur(frame, (0, 0), 0.7), 1.0)[..., None]
            plain = np.zeros((size, size, 1), np.float32)
            record = {
                "coarse.picture": coded(halves(shot[None])[0]),
                "fine.picture": coded(shot[part]),
                "coarse.said": half,
                "fine.said": said[part],
                "coarse.motion": halves(motion[None])[0] / 2,
                "fine.motion": motion[part],
                "coarse.counts": (halves(counts[None])[0] > 0.99).astype(np.float32),
                "fine.counts": _within(counts[part], motion[part]),
                "coarse.stops": halves(stops[None])[0],
                "fine.stops": stops[part],
                "coarse.matte": plain,
                "fine.matte": plain,
                "inflated": np.zeros((size, size, 3), np.float32),
                "asks_second": np.zeros((), np.float32),
                "lights": np.zeros((2, 3), np.float32),
                "fill": np.zeros((), np.float32),
            }
            hints = {name: show[name][row].astype(np.float32) * sign[:4] for name in ("light", "asked", "lamp")}
            record |= {**hints, "coarse.lamp": hints["lamp"], "fine.lamp": hints["lamp"]}
            for name, value in record.items():
                made.setdefault(name, []).append(value)
    return {"corner": torch.from_numpy(corner), **tensors({name: np.stack(values) for name, values in made.items()})}


def _within(counts: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """`counts` [h, w, 1], less what goes beyond this part of the picture."""
    there = flow.positions(motion.shape) + motion
    inside = (there >= 0).all(axis=-1) & (there[..., 0] < motion.shape[1]) & (there[..., 1] < motion.shape[0])
    return counts * inside[..., None]
