"""Puts a server together: services, engine, health, reflection, metrics, sockets; starts and ends it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from onelight import spec, tools
from onelight.registry import Registry
from onelight.wire import inference_pb2 as oip
from onelight.wire import studio_pb2

from onelight_server import service, sockets, studio
from onelight_server.answering import answering, streaming
from onelight_server.config import Config
from onelight_server.engine import Engine
from onelight_server.gate import Gate
from onelight_server.idle import IdleWatch
from onelight_server.inflight import taking
from onelight_server.memory import Leases, SharedMemoryService
from onelight_server.metrics import Metrics
from onelight_server.peers import Peers
from onelight_server.shm import Regions
from onelight_server.stamps import RememberingKeeper
from onelight_server.versions import Versions

LARGEST_MESSAGE = 2**31 - 1
OTHER_CALLS = 1024  # open at once beside the frames that may wait: leases, health watches, short calls
FLUSH = 0.5  # seconds for the last replies to leave once nothing is being worked on
log = structlog.get_logger()
RAW = {(service.SERVICE, "ModelInfer"), (studio.SERVICE, "PutFrame")}  # taken apart by hand: pixels inside


class Server:
    """A running server. `addresses` are as clients write them, with the ports it got."""

    def __init__(
        self,
        config: Config,
        known: Mapping[str, spec.Tool] | None = None,
        graph: Callable[[str], ModuleType] = tools.graph,
    ) -> None:
        try:
            number = version("onelight")
        except PackageNotFoundError:  # run from a source tree that was never installed
            number = "0"
        self.config, self.metrics, self.regions = config, Metrics(), Regions()
        self.leases = Leases(self.regions)
        roots = (*config.shows, *config.models)
        versions = Versions(Registry(tools.discover() if known is None else known, roots, RememberingKeeper()))
        self.peers = Peers()
        self.gate = Gate(config.models, config.shows, self.peers, self.metrics)
        self.engine = Engine(config, self.metrics, graph)
        self.inference = service.InferenceService(
            self.engine, versions, self.gate, self.metrics, self.regions, self.peers, number
        )
        self.studio = studio.StudioService(
            self.engine.frames, self.regions, self.leases, self.peers, self.engine.copies, versions, self.gate, number
        )
        self.memory = SharedMemoryService(self.regions, self.leases, self.peers)
        self.addresses: list[str] = []
        self.metrics_port: int | None = None
        self._health = health.aio.HealthServicer()  # pyright: ignore[reportAttributeAccessIssue]
        self._http: Any = None
        self._remove: Callable[[], None] = lambda: None
        self.idle = IdleWatch(config.idle_exit) if config.idle_exit is not None else None
        self._grpc = grpc.aio.server(
            interceptors=[self.idle] if self.idle else [],
            maximum_concurrent_rpcs=2 * config.queue + config.workers + OTHER_CALLS,
            options=[
                ("grpc.max_receive_message_length", LARGEST_MESSAGE),
                ("grpc.max_send_message_length", LARGEST_MESSAGE),
                ("grpc.so_reuseport", 0),  # two servers on one port would share the frames between them at random
                # A workstation asleep or a pulled cable: the lease of a client that cannot answer ends after this.
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 20_000),
                ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ],
        )

    async def start(self, idle: Callable[[], None] = lambda: None) -> None:
        """Listens on every address of the config, or on none. Raises sockets.AddressError.

        `idle` is called when the config's time without a call or an open stream has passed.
        """
        await asyncio.to_thread(self.engine.warm, self.inference.versions.registry.tools)
        await asyncio.to_thread(self.gate.warm)
        self.metrics.regions.set_function(lambda: len(self.regions))
        self.metrics.leases.set_function(lambda: len(self.leases))
        self._grpc.add_generic_rpc_handlers(
            (
                self._handlers(service.SERVICE, oip.DESCRIPTOR, self.inference, self.memory),
                self._handlers(studio.SERVICE, studio_pb2.DESCRIPTOR, self.studio),
            )
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = (service.SERVICE, studio.SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._grpc)
        for name in names[:2]:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        try:
            self._listen()
        except sockets.AddressError:
            await self._grpc.stop(None)
            await self._close()
            raise
        await self._grpc.start()
        if self.idle is not None:
            self.idle.expired = idle
            self.idle.start()
        log.info("serving", addresses=self.addresses, metrics_port=self.metrics_port, workers=self.config.workers)

    def _handlers(self, name: str, descriptor: Any, *implementations: Any) -> grpc.GenericRpcHandler:
        """Every method that the service's description and one of the implementations have in common."""
        handlers = {}
        for method in descriptor.services_by_name[name.rpartition(".")[2]].methods:
            owner = next(item for item in implementations if hasattr(item, method.name))
            behaviour = getattr(owner, method.name)
            if (name, method.name) in RAW:
                handlers[method.name] = grpc.stream_unary_rpc_method_handler(
                    answering(taking(behaviour, self.engine.received), method.name, self.gate)
                )
                continue
            wrap = streaming if method.server_streaming else answering
            make = {
                (False, False): grpc.unary_unary_rpc_method_handler,
                (False, True): grpc.unary_stream_rpc_method_handler,
                (True, True): grpc.stream_stream_rpc_method_handler,
            }[method.client_streaming, method.server_streaming]
            request = getattr(_module(descriptor), method.input_type.name)
            handlers[method.name] = make(wrap(behaviour, method.name, self.gate), request.FromString, _bytes)
        return grpc.method_handlers_generic_handler(name, handlers)

    def _listen(self) -> None:
        if self.config.metrics_port is not None:
            self.metrics_port, self._http = self.metrics.serve(self.config.metrics_host, self.config.metrics_port)
        for address in self.config.addresses:
            self.addresses.append(sockets.bind(self._grpc, address, self.config))
            self._remove = sockets.remover(self.addresses)
        unix = "unix:"
        self.peers.sockets = frozenset(a.removeprefix(unix) for a in self.addresses if a.startswith(unix))
        self.peers.ports = frozenset(
            int(address.rpartition(":")[2]) for address in self.addresses if not address.startswith(unix)
        )

    async def stop(self, grace: float = 0.0) -> None:
        """Takes no new frames, lets those under way finish for up to `grace` seconds, then ends."""
        self.inference.draining = True
        if self.idle is not None:
            self.idle.stop()
        await self._health.enter_graceful_shutdown()
        self.studio.ending.set()
        stopping = asyncio.ensure_future(self._grpc.stop(grace or None))
        if grace:
            # Health watches stay open for ever: what is waited for is frames.
            idle = asyncio.create_task(self.inference.idle.wait())
            await asyncio.wait({stopping, idle}, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()
            await self._grpc.stop(min(grace, FLUSH))
        await stopping
        await self._close()
        log.info("stopped")

    async def _close(self) -> None:
        self.engine.close()
        self.inference.versions.close()
        self.peers.close()
        await asyncio.to_thread(self.gate.close)
        if self._http is not None:
            await asyncio.to_thread(self._http.shutdown)
            self._http.server_close()
        self._remove()

    async def wait(self) -> None:
        """Until the server has stopped."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._grpc.wait_for_termination()


async def create_server(config: Config, **parts: Any) -> tuple[Server, list[str]]:
    """A started server and the addresses it listens on; `parts` are Server's further arguments."""
    server = Server(config, **parts)
    await server.start()
    return server, server.addresses


def _bytes(reply: Any) -> bytes:
    return reply.SerializeToString()


def _module(descriptor: Any) -> ModuleType:
    return {oip.DESCRIPTOR.name: oip, studio_pb2.DESCRIPTOR.name: studio_pb2}[descriptor.name]
