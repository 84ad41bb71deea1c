"""Prepares batches in the background while the network learns from the ones before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np
import torch

Batch = dict[str, torch.Tensor]
BatchOf = Callable[[np.random.Generator, int], Mapping[str, torch.Tensor]]


def tensors(made: Mapping[str, np.ndarray]) -> Batch:
    """Arrays of a batch as tensors: images [B, H, W, C] as [B, C, H, W], channels last in memory, what is no image as
    it is. They share the memory of the arrays, as far as these are contiguous.
    """
    found = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in made.items()}
    return {name: value.permute(0, 3, 1, 2) if value.dim() == 4 else value for name, value in found.items()}


class Feed:
    """Batches of steps `start` to `steps`, in order. The batch of step n is a function of (seed, n) alone.

    `threads` make them, and one more than that lie ready; their number changes no bit. An exception of `batch_of` is
    raised in `next`. Leaving the context ends the threads.
    """

    def __init__(
        self, batch_of: BatchOf, seed: int, start: int, steps: int, device: torch.device, threads: int = 1
    ) -> None:
        self._batch_of, self._seed, self._device = batch_of, seed, device
        self._left = iter(range(start, steps))
        self._ahead = threads + 1
        self._pool = ThreadPoolExecutor(threads, "batches")
        self._ready: deque[Future[Batch]] = deque()

    def __enter__(self) -> Feed:
        self._order()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def next(self) -> Batch:
        """The next step's batch, on the device."""
        batch = self._ready.popleft().result()
        self._order()
        return {name: tensor.to(self._device, non_blocking=True) for name, tensor in batch.items()}

    def _order(self) -> None:
        while len(self._ready) < self._ahead and (step := next(self._left, None)) is not None:
            self._ready.append(self._pool.submit(self._make, step))

    def _make(self, step: int) -> Batch:
        batch = self._batch_of(np.random.default_rng([self._seed, step]), step)
        return {name: self._prepared(tensor) for name, tensor in batch.items()}

    def _prepared(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dim() == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor.pin_memory() if self._device.type == "cuda" else tensor
