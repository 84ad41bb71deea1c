"""What a training is a function of, apart from its data, and the learning rate that follows from it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from onelight.errors import RequestError

_FREE = ("checkpoint_every", "validate_every")  # these change no weight, so a run may go on with others
_FINAL = 0.01  # the last learning rate, relative to the highest


@dataclass(frozen=True)
class Settings:
    """Settings of one training; all but `checkpoint_every` and `validate_every` decide its weights."""

    steps: int
    batch: int
    learning_rate: float = 1e-3
    warmup: int = 200  # steps from nothing to the full learning rate
    weight_decay: float = 0.01  # of weights; biases and gains are left alone
    ema: float = 0.999  # decay of the averaged weights, a step; it rises to this over the first steps
    seed: int = 1
    precision: Literal["bf16", "fp32"] = "bf16"  # of the network's forward pass; losses and weights are float32
    clip_norm: float = 1.0  # the longest gradient that is followed as it is
    settled: bool = False  # batch normalisation keeps the statistics it began with: those of small batches are noise
    taken: float = 1.0  # of the way from the weights it begins with to those it learns: less forgets less
    checkpoint_every: int = 250  # steps
    validate_every: int = 500  # steps
    threads: int = 0  # of torch; 0: one for each core. Sums over other numbers of threads differ in their last bits

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "checkpoint_every", "validate_every"):
            _expect(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("learning_rate", "clip_norm"):
            _expect(0 < getattr(self, name) < math.inf, name, getattr(self, name), "a number above 0")
        for name in ("warmup", "weight_decay", "seed", "threads"):
            _expect(0 <= getattr(self, name) < math.inf, name, getattr(self, name), "0 or more")
        _expect(0 <= self.ema < 1, "ema", self.ema, "at least 0 and below 1")
        _expect(0 < self.taken <= 1, "taken", self.taken, "above 0, at most 1")
        _expect(self.precision in ("bf16", "fp32"), "precision", self.precision, "bf16 or fp32")

    def deciding(self) -> dict[str, Any]:
        """The settings that decide the weights, by name."""
        return {name: value for name, value in asdict(self).items() if name not in _FREE}


@dataclass(frozen=True)
class Recipe:
    """What makes a version from nothing."""

    settings: Settings
    scenes: int  # rendered of all families that are not held out
    version: str
    scene_seed: int = 20261121
    lone: int = 0  # further ones: lone things under lamps


def learning_rate(settings: Settings, step: int) -> float:
    """Linear warm-up, then half a cosine down to a hundredth at the last of `settings.steps` (arXiv:1608.03983)."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(settings.steps - 1 - settings.warmup, 1)
    return settings.learning_rate * (_FINAL + (1 - _FINAL) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def _expect(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise RequestError(f"The setting {name} is {value}: {expected} was expected.")
