"""The training loop: seeded, averaged, checkpointed, and after a kill the same to the bit as if it had gone through."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onelight.errors import OnelightError
from onelight.locks import locked
from onelight.training import checkpoint
from onelight.training.checkpoint import State
from onelight.training.curves import draw_curves, write_png
from onelight.training.feed import Batch, BatchOf, Feed
from onelight.training.process import Stop, repeatable
from onelight.training.progress import Bar
from onelight.training.settings import Settings, learning_rate

__all__ = ["Batch", "BatchOf", "Settings", "train"]

RECORD_EVERY = 25  # steps whose mean losses make one record of the history
SKIPS_IN_ROW = 10

Forward = Callable[..., Any]
LossOf = Callable[[Forward, Batch], Mapping[str, torch.Tensor]]
Watch = Callable[[State, float], object]
Validate = Callable[[torch.nn.Module], Mapping[str, float] | tuple[Mapping[str, float], np.ndarray | None]]


def train(
    model: torch.nn.Module,
    settings: Settings,
    batch_of: BatchOf,
    loss_of: LossOf,
    validate: Validate,
    out: Path,
    device: str | torch.device = "cpu",
    *,
    data: str = "",
    stop_after: float | None = None,
    feeders: int = 1,
    exact: bool = True,
    watch: Watch = lambda state, loss: None,
    silent: bool = False,
) -> torch.nn.Module | None:
    """Train `model` for `settings.steps` and return it with averaged (EMA) weights, or with those between the ones it
    came with and the averaged ones where `settings.taken` is below 1; None where `stop_after` came first.

    `batch_of(rng, step)` makes a step's batch on the CPU, in `feeders` background threads: it draws from `rng` and
    nothing else.
    `loss_of(forward, batch)` gives scalars by name, of which "loss" is minimised and all are recorded; `forward` is the
    network in the precision of the settings with outputs in float32. `validate(learnt)`, of what would be returned now,
    gives scores by name and, if it likes, a picture [H, W, 3]; it runs in evaluation mode before the first step, every
    `validate_every` steps and at
    the end. `data` is the digest of what the batches are made from. `stop_after` is in seconds of this call.
    `exact` gives the same bits again on a GPU too, where that is slower; a CPU does so either way. `watch(state, loss)`
    is called after each step, and with a loss of NaN after each validation; `silent` says nothing else.

    `out` gets `checkpoint/`, `curves.png` and `validation.png`; where it has a checkpoint, training goes on from it.
    SIGINT and SIGTERM finish the step and save before the process exits with 130 or 143. RequestError where the
    checkpoint belongs to other settings, data or network; OnelightError where training diverges or the disk is full.
    """
    out, device = Path(out), torch.device(device)
    with locked(out, "training"), repeatable(settings, exact), Stop(stop_after) as stop:
        run = _Run(model, settings, loss_of, validate, out, device, data, watch)
        with (
            Bar("Training", settings.steps, run.state.step, silent, each=settings.batch, unit="crops") as bar,
            Feed(batch_of, settings.seed, run.state.step, settings.steps, device, feeders) as feed,
        ):
            finished = run.through(feed, bar, stop)
        stop.exit_if_signalled()
        return run.learnt() if finished else None


class _Run:
    """The model, its average and its optimizer on their way through the steps."""

    def __init__(
        self,
        model: torch.nn.Module,
        settings: Settings,
        loss_of: LossOf,
        validate: Validate,
        out: Path,
        device: torch.device,
        data: str,
        watch: Watch,
    ) -> None:
        self.watch = watch
        self.settings, self.loss_of, self.validate, self.out, self.device = settings, loss_of, validate, out, device
        self.model = model.to(device=device, memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
        if settings.settled:
            for module in self.model.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.eval()
        self.ema = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.came = copy.deepcopy(self.ema).state_dict()
        decayed = [parameter for parameter in self.model.parameters() if parameter.dim() > 1]
        others = [parameter for parameter in self.model.parameters() if parameter.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]])
        self.bound_to = {"settings": settings.deciding(), "data": data}
        self.folder = out / "checkpoint"
        saved = checkpoint.load(self.folder, self.model, self.ema, self.optimizer, self.bound_to)
        self.state = saved or State()
        self.saved_step = saved.step if saved else -1
        self.began = time.monotonic() - self.state.seconds

    def through(self, feed: Feed, bar: Bar, stop: Stop) -> bool:
        """Take the steps that are left; False where it was stopped before the last."""
        state, settings = self.state, self.settings
        smooth = math.nan
        while True:
            last, ending = state.step == settings.steps, stop.asked
            if (last or state.step % settings.validate_every == 0) and not self._validated():
                self._validate(bar)
            if last or ending or state.step % settings.checkpoint_every == 0:
                self._save()
            if last or ending:
                return last
            loss = self._step(feed.next())
            if math.isfinite(loss):
                smooth = loss if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss
            bar.update(state.step, f"loss {smooth:.4g}")
            self.watch(state, loss)

    def _step(self, batch: Batch) -> float:
        """Learn from one batch; a loss or gradient that is not finite changes nothing and is counted."""
        state, settings = self.state, self.settings
        torch.manual_seed(_seed_of(settings.seed, state.step))  # for dropout and the like
        rate = learning_rate(settings, state.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses = self.loss_of(self._forward, batch)
        self.optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        scalars = {**losses, "gradient norm": norm}
        values = dict(zip(scalars, torch.stack([v.detach().float() for v in scalars.values()]).tolist(), strict=True))
        state.step += 1
        if math.isfinite(values["loss"]) and math.isfinite(values["gradient norm"]):
            self.optimizer.step()
            self._average()
            state.skipped_in_row = 0
            state.summed += 1
            for name, value in values.items():
                state.sums[name] = state.sums.get(name, 0.0) + value
        else:
            state.skipped += 1
            state.skipped_in_row += 1
            if state.skipped_in_row == SKIPS_IN_ROW:
                raise OnelightError(
                    f"Training diverged: {SKIPS_IN_ROW} steps in a row, up to step {state.step}, gave a loss or "
                    "gradient that is not finite. Look at the data, or train to a new folder with a lower rate."
                )
        if state.step % RECORD_EVERY == 0 and state.summed:
            means = {name: value / state.summed for name, value in sorted(state.sums.items())}
            state.history.append({"step": state.step, "learning rate": rate, "skipped": state.skipped, **means})
            state.sums, state.summed = {}, 0
        return values["loss"]

    def _forward(self, *inputs: Any, **named: Any) -> Any:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
            outputs = self.model(*inputs, **named)
        return _in_float32(outputs)

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.settings.ema, (1 + self.state.step) / (10 + self.state.step))
        for average, value in zip(self.ema.parameters(), self.model.parameters(), strict=True):
            average.lerp_(value, 1 - decay)
        for average, value in zip(self.ema.buffers(), self.model.buffers(), strict=True):
            average.copy_(value)

    def learnt(self) -> torch.nn.Module:
        """The averaged weights, or those that lie `taken` of the way to them (Wortsman et al. 2022)."""
        if self.settings.taken == 1:
            return self.ema
        out = copy.deepcopy(self.ema)
        for name, value in out.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.lerp(self.came[name], value, self.settings.taken))
        return out

    def _validated(self) -> bool:
        done = [record["step"] for record in self.state.history if "validation" in record]
        return bool(done) and done[-1] == self.state.step

    def _validate(self, bar: Bar) -> None:
        with torch.no_grad():
            found = self.validate(self.learnt())
        scores, picture = found if isinstance(found, tuple) else (found, None)
        scores = {name: float(value) for name, value in scores.items()}
        self.state.history.append({"step": self.state.step, "validation": scores})
        if picture is not None:
            write_png(self.out / "validation.png", picture)
        self._draw()
        self.watch(self.state, math.nan)
        if scores and not bar.silent:
            bar.say(f"Step {self.state.step}: {', '.join(f'{name} {value:.4g}' for name, value in scores.items())}")

    def _save(self) -> None:
        if self.saved_step != self.state.step:
            self.state.seconds = time.monotonic() - self.began
            checkpoint.save(self.folder, self.state, self.model, self.ema, self.optimizer, self.bound_to)
            self.saved_step = self.state.step
            self._draw()

    def _draw(self) -> None:
        write_png(self.out / "curves.png", draw_curves(self.state.history))


def _in_float32(outputs: Any) -> Any:
    if isinstance(outputs, torch.Tensor):
        return outputs.float() if outputs.is_floating_point() else outputs
    if isinstance(outputs, Mapping):
        return {name: _in_float32(value) for name, value in outputs.items()}
    return tuple(_in_float32(value) for value in outputs)


def _seed_of(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step, 1]).generate_state(1, np.uint64)[0] >> 1)
