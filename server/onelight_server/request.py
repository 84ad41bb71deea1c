"""A request becomes a job: typed and complete, every tensor with a clip, a size and a place; names no tool."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from onelight import spec
from onelight.errors import NotReady, RequestError
from onelight.registry import Version
from onelight.stages import FrameInfo
from onelight.wire import inference_pb2 as oip

from onelight_server.frames import DATATYPES, LARGEST_FRAME, NAMES, FrameStore, is_frame_size
from onelight_server.knobs import one_of, read_info, read_knobs, read_knobs_at, split_offsets, value_of
from onelight_server.pins import Pins, check_exact
from onelight_server.refusal import quoted
from onelight_server.shm import Region, Regions

MOST_TENSORS = 1025  # three clips of every frame that the longest analysis looks at
OUTPUT = "Output"
_TENSOR = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,63})(?:@([+-]\d{1,6}))?")
_HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Tensor:
    """One frame of one clip and where its pixels are: in the message, in shared memory, or in the frame store."""

    name: str
    clip: str
    offset: int
    shape: tuple[int, int, int]
    dtype: np.dtype
    raw: memoryview | None = None
    region: Region | None = None
    region_offset: int = 0
    kept: np.ndarray | None = None
    digest: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of the packed pixels."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def transport(self) -> str:
        """How they came."""
        return "inline" if self.raw is not None else "shared_memory" if self.region is not None else "reference"


@dataclass(frozen=True)
class Sink:
    """Shared memory that the Output goes into."""

    region: Region
    offset: int
    size: int


@dataclass(frozen=True)
class Job:
    """One valid request."""

    tool: spec.Tool
    version: Version
    knobs: Mapping[str, Any]
    info: FrameInfo
    tensors: tuple[Tensor, ...]
    analyse: bool
    priority: str
    sink: Sink | None
    pins: Pins = field(default_factory=Pins)
    knobs_at: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)  # where a sampled frame has its own

    @property
    def plate(self) -> Tensor:
        """The Source at the frame being rendered; for an analysis, the first sampled one."""
        sources = [tensor for tensor in self.tensors if tensor.clip == spec.SOURCE.name]
        return next((tensor for tensor in sources if tensor.offset == 0), sources[0])


@dataclass(frozen=True)
class Reader:
    """Reads requests of one client. `regions` is None where it may not use this machine's shared memory."""

    frames: FrameStore
    regions: Regions | None

    def job(self, tool: spec.Tool, version: Version, head: oip.ModelInferRequest, raw: Sequence[memoryview]) -> Job:
        """The request as a job.

        Raises RequestError with the sentence for the node, or NotReady where frames sent by reference are not held.
        """
        given = {name: value_of(name, value) for name, value in head.parameters.items()}
        frame = {name: given.pop(name) for name in list(given) if name.startswith("frame.")}
        given, apart = split_offsets(given)
        knobs = read_knobs(tool, given)
        analyse = one_of(frame, "frame.action", ("render", "analyse")) == "analyse"
        tensors = self._tensors(tool, version.show, head.inputs, raw)
        _check_clips(tool, tensors, knobs, analyse)
        sampled = [tensor.offset for tensor in tensors if tensor.clip == spec.SOURCE.name]
        knobs_at = read_knobs_at(tool, given, apart, sampled if analyse else None)
        height, width = tensors[0].shape[:2]
        info = read_info(tool, frame, width, height)
        priority = one_of(frame, "frame.priority", ("interactive", "farm"))
        pins = Pins.read(frame)
        pins.check_version(tool, version)
        check_exact(tool, version, head.model_version, priority)
        job = Job(tool, version, knobs, info, tensors, analyse, priority, None, pins, knobs_at)
        return job if analyse else _with_sink(job, self._sink(tool, head))

    def _tensors(
        self,
        tool: spec.Tool,
        show: str,
        inputs: Sequence[oip.ModelInferRequest.InferInputTensor],
        raw: Sequence[memoryview],
    ) -> tuple[Tensor, ...]:
        if not 0 < len(inputs) <= MOST_TENSORS:
            raise RequestError(f"{tool.label} takes 1 to {MOST_TENSORS} tensors, not {len(inputs)}.")
        elsewhere = [bool({"shared_memory_region", "content_hash"} & set(given.parameters)) for given in inputs]
        # The protocol leaves out the raw entry of a tensor in shared memory; an empty entry in its place is taken too.
        contents: Sequence[memoryview | None] = raw
        if raw and len(raw) == len(inputs) - sum(elsewhere):
            left = iter(raw)
            contents = [None if away else next(left) for away in elsewhere]
        elif raw and len(raw) != len(inputs):
            raise RequestError(f"{tool.label}: {len(raw)} raw contents were sent for {len(inputs)} tensors.")
        tensors, missing = [], []
        for index, given in enumerate(inputs):
            if elsewhere[index] and raw and contents[index]:
                raise RequestError(
                    f"{tool.label}: {quoted(given.name)} was sent twice, by reference and as raw content."
                )
            tensor = self._tensor(tool, show, given, contents[index] if raw else None)
            tensors.append(tensor)
            if tensor.raw is None and tensor.region is None and tensor.kept is None:
                missing.append(tensor.name)
        if missing:
            raise NotReady(
                f"{tool.label}: the server does not hold {', '.join(missing)} (any more): send the frames themselves.",
                tuple(missing),
            )
        return tuple(tensors)

    def _tensor(
        self, tool: spec.Tool, show: str, given: oip.ModelInferRequest.InferInputTensor, raw: memoryview | None
    ) -> Tensor:
        match = _TENSOR.fullmatch(given.name)
        if not match:
            raise RequestError(f"{tool.label}: a tensor is called {quoted(given.name)}; expected 'Clip@+N'.")
        clip, offset = match[1], int(match[2] or 0)
        name = f"{clip}@{offset:+d}"
        dtype = DATATYPES.get(given.datatype)
        if dtype is None:
            raise RequestError(f"{tool.label}: {name} is {quoted(given.datatype)}; expected FP16 or FP32.")
        shape = tuple(given.shape)
        if len(shape) != 3 or shape[2] != 4 or not all(side > 0 for side in shape[:2]):
            raise RequestError(f"{tool.label}: {name} is {list(shape)[:8]}; expected [height, width, 4], RGBA.")
        if not is_frame_size(shape[1], shape[0]):
            raise RequestError(f"{tool.label}: {name} cannot be {shape[1]} x {shape[0]}; {LARGEST_FRAME}.")
        tensor = Tensor(name, clip, offset, (shape[0], shape[1], shape[2]), dtype)
        options = {key: value_of(key, value) for key, value in given.parameters.items()}
        if "content_hash" in options:
            return self._kept(tool, show, tensor, options["content_hash"])
        if "shared_memory_region" in options:
            region, start, size = self._shared(options, name, tensor.nbytes)
            if size != tensor.nbytes:
                raise RequestError(_wrong_size(tool, tensor, size))
            return replace(tensor, region=region, region_offset=start)
        if raw is None and dtype.itemsize == 4 and given.contents.fp32_contents:
            raw = memoryview(np.asarray(given.contents.fp32_contents, dtype).data).cast("B")
        if raw is None:
            raise RequestError(f"{tool.label}: {name} has no pixels: send them as raw_input_contents.")
        if raw.nbytes != tensor.nbytes:
            raise RequestError(_wrong_size(tool, tensor, raw.nbytes))
        return replace(tensor, raw=raw)

    def _kept(self, tool: spec.Tool, show: str, tensor: Tensor, digest: Any) -> Tensor:
        if not isinstance(digest, str) or not _HASH.fullmatch(digest):
            raise RequestError(f"{tool.label}: the content_hash of {tensor.name} is not 32 hexadecimal digits.")
        kept = self.frames.get(show, digest)
        if kept is not None and (kept.shape, kept.dtype) != (tensor.shape, tensor.dtype):
            raise RequestError(
                f"{tool.label}: {tensor.name} is announced as {NAMES[tensor.dtype]} {list(tensor.shape)}; the frame "
                f"with that hash is {NAMES[kept.dtype]} {list(kept.shape)}."
            )
        return replace(tensor, kept=kept, digest=digest)

    def _shared(self, options: Mapping[str, Any], name: str, default: int) -> tuple[Region, int, int]:
        region, offset = options["shared_memory_region"], options.get("shared_memory_offset", 0)
        size = options.get("shared_memory_byte_size", default)
        numbers = all(isinstance(number, int) and not isinstance(number, bool) for number in (offset, size))
        if not isinstance(region, str) or not numbers:
            raise RequestError(f"{name}: shared_memory_region is text, its offset and byte_size are whole numbers.")
        if self.regions is None:
            raise RequestError(f"{name} lies in shared memory, which only clients on the server's machine can use.")
        found = self.regions.find(region, name)
        found.check(offset, size, name)
        return found, offset, size

    def _sink(self, tool: spec.Tool, head: oip.ModelInferRequest) -> Sink | None:
        if len(head.outputs) > 1 or any(wanted.name != OUTPUT for wanted in head.outputs):
            raise RequestError(f"{tool.label} has one output tensor, '{OUTPUT}'; passes are asked for by frame.output.")
        options = {key: value_of(key, value) for wanted in head.outputs for key, value in wanted.parameters.items()}
        if "shared_memory_region" not in options:
            return None
        return Sink(*self._shared(options, OUTPUT, 0))


