"""Begins a training with the weights of an earlier version instead of with nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from onelight.errors import RequestError


def begin_with(model: torch.nn.Module, weights: Path) -> str:
    """Fill `model` with the tensors of a safetensors file that it has too, by name; the rest stays as it was made.

    So a network may have grown since that version. Returns the file's SHA-256, to which the run is then bound.
    Raises RequestError where the file cannot be read, where a tensor has another shape, or where nothing fits.
    """
    try:
        content = Path(weights).read_bytes()
        tensors = load(content)
    except (OSError, SafetensorError) as error:
        raise RequestError(f"{weights} cannot be read as weights to start from: {error}.") from error
    own = model.state_dict()
    if not own.keys() & tensors.keys():
        raise RequestError(f"{weights} has nothing of this network: it belongs to another.")
    for name, tensor in tensors.items():
        if name in own and own[name].shape != tensor.shape:
            told, made = ("x".join(map(str, shape)) for shape in (tensor.shape, own[name].shape))
            raise RequestError(f"{weights} does not fit: {name} is {told} there, and {made} in this network.")
    model.load_state_dict({name: tensor for name, tensor in tensors.items() if name in own}, strict=False)
    return hashlib.sha256(content).hexdigest()
