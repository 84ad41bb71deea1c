"""The Open Inference Protocol over grpc.aio: decode, check, hand to the engine, encode; no tool is named here."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field

import grpc
import structlog
from onelight import spec
from onelight.errors import NotFound, NotReady, OnelightError
from onelight.registry import Version
from onelight.wire import inference_pb2 as oip

from onelight_server import permits
from onelight_server.answer import Answer
from onelight_server.engine import Engine
from onelight_server.frames import NAMES
from onelight_server.framing import join_infer, parse_infer
from onelight_server.gate import Gate, admitted
from onelight_server.metrics import Metrics
from onelight_server.peers import Peers
from onelight_server.pixels import output_shape
from onelight_server.refusal import sentence_of, status_of
from onelight_server.request import OUTPUT, Job, Reader
from onelight_server.shm import Regions
from onelight_server.versions import Versions

SERVICE = "inference.GRPCInferenceService"
log = structlog.get_logger()


@dataclass
class InferenceService:
    """Methods by their name in the protocol; each takes a message and the call's context."""

    engine: Engine
    versions: Versions
    gate: Gate
    metrics: Metrics
    regions: Regions
    peers: Peers
    server_version: str
    draining: bool = False
    idle: asyncio.Event = field(default_factory=asyncio.Event)  # set while no frame is being asked for
    _frames: int = 0

    def __post_init__(self) -> None:
        self.idle.set()

    async def ServerLive(self, request, context) -> oip.ServerLiveResponse:
        return oip.ServerLiveResponse(live=True)

    async def ServerReady(self, request, context) -> oip.ServerReadyResponse:
        return oip.ServerReadyResponse(ready=not self.draining)

    async def ServerMetadata(self, request, context) -> oip.ServerMetadataResponse:
        extensions = ["model_repository", "system_shared_memory", "parameters", "content_hash"]
        return oip.ServerMetadataResponse(name="onelight", version=self.server_version, extensions=extensions)

    async def ModelReady(self, request, context) -> oip.ModelReadyResponse:
        try:
            await self._find(context, request.name, request.version)
        except (NotFound, NotReady):
            return oip.ModelReadyResponse(ready=False)
        return oip.ModelReadyResponse(ready=True)

    async def ModelMetadata(self, request, context) -> oip.ModelMetadataResponse:
        tool, version = await self._find(context, request.name, request.version)
        session = await self.engine.session(version)
        metadata = oip.ModelMetadataResponse.TensorMetadata
        return oip.ModelMetadataResponse(
            name=f"{version.show}/{tool.id}",
            versions=await self.versions.names(version.show, tool.id),
            platform="onnxruntime" if version.stages else "python",
            inputs=[
                metadata(name=f"{clip.name}@+0", datatype="FP16", shape=[-1, -1, 4])
                for clip in tool.clips
                if not clip.mask
            ],
            outputs=[metadata(name=OUTPUT, datatype="FP16", shape=[-1, -1, 4])],
            properties={
                "version": version.name,
                "digest": version.digest,
                "spec_version": str(version.spec_version),
                "provider": session.provider,
                "runtime": session.runtime,
                "state": version.state,
                "default": await self._default(request.name, version),
                "datatypes": "FP16,FP32",
                "required": ",".join(clip.name for clip in tool.clips if not clip.optional),
                "passes": ",".join(item.name for item in tool.passes),
                "knobs": ",".join(knob.name for knob in tool.render_knobs()),
            },
        )

    async def ModelInfer(self, message: bytes, context) -> bytes:
        started, tool_id, name, code = time.monotonic(), "unknown", "unknown", grpc.StatusCode.OK
        self._frames += 1
        self.idle.clear()
        try:
            head, raw = parse_infer(message)
            tool, version = await self._find(context, head.model_name, head.model_version)
            tool_id, name = tool.id, version.name
            own = _uses_shared_memory(head) and await self.peers.is_own(context)
            job = Reader(self.engine.frames, self.regions if own else None).job(tool, version, head, raw)
            if (folder := admitted.get()) is not None:
                await asyncio.to_thread(permits.check, job, folder)
            for tensor in job.tensors:
                self._count("in", tensor.transport, tensor.nbytes)
            answer = await self.engine.run(job, context.time_remaining())
            self._count("out", "inline", answer.pixels.nbytes if answer.pixels else 0)
            self._count("out", "shared_memory", job.sink.size if job.sink else 0)
            return join_infer(_response(head, job, answer), answer.pixels)
        except OnelightError as error:
            code = status_of(error)
            raise
        except Exception:  # a bug of ours: counted here, worded and logged by the one catch around every call
            code = grpc.StatusCode.INTERNAL
            raise
        except BaseException:  # the asker has gone: the call itself was cancelled
            code = grpc.StatusCode.CANCELLED
            raise
        finally:
            self._frames -= 1
            if not self._frames:
                self.idle.set()
            seconds = time.monotonic() - started
            self.metrics.requests.labels(tool_id, code.name).inc()
            self.metrics.seconds.labels(tool_id).observe(seconds)
            self.gate.count(tool_id, name, code.name, seconds)
            log.debug("frame", tool=tool_id, code=code.name, seconds=round(seconds, 4))

    async def RepositoryIndex(self, request, context) -> oip.RepositoryIndexResponse:
        models = []
        shows = await self.gate.visible(context, await self.versions.shows())
        for show, tool, name, found in await self.versions.all(shows):
            fine = isinstance(found, Version)
            if fine or not request.ready:
                models.append(
                    oip.RepositoryIndexResponse.ModelIndex(
                        name=f"{show}/{tool}".rstrip("/"),
                        version=name,
                        state="READY" if fine else "UNAVAILABLE",
                        reason="" if fine else sentence_of(found),
                    )
                )
        return oip.RepositoryIndexResponse(models=models)

    async def RepositoryModelLoad(self, request, context) -> oip.RepositoryModelLoadResponse:
        _, version = await self._find(context, request.model_name)
        await self.engine.session(version)
        return oip.RepositoryModelLoadResponse()

    async def RepositoryModelUnload(self, request, context) -> oip.RepositoryModelUnloadResponse:
        _, version = await self._find(context, request.model_name)
        self.engine.sessions.drop(version.show, version.tool)
        return oip.RepositoryModelUnloadResponse()

    async def _find(self, context: grpc.aio.ServicerContext, name: str, version: str = "") -> tuple[spec.Tool, Version]:
        """Tool and version of a model, for a caller who may use its show. Raises NotFound or NotReady."""
        show, slash, _ = name.partition("/")
        if slash:  # without one it is the name of no model, which is said below
            await self.gate.admit(context, show)
        return await self.versions.find(name, version)

    async def _default(self, name: str, known: Version) -> str:
        """Name of the version that no name means; empty where there is none."""
        try:
            return known.name if known.is_default else (await self.versions.find(name))[1].name
        except (NotFound, NotReady):
            return ""

    def _count(self, direction: str, transport: str, size: int) -> None:
        if size:
            self.metrics.bytes.labels(direction, transport).inc(size)


def _uses_shared_memory(head: oip.ModelInferRequest) -> bool:
    """Whether the request reads or writes a registered region."""
    return any("shared_memory_region" in tensor.parameters for tensor in (*head.inputs, *head.outputs))


def _response(head: oip.ModelInferRequest, job: Job, answer: Answer) -> oip.ModelInferResponse:
    response = oip.ModelInferResponse(model_name=head.model_name, model_version=job.version.name, id=head.id)
    for name, value in answer.parameters.items():
        field = response.parameters[name]
        if isinstance(value, str):
            field.string_param = value
        elif isinstance(value, bool):
            field.bool_param = value
        elif isinstance(value, int):
            field.int64_param = value
        else:
            field.double_param = float(value)
    if not job.analyse:
        output = response.outputs.add(name=OUTPUT, datatype=NAMES[job.plate.dtype], shape=output_shape(job))
        if job.sink is not None:
            output.parameters["shared_memory_region"].string_param = job.sink.region.name
            output.parameters["shared_memory_offset"].int64_param = job.sink.offset
            output.parameters["shared_memory_byte_size"].int64_param = (
                math.prod(output_shape(job)) * job.plate.dtype.itemsize
            )
    return response
