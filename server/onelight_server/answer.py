"""What a job comes to: parameters that say which model worked and how, and pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from onelight.stages import Context

from onelight_server.request import Job
from onelight_server.staging import BoundSession


@dataclass
class Answer:
    """What a job came to: parameters of the reply, and pixels unless they went into shared memory."""

    parameters: dict[str, Any] = field(default_factory=dict)
    pixels: memoryview | None = None


def identity(job: Job, context: Context) -> dict[str, Any]:
    """The parameters of every reply that name the model and what it ran on."""
    assert isinstance(context.session, BoundSession)
    told = {"digest": job.version.digest, "version": job.version.name, "provider": context.session.provider}
    # Without a state there is nothing to tell of it: the show keeps none.
    return told | {"runtime": context.session.runtime} | ({"state": job.version.state} if job.version.state else {})
