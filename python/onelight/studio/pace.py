"""How long a step of a training takes here, and which code it runs: what a budget and a manifest have to know."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from onelight import training
from onelight.training.course import Course
from onelight.training.feed import Feed
from onelight.training.process import repeatable
from onelight.training.settings import Settings

UNTIMED, TIMED = 2, 5  # steps: the first load libraries and choose algorithms
SLOWER = 1.08  # validations, checkpoints and the log come on top


def seconds_a_step(model: torch.nn.Module, course: Course, settings: Settings, device: str = "cpu") -> float:
    """The time of a step, batch and all, with validations spread over the steps; the model is left as it was."""
    where = torch.device(device)
    model = copy.deepcopy(model).to(device=where, memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)

    def forward(*inputs: Any) -> Any:
        with torch.autocast(where.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            return tuple(output.float() for output in model(*inputs))

    with repeatable(settings, True), Feed(course.batch_of, settings.seed, 0, UNTIMED + TIMED, where) as feed:
        for _ in range(UNTIMED):
            _step(feed, forward, course, optimizer)
        began = time.monotonic()
        for _ in range(TIMED):
            _step(feed, forward, course, optimizer)
        step = (time.monotonic() - began) / TIMED
        began = time.monotonic()
        with torch.no_grad():
            course.validate(model.eval())
        validation = time.monotonic() - began
    return SLOWER * step + validation / settings.validate_every


def _step(feed: Feed, forward: Callable[..., Any], course: Course, optimizer: torch.optim.Optimizer) -> None:
    loss = course.loss_of(forward, feed.next())["loss"]
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def code_digest(tool: str) -> str:
    """SHA-256 over the sources that decide a tool's training: the tool's, those of trainings, and those here."""
    package = Path(training.__file__).parents[1]
    digest = hashlib.sha256()
    for folder in ("tools/" + tool, "training", "studio"):
        for path in sorted((package / folder).glob("*.py")):
            digest.update(f"{folder}/{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