def _check_clips(tool: spec.Tool, tensors: Sequence[Tensor], knobs: Mapping[str, Any], analyse: bool) -> None:
    """Every tensor is a clip at a frame that the tool asks for, once; all are of one size; the plate is there."""
    clips = {clip.name: clip for clip in tool.clips if not clip.mask}
    seen: set[str] = set()
    for tensor in tensors:
        clip = clips.get(tensor.clip)
        if clip is None:
            raise RequestError(f"{tool.label} has no clip '{tensor.clip}'; there is {', '.join(clips)}.")
        if not analyse and tensor.offset not in (near := (0,) if clip.frames is None else clip.frames.offsets(knobs)):
            raise RequestError(_not_needed(tool, tensor, near))
        if tensor.name in seen:
            raise RequestError(f"{tool.label}: the tensor {tensor.name} was sent twice.")
        seen.add(tensor.name)
        if tensor.shape != tensors[0].shape:
            raise RequestError(
                f"{tool.label}: {tensor.name} is {tensor.shape[1]} x {tensor.shape[0]}, {tensors[0].name} is "
                f"{tensors[0].shape[1]} x {tensors[0].shape[0]}; all clips have to be fitted to the Source's window."
            )
    for clip in clips.values():
        there = any(tensor.clip == clip.name and (analyse or tensor.offset == 0) for tensor in tensors)
        if not clip.optional and not there:
            raise RequestError(f"{tool.label} needs its {clip.label} input: the tensor {clip.name}@+0 was not sent.")


def _not_needed(tool: spec.Tool, tensor: Tensor, near: Sequence[int]) -> str:
    if abs(tensor.offset) > max(near):
        return f"{tool.label} reads {max(near)} frames around the current one; {tensor.name} is too far."
    needed = ", ".join(f"{offset:+d}" for offset in near)
    return f"{tool.label} has no use for {tensor.name}: of the frames around the current one it reads {needed}."


def _with_sink(job: Job, sink: Sink | None) -> Job:
    x1, y1, x2, y2 = job.info.render_window
    need = (x2 - x1) * (y2 - y1) * 4 * job.plate.dtype.itemsize
    if sink is not None and sink.size < need:
        raise RequestError(f"{OUTPUT} needs {need} bytes of shared memory; {sink.size} were given.")
    return replace(job, sink=sink)


def _wrong_size(tool: spec.Tool, tensor: Tensor, size: int) -> str:
    height, width, _ = tensor.shape
    return (
        f"{tool.label}: {tensor.name} has {size} bytes; {width} x {height} RGBA in {NAMES[tensor.dtype]} "
        f"is {tensor.nbytes}."
    )
