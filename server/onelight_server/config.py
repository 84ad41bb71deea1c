"""What a server is started with: one frozen record that the command line fills in and tests write by hand."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from onelight_server.inflight import default_mb


@dataclass(frozen=True)
class Config:
    """Settings of one server.

    `addresses` are `host:port` (port 0: any free one), `unix:/path` or `tls:host:port`. `models` are folders of
    versions for everybody, `shows` folders of shows that are kept apart. `queue` bounds the frames
    that wait, for artists and for the farm each. `memory_mb` bounds what is kept between frames: frames by content,
    stage results, loaded models. `inflight_mb` bounds the messages that are not answered yet, and by itself what is
    copied out of shared memory for frames being computed. `workers` frames are computed at once, each network on
    `threads` cores (fixed, so that results do not depend on the load). `idle_exit` seconds without a call or an open
    stream end the server.
    """

    addresses: tuple[str, ...] = ("127.0.0.1:0",)
    models: tuple[Path, ...] = ()
    shows: tuple[Path, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    queue: int = 64
    memory_mb: int = 1536
    inflight_mb: int = field(default_factory=default_mb)
    workers: int = 2
    threads: int = os.cpu_count() or 1
    tensorrt: bool = False
    idle_exit: float | None = None
    log_level: str = "info"
    log_json: bool = False

    @property
    def inflight_bytes(self) -> int:
        """Budget of messages that are not answered yet; of copies for frames being computed as much again."""
        return self.inflight_mb * 2**20

    @property
    def frame_bytes(self) -> int:
        """Budget of frames kept by content."""
        return self.memory_mb * 2**20 // 3

    @property
    def stage_bytes(self) -> int:
        """Budget of stage results: the larger share, since they cost seconds and a frame only its way again."""
        return self.memory_mb * 2**20 // 2

    @property
    def session_bytes(self) -> int:
        """Budget of loaded models, counted by their weights."""
        return self.memory_mb * 2**20 // 6
