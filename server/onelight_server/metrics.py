"""What the server counts, for Prometheus: labelled by tool and status code only, never by show or client."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from onelight_server.sockets import AddressError

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """All of one server's numbers; a registry of its own, so that several servers can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        common = {"registry": self.registry, "namespace": "onelight"}
        self.requests = Counter("requests", "Frames asked for.", ["tool", "code"], **common)
        self.seconds = Histogram("request_seconds", "From request to reply.", ["tool"], buckets=SECONDS, **common)
        self.waited = Histogram("queue_seconds", "Waiting for a worker.", ["tool"], buckets=SECONDS, **common)
        self.stage_seconds = Histogram(
            "stage_seconds", "One stage's work.", ["tool", "stage"], buckets=SECONDS, **common
        )
        self.queue = Gauge("queue_depth", "Frames waiting.", ["priority"], **common)
        self.workers = Gauge("workers_busy", "Frames that hold a worker.", **common)
        self.running = Gauge("stages_running", "Stages truly at work in a thread at this moment.", **common)
        self.cancelled = Counter("stages_stopped", "Stages that were stopped in mid-work.", ["tool", "stage"], **common)
        self.bytes = Counter("pixel_bytes", "Pixels moved.", ["direction", "transport"], **common)
        self.cache = Counter("stage_cache", "Cached stages asked for.", ["tool", "stage", "outcome"], **common)
        self.evicted = Counter("evicted_bytes", "Dropped to stay within the memory budget.", ["kind"], **common)
        self.kept = Gauge("kept_bytes", "Kept between frames.", ["kind"], **common)
        self.inflight = Gauge("inflight_bytes", "Held for frames that are not answered yet.", ["kind"], **common)
        self.regions = Gauge("shared_memory_regions", "Registered shared memory regions.", **common)
        self.leases = Gauge("leases", "Clients that hold a lease.", **common)
        self.admissions = Counter("admissions", "Callers that asked for a show.", ["credential", "admitted"], **common)
        self.provider = Counter("provider_runs", "Network runs by the provider truly used.", ["provider"], **common)

    def serve(self, host: str, port: int) -> tuple[int, object]:
        """Answers scrapes over HTTP; the port it got and the server to shut down. Raises AddressError."""
        try:
            httpd, _ = start_http_server(port, host, registry=self.registry)
        except OSError as error:
            raise AddressError(f"Cannot answer metrics on '{host}:{port}': {error.strerror}.") from error
        return httpd.server_port, httpd
