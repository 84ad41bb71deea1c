"""Runs a tool's stages for one request after another: queue, worker threads, what is cached, what is given up.

It names no tool: everything it knows of one is its spec and its list of stages.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

import structlog
from onelight import tools
from onelight.errors import Cancelled, OnelightError, RequestError
from onelight.registry import Version
from onelight.runtime import Session, Sessions, preference
from onelight.stages import Context, Stage, frame_at

from onelight_server import pixels
from onelight_server.answer import Answer, identity
from onelight_server.cache import StageCache
from onelight_server.config import Config
from onelight_server.fairqueue import PRIORITIES, FairQueue
from onelight_server.frames import FrameStore
from onelight_server.inflight import Inflight
from onelight_server.metrics import Metrics
from onelight_server.refusal import sentence_of
from onelight_server.request import Job
from onelight_server.scope import TOO_LATE, Scope
from onelight_server.staging import CHOOSE_SPACE, UNSET, BoundSession, Gathered, key_of, narrowed, untouched

T = TypeVar("T")
log = structlog.get_logger()
DEADLINE_MARGIN = 0.05  # seconds kept back so that the sentence still reaches the client


class Engine:
    """One server's work. All methods run on the event loop; stages run in `workers` threads."""

    def __init__(self, config: Config, metrics: Metrics, graph: Callable[[str], ModuleType] = tools.graph) -> None:
        self.metrics, self._graph = metrics, graph
        self.frames = FrameStore(config.frame_bytes, metrics.evicted.labels("frames").inc)
        self.stages = StageCache(config.stage_bytes, metrics.evicted.labels("stages").inc)
        self.sessions = Sessions(
            config.threads,
            config.session_bytes,
            preference(True) if config.tensorrt else None,
            metrics.evicted.labels("sessions").inc,
        )
        self.queue = FairQueue(config.workers, config.queue, self._count_queue)
        # Two counts, so that messages that wait cannot keep a worker from a frame in shared memory.
        self.received, self.copies = Inflight(config.inflight_bytes), Inflight(config.inflight_bytes)
        self._threads = ThreadPoolExecutor(config.workers, "stage")
        metrics.inflight.labels("received").set_function(lambda: self.received.used)
        metrics.inflight.labels("copied").set_function(lambda: self.copies.used)
        metrics.kept.labels("frames").set_function(lambda: self.frames.used)
        metrics.kept.labels("stages").set_function(lambda: self.stages.kept.used)
        metrics.kept.labels("sessions").set_function(lambda: self.sessions.bytes)

    def close(self) -> None:
        """Lets the threads end; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def warm(self, known: Iterable[str]) -> None:
        """Imports what the tools compute with, so that the first frame does not wait for it. Blocks: use a thread.

        What fails here is logged and fails again, with its sentence, in the requests that need it: a colour config
        that cannot be read must not keep the server, and with it every message about that, from a whole show.
        """
        from onelight.colour import Colour

        for what, work in (("acescg", Colour.of), *((tool, self._graph) for tool in known)):
            try:
                work(what)
            except OnelightError as error:
                log.error("not ready", what=what, sentence=sentence_of(error))
            except Exception as error:  # whatever a tool's imports raise: the other tools work without it
                log.error("not ready", what=what, exc_info=error)

    async def session(self, version: Version) -> Session:
        """The version, loaded."""
        return await asyncio.to_thread(self.sessions.get, version)

    async def run(self, job: Job, seconds: float | None = None) -> Answer:
        """The job's answer. `seconds` is what is left of the client's time limit, waiting included.

        Raises the tool's own errors, Busy, or Cancelled; when this coroutine is cancelled, the work is stopped.
        """
        scope = Scope()
        loop = asyncio.get_running_loop()
        timer = None
        if seconds is not None:
            timer = loop.call_later(max(0.0, seconds - DEADLINE_MARGIN), scope.cancel, TOO_LATE)
        # A task of its own: the asker may go at any time, the thread only stops at its next check, and the worker's
        # place is free no sooner.
        task = loop.create_task(self._run(job, scope))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            scope.cancel()
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise
        finally:
            if timer is not None:
                timer.cancel()

    async def _run(self, job: Job, scope: Scope) -> Answer:
        asked = time.monotonic()
        await self.queue.enter(job.version.show, job.priority, scope)
        try:
            self.metrics.waited.labels(job.tool.id).observe(time.monotonic() - asked)
            stages = () if job.analyse else self._graph(job.tool.id).STAGES
            with self.copies.hold(pixels.copied(job, stages)):
                return await (self._analyse if job.analyse else self._render)(job, scope)
        finally:
            self.queue.leave()

    async def _render(self, job: Job, scope: Scope) -> Answer:
        started = time.monotonic()
        stages: tuple[Stage, ...] = self._graph(job.tool.id).STAGES
        loaded, context = await self._prepare(job, stages, scope)
        context = replace(context, destination=pixels.destination(job))
        if job.info.colourspace in UNSET:
            stages = (untouched(job),)
        gathered, hits = Gathered(context, loaded.digests), []
        # The stages that are kept come first; after them everything runs in one go, up to the pixels of the reply.
        kept = [stage for stage in stages if stage.cached]
        if tuple(kept) != tuple(stages[: len(kept)]):
            raise TypeError(f"{job.tool.id}: a stage that is kept follows one that is not")
        for stage in kept:
            hits += [stage.name] * await self._kept(job, stage, gathered, scope)
        results = gathered.results

        def rest() -> memoryview | None:
            for stage in stages:
                if not stage.cached:
                    results.update(self._timed(job, stage.name, scope, partial(stage.run, context, results)))
            return pixels.deliver(job, results.get("output"), context.destination)

        delivered = await self._in_thread(scope, rest)
        return Answer(
            {
                **identity(job, context),
                "status": str(results.get("status", "")),
                "nan_replaced": int(results.get("nan_replaced", 0)),
                **{f"counted.{name}": int(number) for name, number in results.get("counted", {}).items()},
                "cached": ",".join(hits),
                "seconds": time.monotonic() - started,
            },
            delivered,
        )

    async def _analyse(self, job: Job, scope: Scope) -> Answer:
        started = time.monotonic()
        graph = self._graph(job.tool.id)
        if not hasattr(graph, "analyse"):
            raise RequestError(f"{job.tool.label} has nothing to analyse.")
        if job.info.colourspace in UNSET:
            raise RequestError(f"{job.tool.label} cannot analyse a plate whose space is not known: {CHOOSE_SPACE}")
        loaded, context = await self._prepare(job, (), scope)
        offsets = sorted({offset for clip, offset in loaded.clips if clip == job.plate.clip})
        at = {offset: frame_at(context, offset) for offset in offsets}
        contexts = [replace(at[offset], knobs=job.knobs_at.get(offset, job.knobs)) for offset in offsets]
        work = partial(self._timed, job, "analyse", scope, lambda: graph.analyse(contexts))
        found = await self._in_thread(scope, work)
        return Answer({**identity(job, context), **found, "seconds": time.monotonic() - started})

    async def _prepare(self, job: Job, stages: tuple[Stage, ...], scope: Scope) -> tuple[pixels.Loaded, Context]:
        def work() -> tuple[pixels.Loaded, Context]:
            from onelight.colour import Colour  # brings OpenColorIO and OpenCV, which listing models does not need

            colour = Colour.of(job.info.colourspace)
            found = self.sessions.get(job.version)
            job.pins.check_session(job.tool, found)
            session = BoundSession(found, scope, self.metrics)
            loaded = pixels.load(job, stages)
            return loaded, Context(job.knobs, job.info, loaded.clips, colour, session, scope.check)

        loaded, context = await self._in_thread(scope, partial(self._timed, job, "load", scope, work))
        self.frames.put(job.version.show, loaded.keep, loaded.held)
        return loaded, context

    async def _kept(self, job: Job, stage: Stage, gathered: Gathered, scope: Scope) -> bool:
        """Puts the results of a stage that outlive the request where later stages look; whether all were there."""
        if not stage.each:
            found, key, hit = await self._cached(job, stage, gathered, scope)
            gathered.results |= found
            gathered.keys += (key,)
            return hit
        found, keys, hits = {}, [], []
        for offset, frame in gathered.frames().items():  # one by one: this job has one place among the workers
            found[offset], key, hit = await self._cached(job, stage, frame, scope)
            frame.results |= found[offset]
            frame.keys += (key,)
            keys.append((offset, key))
            hits.append(hit)
        gathered.results[stage.name] = found
        gathered.keys += (tuple(keys),)
        return all(hits)

    async def _cached(
        self, job: Job, stage: Stage, gathered: Gathered, scope: Scope
    ) -> tuple[dict[str, Any], tuple, bool]:
        """Results of a stage that outlive the request, their key, and whether they were there: it sees what its key
        holds and nothing else, so what one request leaves out of the key cannot colour another's frame."""
        earlier = dict(gathered.results)
        key = key_of(stage, job, gathered.digests, gathered.context, gathered.keys)

        async def compute(own: Scope) -> dict[str, Any]:
            narrow = narrowed(gathered.context, stage, own)
            work = partial(stage.run, narrow, earlier)
            return await self._in_thread(own, partial(self._timed, job, stage.name, own, work))

        found, hit = await self.stages.get(key, scope, compute, job.version.show)
        self.metrics.cache.labels(job.tool.id, stage.name, "hit" if hit else "miss").inc()
        return found, key, hit

    async def _in_thread(self, scope: Scope, work: Callable[[], T]) -> T:
        """Runs in a worker thread to its end, which is soon once the scope is cancelled."""

        def unless_cancelled() -> T:
            scope.check()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._threads, unless_cancelled)

    def _timed(self, job: Job, name: str, scope: Scope, work: Callable[[], T]) -> T:
        """One stage's work, in its thread, counted."""
        started = time.monotonic()
        with self.metrics.running.track_inprogress():
            try:
                scope.check()
                return work()
            except Cancelled:
                self.metrics.cancelled.labels(job.tool.id, name).inc()
                scope.check()  # whatever the stage says of it, the reason is known here: given up, or too late
                raise
            finally:
                self.metrics.stage_seconds.labels(job.tool.id, name).observe(time.monotonic() - started)

    def _count_queue(self, queue: FairQueue) -> None:
        self.metrics.workers.set(queue.busy)
        for priority in PRIORITIES:
            self.metrics.queue.labels(priority).set(queue.depth(priority))
