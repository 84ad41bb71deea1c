"""The process around a training: it ends on request after a whole step, and computes the same bits each time."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch

from onelight.training.settings import Settings

_fill: Any = torch.utils.deterministic  # its one setting is a property that type checkers do not see


class Stop:
    """Whether to stop after this step: time is up, or the process was asked to end."""

    def __init__(self, after: float | None) -> None:
        self._until = math.inf if after is None else time.monotonic() + after
        self._signal = 0
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        return bool(self._signal) or time.monotonic() >= self._until

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def exit_if_signalled(self) -> None:
        if self._signal:
            raise SystemExit(128 + self._signal)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._signal:  # asked twice: at once
            signal.signal(number, self._before.get(number, signal.SIG_DFL))
            signal.raise_signal(number)
        self._signal = number


@contextmanager
def repeatable(settings: Settings, exact: bool) -> Iterator[None]:
    """Fix what the bits depend on besides seed and data, and put it back afterwards.

    A CPU with a fixed number of threads repeats its sums anyway; `exact` asks the same of a GPU, where it costs speed.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its sums only with a fixed workspace
    threads, benchmark, fill = (
        torch.get_num_threads(),
        torch.backends.cudnn.benchmark,
        _fill.fill_uninitialized_memory,
    )
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(settings.threads or os.cpu_count() or 1)
    torch.use_deterministic_algorithms(exact, warn_only=True)
    torch.backends.cudnn.benchmark = not exact  # picks algorithms by timing them
    _fill.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark, _fill.fill_uninitialized_memory = benchmark, fill
