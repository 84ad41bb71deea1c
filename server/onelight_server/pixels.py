"""From where a client put its pixels to arrays that a stage may trust, and from a stage's output to where they go.

Copies are made where they buy something and nowhere else:

- Pixels in the message are immutable: they are used and kept in place (copied only where protobuf's framing left
  them at an odd address, which numpy would pay for on every pass).
- Pixels in mapped shared memory belong to a client that may write them at any time. Where a stage's result is kept
  under their hash, hash and stage have to see the same bytes, so they are copied first and the copy is hashed: one
  memcpy, a thousandth of what such a stage costs. (Hashing again afterwards costs the same and still misses bytes
  that change and change back.) Where nothing is kept, a changing frame spoils that client's own reply only, and
  neither copy nor hash is made.
- POSIX shared memory is copied in any case (see shm.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onelight.stages import Stage

from onelight_server.frames import content_hash
from onelight_server.request import Job, Tensor

Clips = dict[tuple[str, int], np.ndarray]


@dataclass(frozen=True)
class Loaded:
    """The clips of a job as read-only arrays; content hashes where somebody needs them; what is worth keeping."""

    clips: Clips
    digests: dict[tuple[str, int], str]
    keep: list[tuple[str, np.ndarray]]
    held: int  # bytes that stay in memory with what is kept: a frame in a message keeps all of that message


def load(job: Job, stages: tuple[Stage, ...]) -> Loaded:
    """Fetches every tensor of a job. Runs in a worker thread; everything expensive in it frees the GIL."""
    clips: Clips = {}
    digests: dict[tuple[str, int], str] = {}
    keep: list[tuple[str, np.ndarray]] = []
    held: dict[int, int] = {}
    settle = _settled(job, stages)
    for tensor in job.tensors:
        place = tensor.clip, tensor.offset
        settled = tensor.clip in settle
        frame = clips[place] = _fetch(tensor, settled)
        if tensor.kept is not None:
            digests[place] = tensor.digest
        elif settled or tensor.raw is not None:
            digest = digests[place] = content_hash(frame)
            if tensor.raw is not None or job.tool.clip(tensor.clip).frames is not None:
                keep.append((digest, frame))
                if tensor.raw is None or frame.flags.owndata:
                    held[id(frame)] = frame.nbytes
                else:
                    held[id(tensor.raw.obj)] = memoryview(tensor.raw.obj).nbytes
    return Loaded(clips, digests, keep, sum(held.values()))


def copied(job: Job, stages: tuple[Stage, ...]) -> int:
    """Bytes of shared memory that `load` would copy."""
    settle = _settled(job, stages)
    return sum(
        tensor.nbytes
        for tensor in job.tensors
        if tensor.region is not None and (tensor.region.memory is None or tensor.clip in settle)
    )


def _settled(job: Job, stages: tuple[Stage, ...]) -> set[str]:
    """Clips that must not change any more once they were read: those under a hash, and neighbours, which are kept."""
    hashed = {clip for stage in stages if stage.cached for clip in stage.clips}
    return hashed | {clip.name for clip in job.tool.clips if clip.frames is not None}


def _fetch(tensor: Tensor, settled: bool) -> np.ndarray:
    if tensor.kept is not None:
        return tensor.kept
    if tensor.raw is not None:
        frame = np.frombuffer(tensor.raw, tensor.dtype).reshape(tensor.shape)
        frame = frame if frame.flags.aligned else frame.copy()
    else:
        assert tensor.region is not None
        place = None if settled else tensor.region.view(tensor.region_offset, tensor.nbytes)
        if place is not None and not place.ctypes.data % tensor.dtype.itemsize:
            frame = place.view(tensor.dtype).reshape(tensor.shape)
        else:
            frame = np.empty(tensor.shape, tensor.dtype)
            tensor.region.read(tensor.region_offset, frame)
    frame.flags.writeable = False
    return frame


def destination(job: Job) -> np.ndarray | None:
    """The reply's own memory [h, w, 4] in the plate's dtype, where the client gave mapped memory that no input uses."""
    if job.sink is None:
        return None
    shape, dtype = output_shape(job), job.plate.dtype
    place = job.sink.region.view(job.sink.offset, int(np.prod(shape)) * dtype.itemsize)
    if place is None or place.ctypes.data % dtype.itemsize:
        return None
    for tensor in job.tensors:
        if tensor.region is not None and tensor.region.memory is not None:
            used = tensor.region.view(tensor.region_offset, tensor.nbytes)
            if used is not None and np.may_share_memory(used, place):
                return None
    return place.view(dtype).reshape(shape)


def output_shape(job: Job) -> tuple[int, int, int]:
    """[h, w, 4] of the render window."""
    x1, y1, x2, y2 = job.info.render_window
    return y2 - y1, x2 - x1, 4


def deliver(job: Job, output: Any, place: np.ndarray | None) -> memoryview | None:
    """Puts a stage's output where the reply needs it: None for shared memory, else its bytes, packed.

    The plate's own dtype goes back, whatever the tool computed in; nothing is clamped, so a float result beyond
    65504 becomes inf in a half plate, as it would in the host.
    """
    if not isinstance(output, np.ndarray) or output.shape != output_shape(job):
        raise TypeError(f"{job.tool.id} made an output of shape {getattr(output, 'shape', None)}")
    if output is place:
        return None
    with np.errstate(over="ignore"):
        if place is not None:
            np.copyto(place, output, casting="same_kind")
            return None
        packed = np.ascontiguousarray(output, job.plate.dtype)
    if job.sink is not None:
        job.sink.region.write(job.sink.offset, packed)
        return None
    return packed.data.cast("B")
