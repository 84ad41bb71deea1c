"""A show's own numbers, in its own folder: the server's common metrics tell shows apart for nobody."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from onelight_server.metrics import SECONDS

FILE = Path("logs", "server.prom")  # what Prometheus' node exporter collects by --collector.textfile.directory
EVERY = 10.0  # seconds between two writings
log = structlog.get_logger()


class Tally:
    """Counts of one show. `count` lives on the event loop, `write` in a thread that may wait for the show's disk."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._registry, self._written, self._failed = folder, CollectorRegistry(), 0.0, False
        common = {"registry": self._registry, "namespace": "onelight_show"}
        self._requests = Counter("requests", "Frames asked for.", ["tool", "version", "code"], **common)
        self._seconds = Histogram("request_seconds", "From request to reply.", ["tool"], buckets=SECONDS, **common)
        self._refused = Counter("refused_callers", "Callers that were not admitted.", ["credential"], **common)

    def count(self, tool: str, version: str, code: str, seconds: float) -> None:
        """One frame, however it ended."""
        self._requests.labels(tool, version, code).inc()
        self._seconds.labels(tool).observe(seconds)

    def refused(self, credential: str) -> None:
        """One caller who had no right to the show."""
        self._refused.labels(credential).inc()

    def is_due(self) -> bool:
        """Whether it is time to write; true once for each time it is."""
        now = time.monotonic()
        due = now - self._written > EVERY
        self._written = now if due else self._written
        return due

    def write(self) -> None:
        """Replaces the file as a whole, and only inside the show's folder."""
        path = self.folder / FILE
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(number, "wb") as file:
                file.write(generate_latest(self._registry))
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            if not self._failed:
                log.warning("a show's own numbers cannot be written", why=error.strerror)
            self._failed = True
