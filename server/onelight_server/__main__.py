"""`onelight-server`: the command line around a server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer
from onelight.shows import places

from onelight_server.config import Config

GRACE = 30.0  # seconds a frame under way may still take after SIGTERM
BEFORE_MAIN = {  # environment that libraries read before this program can set anything
    # Each message of tens of megabytes would else be a fresh mmap, and its page faults dearer than all else on its way.
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_TOP_PAD_": str(2**26),
    # Freed frames are found again by whichever thread is next: half the system time of an inline 4K frame, and less
    # memory, than with an arena for each thread.
    "MALLOC_ARENA_MAX": "1",
    # Frames lie in huge pages where the system lends them: a twentieth to a tenth off a frame of Cleanup.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    # Matrices are small here: a second thread of BLAS would only wait by spinning, on a core that another stage wants.
    "OPENBLAS_NUM_THREADS": "1",
}
# Two threads of one frame hand the interpreter to each other between array operations of a tenth of a millisecond: at
# Python's own 5 ms, which one waits at most for the other, they took a fifth longer.
SWITCH = 0.0005  # seconds
_DEFAULT = Config()


def start_over() -> None:
    """Starts this program over, once, in the environment that it needs from its first moment."""
    if all(name in os.environ for name in BEFORE_MAIN):
        return
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**BEFORE_MAIN, **os.environ})


def serve(
    address: Annotated[
        list[str] | None, typer.Option(help="host:port, tls:host:port or unix:/path; repeatable.")
    ] = None,
    models: Annotated[list[Path] | None, typer.Option(help="Folder of <show>/<tool>/<version>; repeatable.")] = None,
    shows: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of shows, each open to its own credentials only; by default $ONELIGHT_SHOWS, else "
            "the user's own. Repeatable."
        ),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="The server's certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The server's private key (PEM).")] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="Only clients with a certificate of this CA get in (PEM).")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Prometheus metrics over HTTP; 0 takes a free port.")
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Where metrics are answered.")] = _DEFAULT.metrics_host,
    queue: Annotated[
        int, typer.Option(min=0, help="Frames that may wait, of artists and of the farm each.")
    ] = _DEFAULT.queue,
    memory_mb: Annotated[
        int, typer.Option(min=1, help="Kept between frames: frames, stage results, models.")
    ] = _DEFAULT.memory_mb,
    inflight_mb: Annotated[
        int, typer.Option(min=1, help="Frames received and not yet answered; by default a quarter of the memory.")
    ] = _DEFAULT.inflight_mb,
    workers: Annotated[int, typer.Option(min=1, help="Frames computed at once.")] = _DEFAULT.workers,
    threads: Annotated[int, typer.Option(min=1, help="Cores each network uses.")] = _DEFAULT.threads,
    tensorrt: Annotated[
        bool, typer.Option("--tensorrt", help="Try TensorRT (results may differ between machines).")
    ] = False,
    idle_exit: Annotated[
        float | None, typer.Option(min=0.0, help="End after so many seconds without a call, lease or health watch.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = _DEFAULT.log_level,
    log_json: Annotated[bool, typer.Option("--log-json", help="Logs as JSON lines.")] = False,
) -> None:
    """Serve Onelight's tools over the Open Inference Protocol.

    Once it listens, one line `ready ADDRESS...` is printed. SIGTERM and SIGINT finish the frames under way first; a
    second signal ends at once.
    """
    given = locals()
    values = {item.name: given[item.name] for item in fields(Config) if item.name in given}
    values |= {"addresses": tuple(address or ("127.0.0.1:8001",)), "models": tuple(models or ())}
    values["shows"] = tuple(shows or (places.root(),))
    if log_level not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter("--log-level is debug, info, warning or error")
    start_over()
    sys.setswitchinterval(SWITCH)
    sys.exit(asyncio.run(_serve(Config(**values))))


async def _serve(config: Config) -> int:
    from onelight_server import log
    from onelight_server.server import Server
    from onelight_server.sockets import AddressError

    log.configure(config.log_level, config.log_json)
    server = Server(config)
    ending: list[asyncio.Task[None]] = []

    def stop() -> None:
        ending.append(asyncio.create_task(server.stop(0.0 if ending else GRACE)))

    try:
        await server.start(idle=stop)
    except AddressError as error:
        print(f"onelight-server: {error}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    ready = server.addresses + [f"metrics:{server.metrics_port}"] * (server.metrics_port is not None)
    print("ready", *ready, flush=True)
    await server.wait()
    await asyncio.gather(*ending)
    return 0


def main() -> None:
    """Entry point of the `onelight-server` command."""
    typer.run(serve)


if __name__ == "__main__":
    main()
