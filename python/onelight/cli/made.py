"""A frame as a render computed it, before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from onelight.provenance.shares import Shares

RUNTIME = ("provider", "runtime")  # of the reply's parameters: on what the model ran


@dataclass(frozen=True)
class Made:
    """Its pixels, what is said of it in the command's own output, and what the server replied."""

    pixels: np.ndarray
    said: dict[str, Any]
    reply: Mapping[str, Any] = field(default_factory=dict)
    shares: Shares | None = None

    @property
    def ran(self) -> dict[str, str]:
        """The model's digest and on what it ran; empty where none did."""
        return {name: str(self.reply[name]) for name in ("digest", *RUNTIME) if name in self.reply}

    @property
    def runtime(self) -> dict[str, str]:
        """On what the model ran."""
        return {name: text for name, text in self.ran.items() if name in RUNTIME}
