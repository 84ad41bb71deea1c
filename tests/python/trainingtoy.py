"""A network of a few hundred weights, its data and its training, for tests; as a program it trains until it is ended.

python trainingtoy.py train FOLDER     prints "step N" as it takes each step
python trainingtoy.py bake OUT SCENES  prints "baked N" after each row
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onelight.training.loop import Batch, Settings, train

SETTINGS = Settings(
    steps=60, batch=2, learning_rate=3e-3, warmup=5, checkpoint_every=8, validate_every=20, threads=1, precision="bf16"
)
BROKEN_STEP = 7  # its batch is not finite


def network(seed: int = 5) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 12, 3, padding=1),
        torch.nn.GELU(),
        torch.nn.Dropout(0.1),
        torch.nn.Conv2d(12, 3, 3, padding=1),
    )


def batch_of(random: np.random.Generator, step: int) -> Batch:
    """Noise, and the same with its channels turned round; broken at one step."""
    x = random.random((2, 3, 16, 16), np.float32)
    if step == BROKEN_STEP:
        x[0, 0, 0, 0] = np.inf
    return {"x": torch.from_numpy(x), "y": torch.from_numpy(x[:, ::-1] * 0.5 + 0.1)}


def loss_of(forward: Callable[..., Any], batch: Batch) -> dict[str, torch.Tensor]:
    error = forward(batch["x"]) - batch["y"]
    return {"loss": error.abs().mean(), "square": error.square().mean()}


def validate(model: torch.nn.Module) -> tuple[dict[str, float], np.ndarray]:
    batch = batch_of(np.random.default_rng(99), 0)
    found = model(batch["x"])
    return {"error": float((found - batch["y"]).abs().mean())}, found[0].permute(1, 2, 0).numpy()


def run(out: Path, **changed: Any) -> torch.nn.Module | None:
    """Train the toy in `out`; arguments of `train` and settings may be given by name."""
    names = ("batch_of", "loss_of", "validate", "data", "stop_after", "feeders", "exact")
    given = {name: changed.pop(name) for name in names if name in changed}
    arguments: dict[str, Any] = {"batch_of": batch_of, "loss_of": loss_of, "validate": validate, "data": "toy", **given}
    model = changed.pop("model", None) or network()
    settings = Settings(**{**vars(SETTINGS), **changed})
    return train(model, settings, out=out, device="cpu", **arguments)


if __name__ == "__main__":
    taken = itertools.count()

    def saying(forward: Callable[..., Any], batch: Batch) -> dict[str, torch.Tensor]:
        print("step", next(taken), flush=True)
        return loss_of(forward, batch)

    run(Path(sys.argv[1]), loss_of=saying)
