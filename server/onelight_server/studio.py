"""The Studio service: frames by content, the lease of a client, and what this server can run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import numpy as np
from onelight.errors import NotFound, RequestError
from onelight.registry import Version
from onelight.runtime import preference
from onelight.wire import studio_pb2 as wire

from onelight_server import progress
from onelight_server.frames import DATATYPES, LARGEST_FRAME, FrameStore, content_hash, is_frame_size
from onelight_server.framing import split_field
from onelight_server.gate import Gate
from onelight_server.inflight import Inflight
from onelight_server.memory import Leases
from onelight_server.peers import Peers
from onelight_server.refusal import quoted, sentence_of
from onelight_server.shm import Regions
from onelight_server.versions import Versions

SERVICE = "onelight.v1.Studio"
PIXELS = wire.PutFrameRequest.PIXELS_FIELD_NUMBER
LONGEST_CLIENT = 64


@dataclass
class StudioService:
    """Methods by their name in the protocol."""

    frames: FrameStore
    regions: Regions
    leases: Leases
    peers: Peers
    copies: Inflight
    versions: Versions
    gate: Gate
    server_version: str
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def PutFrame(self, message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        """Keeps a frame; its bytes are used in place where they came in the message, copied where shared."""
        head, raw = split_field(message, PIXELS)
        try:
            request = wire.PutFrameRequest.FromString(head)
        except Exception as error:  # protobuf's own DecodeError class differs between its back ends
            raise RequestError("The request is not a PutFrameRequest.") from error
        await self.gate.admit(context, request.show)
        dtype, height, width = DATATYPES.get(request.datatype), request.height, request.width
        if dtype is None:
            raise RequestError(f"PutFrame: the datatype is {quoted(request.datatype)}; expected FP16 or FP32.")
        if not is_frame_size(width, height):
            raise RequestError(f"PutFrame: a frame cannot be {width} x {height}; {LARGEST_FRAME}.")
        size = height * width * 4 * dtype.itemsize
        shared = request.HasField("shared_memory")
        if len(raw) > (0 if shared else 1):
            # What is kept keeps its whole message alive: bytes beside the frame would be memory that nobody counts.
            raise RequestError(
                "PutFrame: more pixels were sent than one frame's: expected one field, or shared memory."
            )
        given = request.shared_memory.byte_size if shared else raw[-1].nbytes if raw else 0
        if given != size:
            raise RequestError(
                f"PutFrame: {given} bytes were sent; {width} x {height} RGBA in {request.datatype} is {size}."
            )
        if shared:
            await self.peers.check(context)

        def take() -> tuple[str, np.ndarray]:
            if shared:
                frame = np.empty((height, width, 4), dtype)
                region = self.regions.find(request.shared_memory.region, "PutFrame")
                region.check(request.shared_memory.offset, size, "PutFrame")
                region.read(request.shared_memory.offset, frame)
            else:
                frame = np.frombuffer(raw[-1], dtype).reshape(height, width, 4)
                frame = frame if frame.flags.aligned else frame.copy()
            frame.flags.writeable = False
            return content_hash(frame), frame

        with self.copies.hold(size if shared else 0):
            digest, frame = await asyncio.to_thread(take)
        self.frames.put(request.show, [(digest, frame)], frame.nbytes if frame.flags.owndata else len(message))
        return wire.PutFrameReply(content_hash=digest).SerializeToString()

    async def Lease(self, requests: AsyncIterator[wire.LeaseRequest], context) -> AsyncIterator[wire.LeaseReply]:
        """Held open by a client; what it registered goes when this ends, however it ends."""
        client = ""
        async for first in requests:
            client = first.client_id
            break
        if not client or len(client) > LONGEST_CLIENT or "/" in client or not client.isprintable():
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"A lease needs a client_id of 1 to {LONGEST_CLIENT} printable characters without a slash.",
            )
        self.leases.hold(client)
        try:
            yield wire.LeaseReply(client_id=client)
            await _first(asyncio.create_task(_drain(requests)), asyncio.create_task(self.ending.wait()))
        finally:
            self.leases.release(client)

    async def Models(self, request: wire.ModelsRequest, context) -> wire.ModelsReply:
        """Tools, and the versions of one show or of all that the caller may use: none where that is not one of them."""
        reply = wire.ModelsReply(server_version=self.server_version, providers=await asyncio.to_thread(preference))
        for tool in self.versions.registry.tools.values():
            reply.tools.add(id=tool.id, label=tool.label, spec_version=tool.version)
        asked = [request.show] if request.show else await self.versions.shows()
        for show, tool, name, found in await self.versions.all(await self.gate.visible(context, asked)):
            model = reply.models.add(show=show, tool=tool, version=name)
            if isinstance(found, Version):
                model.digest, model.spec_version = found.digest, found.spec_version
                model.state, model.is_default = found.state, found.is_default
            else:
                model.problem = sentence_of(found)
        return reply

    async def Watch(self, request: wire.WatchRequest, context) -> AsyncIterator[wire.WatchReply]:
        """A training run's progress, until it ends or the caller goes."""
        folder = await self.gate.admit(context, request.show)
        if folder is None:
            raise NotFound(f"{quoted(request.show)} is a folder of models: nothing is trained there.")
        async for told in progress.follow(folder, request.run, self.ending):
            yield told


async def _drain(requests: AsyncIterator[wire.LeaseRequest]) -> None:
    async for _ in requests:
        pass


async def _first(*tasks: asyncio.Task) -> None:
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
