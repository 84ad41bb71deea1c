"""What a training of a show's own version runs on: batches, loss and validation, as a tool's lessons put them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Course:
    """The arguments of `loop.train` that a tool's lessons decide."""

    batch_of: Callable[[np.random.Generator, int], Mapping[str, torch.Tensor]]
    loss_of: Callable[[Callable[..., Any], dict[str, torch.Tensor]], Mapping[str, torch.Tensor]]
    validate: Callable[[torch.nn.Module], Mapping[str, float]]
