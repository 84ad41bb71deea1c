"""The one place where errors become statuses, for every method of the server."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import structlog
from onelight.errors import NotReady, OnelightError
from onelight.registry import BASE

from onelight_server.gate import Gate, asked
from onelight_server.refusal import sentence_of, status_of

MISSING = "onelight-missing"
log = structlog.get_logger()
Answering = Callable[[Any, grpc.aio.ServicerContext], Awaitable[Any]]
Streaming = Callable[[Any, grpc.aio.ServicerContext], AsyncIterator[Any]]


def answering(method: Answering, name: str, gate: Gate) -> Answering:
    """A method of one reply."""

    async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
        with told(name, gate) as failure:
            return await method(request, context)
        await context.abort(*failure)

    return call


def streaming(method: Streaming, name: str, gate: Gate) -> Streaming:
    """A method of many replies."""

    async def call(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        with told(name, gate) as failure:
            async for reply in method(request, context):
                yield reply
            return
        await context.abort(*failure)

    return call


@contextmanager
def told(name: str, gate: Gate) -> Iterator[list[Any]]:
    """Logs what is raised inside, and leaves code, sentence and trailing metadata to abort the call with.

    A sentence or a trace names the show it is about: the common log, for whoever runs the machine, gets neither from a
    show that is kept apart; that show's own log does.
    """
    failure: list[Any] = []
    try:
        yield failure
    except grpc.aio.AbortError:
        raise
    except OnelightError as error:
        code, sentence = status_of(error), sentence_of(error)
        if asked.get() in ("", BASE):
            log.info("refused", call=name, code=code.name, sentence=sentence)
        else:
            log.info("refused", call=name, code=code.name)
            gate.tell("refused", call=name, code=code.name, sentence=sentence)
        missing = error.missing if isinstance(error, NotReady) else ()
        failure += [code, sentence, ((MISSING, ",".join(missing)),) if missing else ()]
    except Exception as error:  # the only net: a bug must reach the node as a sentence, and a log as a trace
        number = secrets.token_hex(4)
        trace = "".join(traceback.format_exception(error))
        if gate.tell("failed", call=name, id=number, trace=trace):
            log.error("failed", call=name, id=number)
        else:
            log.error("failed", call=name, id=number, exc_info=error)
        sentence = f"The server failed on this request; its log says why under {number}."
        failure += [grpc.StatusCode.INTERNAL, sentence, ()]
