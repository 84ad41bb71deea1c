"""Keeps a training's state on disk so that it goes on bit for bit: safetensors and JSON, whole or not at all.

`checkpoint/` holds model, ema and optimizer `.safetensors`, `history.jsonl` and `state.json`. A new one is written
beside it as `checkpoint.new` and takes its place by renaming; the one before is `checkpoint.old` until that is done.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from onelight.errors import OnelightError, RequestError
from onelight.training.files import as_json, cannot_write, sync_folder, write_through

FORMAT = 1
SHEET = "state.json"
UNSAID = {"settled": False, "taken": 1.0}  # settings that an older run's sheet does not name
FILES = ("model.safetensors", "ema.safetensors", "optimizer.safetensors", "history.jsonl")


@dataclass
class State:
    """What a training knows besides its tensors. All of it comes back exactly as it was."""

    step: int = 0  # steps done
    seconds: float = 0.0  # of training, over all the processes it took
    skipped: int = 0  # steps without an update, because their loss or gradient was not finite
    skipped_in_row: int = 0
    sums: dict[str, float] = field(default_factory=dict)  # of the losses since the last record of the history
    summed: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


def save(
    folder: Path,
    state: State,
    model: torch.nn.Module,
    ema: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    bound_to: Mapping[str, Any],
) -> None:
    """Replace the checkpoint `folder`. OnelightError names the file that cannot be written; the old one is kept then.

    `bound_to` is what the run is a function of (settings, data): `load` refuses other values.
    """
    data = {
        "model.safetensors": save_tensors(_on_cpu(model.state_dict())),
        "ema.safetensors": save_tensors(_on_cpu(ema.state_dict())),
        "optimizer.safetensors": save_tensors(_on_cpu(_optimizer_tensors(model, optimizer))),
        "history.jsonl": b"".join(json.dumps(record).encode() + b"\n" for record in state.history),
    }
    sheet = {
        "format": FORMAT,
        "bound_to": {**bound_to, "network": network_of(model)},
        "state": {name: value for name, value in vars(state).items() if name != "history"},
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in data.items()},
    }
    new, old = _beside(folder)
    at = new
    try:
        _remove(new)
        new.mkdir(parents=True)
        for name, content in {**data, SHEET: as_json(sheet)}.items():
            at = new / name
            write_through(at, content)
        at = folder
        sync_folder(new)
        _remove(old)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        sync_folder(folder.parent)
        _remove(old)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)  # what is half written would keep a full disk full
        raise cannot_write(at, error) from error


def load(
    folder: Path,
    model: torch.nn.Module,
    ema: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    bound_to: Mapping[str, Any],
) -> State | None:
    """Put the checkpoint's tensors into these and return its state; None where there is no checkpoint.

    RequestError says what differs where it belongs to another run, or what is broken.
    """
    _recover(folder)
    if not folder.is_dir():
        return None
    try:
        sheet = json.loads((folder / SHEET).read_bytes())
        if sheet["format"] != FORMAT:
            raise RequestError(f"The checkpoint {folder} was written by another version of Onelight: train elsewhere.")
        data = {name: (folder / name).read_bytes() for name in FILES}
        for name, content in data.items():
            if hashlib.sha256(content).hexdigest() != sheet["sha256"][name]:
                raise ValueError(f"{name} is not what was written")
        state = State(**sheet["state"], history=[json.loads(line) for line in data["history.jsonl"].splitlines()])
        weights, averaged, moments = (load_tensors(data[name]) for name in FILES[:3])
        bound = dict(sheet["bound_to"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RequestError(f"The checkpoint {folder} is damaged ({error}): train to a new folder.") from error
    _refuse_others(folder, bound, json.loads(json.dumps({**bound_to, "network": network_of(model)})))
    _fill(model, weights)
    _fill(ema, averaged)
    _fill_optimizer(model, optimizer, moments)
    return state


def seconds(folder: Path) -> float:
    """How long the training of this checkpoint took so far, over all the processes that worked on it."""
    try:
        return float(json.loads((folder / "state.json").read_bytes())["state"]["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"The checkpoint {folder} cannot be read ({error}).") from error


def network_of(model: torch.nn.Module) -> dict[str, list[int]]:
    """Shapes of the network's tensors by name: what its weights fit."""
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def _refuse_others(folder: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    if saved.get("network") != wanted["network"]:
        raise RequestError(f"The checkpoint {folder} is of a network of other shapes: train to a new folder.")
    before, now = UNSAID | _flat(saved), UNSAID | _flat(wanted)
    differs = [
        f"{name} was {before.get(name)} and is {now.get(name)} now"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if differs:
        raise RequestError(
            f"The checkpoint {folder} belongs to another run: {'; '.join(differs)}. "
            "Go on with what it was started with, or train to a new folder."
        )


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat.update(value if isinstance(value, dict) and name != "network" else {name: value})
    return flat


def _optimizer_tensors(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{name}:{key}"] = torch.as_tensor(value)
    return tensors


def _fill_optimizer(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]
) -> None:
    parameters = dict(model.named_parameters())
    for key, value in tensors.items():
        name, _, what = key.rpartition(":")
        parameter = parameters[name]
        # Laid out in memory as the parameter is (channels last): updates of another layout may differ in their bits.
        fits = value.shape == parameter.shape and what != "step"
        optimizer.state[parameter][what] = torch.empty_like(parameter).detach().copy_(value) if fits else value


def _fill(model: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(tensors[name])


def _on_cpu(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }


def _beside(folder: Path) -> tuple[Path, Path]:
    return folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")


def _recover(folder: Path) -> None:
    """Settle what a process killed while saving left: the newest whole checkpoint takes the name."""
    new, old = _beside(folder)
    try:
        if not folder.exists():
            # The old one is moved aside only when the new one is whole and on disk.
            if old.exists() and new.exists():
                new.rename(folder)
            elif old.exists():
                old.rename(folder)
        _remove(new)
        _remove(old)
    except OSError as error:
        raise OnelightError(f"The checkpoint {folder} cannot be put in place: {error.strerror or error}.") from error


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
