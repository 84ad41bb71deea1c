"""Makes an ONNX file hold its network alone, and checks in onnxruntime that it answers as torch does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from onelight.errors import OnelightError


def strip(proto: onnx.ModelProto, symbols: set[str]) -> None:
    """Take out what tells of the machine: source lines with their paths, versions, the exporter's notes."""
    proto.producer_name, proto.producer_version, proto.doc_string = "onelight", "", ""
    del proto.metadata_props[:]
    for graph in [proto.graph, *proto.functions]:
        _strip_graph(graph)
    for value in proto.graph.output:
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param not in symbols:  # a formula of torch's symbols, which no runtime reads
                size.ClearField("dim_param")


def _strip_graph(graph: Any) -> None:
    graph.doc_string = ""
    del graph.metadata_props[:]
    del graph.value_info[:]  # onnxruntime infers the shapes between the nodes itself
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                _strip_graph(inner)
    if isinstance(graph, onnx.GraphProto):
        for value in [*graph.input, *graph.output, *graph.initializer]:
            value.doc_string = ""
            del value.metadata_props[:]


def check(
    model: torch.nn.Module,
    data: bytes,
    example: Mapping[str, torch.Tensor],
    shapes: Mapping[str, Mapping[int, str]],
    names: Sequence[str],
    check_sizes: Sequence[Mapping[str, int]],
    tolerance: float,
    path: Path,
) -> None:
    """Run the file in onnxruntime at each of the sizes and compare with torch; OnelightError where they differ."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    random = torch.Generator().manual_seed(0)
    for sizes in check_sizes:
        inputs = {name: _like(tensor, shapes[name], sizes, random) for name, tensor in example.items()}
        with torch.no_grad():
            found = model(**inputs)
        expected: list[torch.Tensor] = list(found.values() if isinstance(found, Mapping) else as_tuple(found))
        at = ", ".join(f"{name} {size}" for name, size in sizes.items())
        try:
            got = session.run(list(names), {name: tensor.numpy() for name, tensor in inputs.items()})
        except Exception as error:  # onnxruntime's own classes, one for each of its status codes
            raise OnelightError(f"{path} does not run at {at}: {first_line(error)}") from error
        for name, tensor, have in zip(names, expected, got, strict=True):
            wanted, have = tensor.numpy(), np.asarray(have)
            if wanted.shape != have.shape:
                raise OnelightError(
                    f"{path}: '{name}' at {at} is {have.shape} in onnxruntime, {wanted.shape} in torch."
                )
            worst = float((np.abs(have - wanted) / np.maximum(np.abs(wanted), 1)).max(initial=0))
            if not worst <= tolerance:
                raise OnelightError(
                    f"{path}: '{name}' at {at} differs by {worst:.2g} between onnxruntime and torch, "
                    f"where {tolerance:g} is allowed."
                )


def _like(
    tensor: torch.Tensor, shape: Mapping[int, str], sizes: Mapping[str, int], random: torch.Generator
) -> torch.Tensor:
    """Random values over the example's range, at the sizes to check."""
    wanted = [sizes.get(shape.get(axis, ""), size) for axis, size in enumerate(tensor.shape)]
    low, high = (float(tensor.min()), float(tensor.max())) if tensor.numel() else (0.0, 1.0)
    values = low + (max(high - low, 0.0) or 1.0) * torch.rand(wanted, generator=random)
    return values.to(tensor.dtype)


def as_tuple(found: Any) -> tuple[torch.Tensor, ...]:
    return (found,) if isinstance(found, torch.Tensor) else tuple(found)


def first_line(error: BaseException) -> str:
    return f"{str(error).strip().splitlines()[0][:300]}" if str(error).strip() else type(error).__name__
