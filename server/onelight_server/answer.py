"""What a job comes to: parameters that say which model worked and how, and pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from onelight.stages import Context

from onelight_server.request import Job


@dataclass
class Answer:
    """What a job came to: parameters of the reply, and pixels unless they went into shared memory."""

    parameters: dict[str, Any] = field(default_factory=dict)
    pixels: memoryview | None = None


def identity(job: Job, context: Context) -> dict[str, Any]:
    """The parameters of every reply that name the model and what it ran on."""
    assert context.session is not None
    return {"digest": job.version.digest, "version": job.version.name, "provider": context.session.provider}
