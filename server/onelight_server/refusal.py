"""Which gRPC status each error becomes, and the one way a sentence leaves the server."""

from __future__ import annotations

import grpc
from onelight import errors

from onelight_server.scope import TOO_LATE

Code = grpc.StatusCode

# grpc drops a status whose sentence is over its 8 KB of metadata; names inside come from whoever asked.
LONGEST = 1000

CODES: dict[type[errors.OnelightError], grpc.StatusCode] = {
    errors.RequestError: Code.INVALID_ARGUMENT,
    errors.ColourError: Code.INVALID_ARGUMENT,
    errors.NotFound: Code.NOT_FOUND,
    errors.NotReady: Code.FAILED_PRECONDITION,
    errors.Busy: Code.RESOURCE_EXHAUSTED,
    errors.Cancelled: Code.CANCELLED,
}


class Refused(errors.OnelightError):
    """A refusal with a status of its own, for calls that are about the wire and not about a tool."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def status_of(error: errors.OnelightError) -> grpc.StatusCode:
    """The status of an error that was worded on purpose."""
    if isinstance(error, Refused):
        return error.code
    if isinstance(error, errors.Cancelled) and str(error) == TOO_LATE:
        return Code.DEADLINE_EXCEEDED
    for kind in type(error).__mro__:
        if kind in CODES:
            return CODES[kind]
    return Code.INTERNAL


def sentence_of(error: BaseException) -> str:
    """One printable line of bounded length."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def quoted(name: str) -> str:
    """A name that came from outside, short enough to stand in a sentence."""
    return f"'{name}'" if len(name) <= 80 else f"'{name[:77]}...'"
