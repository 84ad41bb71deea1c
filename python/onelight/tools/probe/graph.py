"""Probe's computation: every byte of the plate is folded into a map of signs, and the plate multiplied by it.

The map is +1 or -1 in squares of 64 pixels anchored to the format. Multiplying by it is exact in any float format and
is done on the sign bits, so that the benchmark of the wire measures the wire and not half-float arithmetic.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from onelight.stages import Context, FrameInfo, Stage

SQUARE = 64


_HANDS = ThreadPoolExecutor(2, thread_name_prefix="probe")  # one core alone does not fill the memory bus


def fold(pixels: np.ndarray) -> int:
    """All bytes of a packed frame folded into 64 bits by exclusive or."""
    halves = np.array_split(pixels.reshape(-1).view(np.uint64), 2)
    first, second = _HANDS.map(np.bitwise_xor.reduce, halves)
    return int(first ^ second)


def bands(folded: int, info: FrameInfo) -> Iterator[tuple[slice, np.ndarray]]:
    """The map over the window, top to bottom: rows that share their signs, and those signs [W], True where -1."""
    x1, y1, x2, y2 = info.window
    bits = np.array([(folded >> bit) & 1 for bit in range(64)], bool)
    columns = (np.arange(x1, x2) - info.format[0]) // SQUARE
    rows = (np.arange(y2 - 1, y1 - 1, -1) - info.format[1]) // SQUARE
    edges = [0, *(np.flatnonzero(np.diff(rows)) + 1).tolist(), y2 - y1]
    for top, bottom in pairwise(edges):
        yield slice(top, bottom), bits[(columns + 8 * rows[top]) % 64]


def signs(folded: int, info: FrameInfo) -> np.ndarray:
    """The whole map as booleans [H, W], True where the gain is -1."""
    return np.concatenate([np.broadcast_to(row, (s.stop - s.start, len(row))) for s, row in bands(folded, info)])


def apply(pixels: np.ndarray, folded: int, info: FrameInfo, out: np.ndarray, flip: bool = False) -> None:
    """out = pixels x map (negated by `flip`), alpha as it is. Both arrays packed, of one dtype and shape."""
    words = np.array([0x0000_8000_8000_8000] if pixels.itemsize == 2 else [0x8000_0000_8000_0000, 0x8000_0000], "<u8")
    source, result = (array.reshape(len(array), -1).view(np.uint64) for array in (pixels, out))

    def one(band: tuple[slice, np.ndarray]) -> None:
        rows, negative = band
        mask = np.where((negative ^ flip)[:, None], words, np.uint64(0)).reshape(-1)
        np.bitwise_xor(source[rows], mask, out=result[rows])

    for _ in _HANDS.map(one, bands(folded, info)):
        pass


def _work(context: Context, _: dict[str, Any]) -> dict[str, Any]:
    """Burn the asked-for time in steps that can be cancelled."""
    end = time.monotonic() + context.knobs["work"] / 1000
    while time.monotonic() < end:
        context.check()
        time.sleep(min(0.005, max(0.0, end - time.monotonic())))
    return {}


def _probe(context: Context, _: dict[str, Any]) -> dict[str, Any]:
    knobs, plate = context.knobs, context.source
    out = context.output()
    status = f"offset {knobs['offset']:g}"
    rows, columns = context.info.crop()
    neutral = knobs["gain"] == 0 and not knobs["flip"]
    if neutral and context.info.output == "result":
        np.copyto(out, plate[rows, columns])
        return {"output": out, "status": status}
    second = context.clip("Second")
    base = plate if second is None else np.concatenate([plate[..., :3] + second[..., :3], plate[..., 3:]], axis=-1)
    folded = fold(np.ascontiguousarray(plate))
    if context.info.output == "map":
        out[:] = np.where(signs(folded, context.info), -1, 1)[rows, columns, None]
        return {"output": out, "status": status}
    base = np.ascontiguousarray(base)
    if knobs["gain"] == 0 and out.shape == base.shape:
        apply(base, folded, context.info, out, knobs["flip"])
        return {"output": out, "status": status}
    full = np.empty_like(base)
    apply(base, folded, context.info, full, knobs["flip"])
    with np.errstate(over="ignore"):  # a half beyond 65504 is inf, as it is in the plate
        out[..., :3] = full[rows, columns, :3].astype(np.float32) * np.float32(2.0 ** knobs["gain"])
    out[..., 3] = full[rows, columns, 3]
    return {"output": out, "status": status}


STAGES = (
    Stage("work", _work, knobs=("work",), clips=("Source",), cached=False),
    Stage("probe", _probe, knobs=("gain", "flip", "offset"), clips=("Source", "Second")),
)
