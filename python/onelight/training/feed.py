"""Prepares batches in one background thread while the network learns from the ones before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from types import TracebackType

import numpy as np
import torch

AHEAD = 2  # batches ready while one is learnt from: more only takes memory, as there is one thread to make them

Batch = dict[str, torch.Tensor]
BatchOf = Callable[[np.random.Generator, int], Mapping[str, torch.Tensor]]


class Feed:
    """Batches of steps `start` to `steps`, in order. The batch of step n is a function of (seed, n) alone.

    An exception of `batch_of` is raised in `next`. Leaving the context ends the thread.
    """

    def __init__(self, batch_of: BatchOf, seed: int, start: int, steps: int, device: torch.device) -> None:
        self._batch_of, self._seed, self._device = batch_of, seed, device
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(start, steps), name="batches", daemon=True)

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        while self._thread.is_alive():
            try:
                self._ready.get_nowait()  # make room for a thread that waits to hand over its last batch
            except queue.Empty:
                self._thread.join(0.05)

    def next(self) -> Batch:
        """The next step's batch, on the device."""
        found = self._ready.get()
        if isinstance(found, BaseException):
            raise found
        return {name: tensor.to(self._device, non_blocking=True) for name, tensor in found.items()}

    def _fill(self, start: int, steps: int) -> None:
        try:
            for step in range(start, steps):
                batch = self._batch_of(np.random.default_rng([self._seed, step]), step)
                prepared = {name: self._prepared(tensor) for name, tensor in batch.items()}
                self._ready.put(prepared)
                if self._ended.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  handed to the thread that asks for the batch
            self._ready.put(error)

    def _prepared(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dim() == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor.pin_memory() if self._device.type == "cuda" else tensor
