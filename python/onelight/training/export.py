"""Turns a trained network into what servers run: ONNX files checked against torch, in a version that never changes."""

from __future__ import annotations

import copy
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors.torch import save as save_tensors

from onelight.errors import OnelightError, RequestError
from onelight.training.files import as_json, cannot_write, sha256, sync_folder, write_through, write_whole
from onelight.training.onnxfile import as_tuple, check, first_line, strip

OPSET = 20
_LARGEST = 2**31 - 1  # bytes of a protobuf message

Sizes = Mapping[str, int]


def export_onnx(
    model: torch.nn.Module,
    example_inputs: Mapping[str, torch.Tensor],
    path: Path,
    dynamic: Mapping[str, Mapping[int, str]],
    check_sizes: Sequence[Sizes],
    tolerance: float = 1e-4,
    outputs: Sequence[str] = (),
) -> None:
    """Write `model` in float32 as one ONNX file and check it in onnxruntime against torch.

    `example_inputs` are named as the arguments of `forward`. `dynamic` names what may vary: {input: {dimension:
    "height"}}; equal names are equal sizes, and their example sizes must differ from 1 and fit the network.
    `check_sizes` are values for those names, such as {"height": 64, "width": 96}. `outputs` names the outputs, unless
    the model returns them by name. Equal weights give equal bytes: the file holds nothing of the machine, the time or
    the source. OnelightError names the output and the size where the two differ by more than `tolerance`, relative
    above 1; nothing is written then.
    """
    # A copy: what is exported is in float32, on the CPU and in torch's own layout, wherever the model was trained.
    model = _plain(model)
    example = {
        name: tensor.detach().cpu().float() if tensor.is_floating_point() else tensor.cpu()
        for name, tensor in example_inputs.items()
    }
    names = _output_names(model, example, outputs)
    shapes = {name: dict(dynamic.get(name, {})) for name in example}
    if unknown := sorted(set(dynamic) - set(example)):
        raise RequestError(f"{', '.join(unknown)} is to vary in size but is no input; there is {', '.join(example)}.")
    for name, varying in shapes.items():
        if fixed := [dim for dim in varying if example[name].shape[dim] == 1]:
            raise RequestError(
                f"Dimension {fixed[0]} of '{name}' is to vary, but is 1 in the example: give more than 1."
            )
    try:
        with _quiet():
            program = torch.onnx.export(
                model,
                (),
                kwargs=dict(example),
                input_names=list(example),
                output_names=list(names),
                dynamic_shapes=shapes,
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise OnelightError(f"{path} cannot be exported: {first_line(error.__cause__ or error)}") from error
    assert program is not None
    proto = program.model_proto
    strip(proto, {symbol for varying in shapes.values() for symbol in varying.values()})
    data = proto.SerializeToString(deterministic=True)
    if len(data) > _LARGEST:
        raise OnelightError(f"{path} cannot be written: a network of {len(data)} bytes does not fit one ONNX file.")
    onnx.checker.check_model(proto, full_check=True)
    check(model, data, example, shapes, names, check_sizes, tolerance, path)
    write_whole(Path(path), data)


def write_version(
    folder: Path,
    tool: str,
    version: str,
    spec_version: int,
    stages: Mapping[str, Path],
    *,
    weights: Mapping[str, torch.nn.Module] | None = None,
    card: str = "",
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write the version `folder`/`version` whole: ONNX stages, `<name>.safetensors`, card.md and version.json.

    `folder` is what the registry looks into, such as `tools/relight/base`. `extra` goes to version.json beside what
    the registry reads. RequestError where that version is there already, since versions never change; OnelightError
    where it cannot be written, and then nothing of it is there.
    """
    final = Path(folder) / version
    if final.exists():
        raise RequestError(f"The version {final} is there already, and versions never change: give another name.")
    taken = {"tool", "version", "spec_version", "stages"} & set(extra or {})
    if taken:
        raise RequestError(f"{', '.join(sorted(taken))} of version.json cannot be given as extras.")
    part = final.with_name(f".{version}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        files = {f"{stage}.onnx": path.read_bytes() for stage, path in stages.items()}
        files |= {f"{name}.safetensors": weights_of(model) for name, model in (weights or {}).items()}
        files |= {"card.md": card.encode()} if card else {}
        for name, data in files.items():
            write_through(part / name, data)
        entries = {stage: {"file": f"{stage}.onnx", "sha256": sha256(part / f"{stage}.onnx")} for stage in stages}
        sheet = {"tool": tool, "version": version, "spec_version": spec_version, "stages": entries}
        write_through(part / "version.json", as_json({**(extra or {}), **sheet}))
        sync_folder(part)
        part.rename(final)
        sync_folder(final.parent)
    except OSError as error:
        raise cannot_write(final, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return final


def weights_of(model: torch.nn.Module) -> bytes:
    """The weights as a safetensors file. Equal weights give equal bytes."""
    return save_tensors({name: tensor.contiguous() for name, tensor in _plain(model).state_dict().items()})


def parameters_of(model: torch.nn.Module) -> int:
    """How many numbers were learnt."""
    return sum(parameter.numel() for parameter in model.parameters())


def _plain(model: torch.nn.Module) -> torch.nn.Module:
    return copy.deepcopy(model).cpu().float().to(memory_format=torch.contiguous_format).eval().requires_grad_(False)  # pyright: ignore[reportCallIssue]


def _output_names(
    model: torch.nn.Module, example: Mapping[str, torch.Tensor], outputs: Sequence[str]
) -> tuple[str, ...]:
    with torch.no_grad():
        found = model(**example)
    names = tuple(found) if isinstance(found, Mapping) else tuple(outputs)
    count = len(found) if isinstance(found, Mapping) else len(as_tuple(found))
    if len(names) != count:
        raise RequestError(f"The network has {count} outputs, and {len(names)} names were given for them.")
    return names


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of its own deprecated internals, of packages it looks for in vain, of constant outputs."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
