"""Inference messages with pixels in them, taken apart and put together by hand so that pixels are not copied.

protobuf would copy each `bytes` field out of the message and back into it; a 4K frame pays for that with hundreds of
milliseconds of page faults. The pixels are always one length-delimited field: everything else is left to protobuf.
"""

from __future__ import annotations

from onelight.errors import RequestError
from onelight.wire import inference_pb2 as oip

RAW_INPUT = 7  # ModelInferRequest.raw_input_contents
RAW_OUTPUT_TAG = bytes([6 << 3 | 2])  # ModelInferResponse.raw_output_contents
MOST_FIELDS = 20000
LARGEST_HEAD = 8 << 20
_BROKEN = "The request is not a message of the Open Inference Protocol."


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise RequestError(_BROKEN)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def split_field(message: bytes, number: int) -> tuple[bytes, list[memoryview]]:
    """The message without its length-delimited fields `number`, and those as views into `message`.

    Raises RequestError where it is not a well-formed message or was cut short, or where more than pixels is large.
    """
    data, at, start = memoryview(message), 0, 0
    rest: list[memoryview] = []
    found: list[memoryview] = []
    fields = head = 0
    while at < len(data):
        begin = at
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            if size > len(data) - at:
                raise RequestError(
                    f"The request was cut short: of a field of {size} bytes only {len(data) - at} arrived."
                )
            if tag >> 3 == number:
                rest.append(data[start:begin])
                found.append(data[at : at + size])
                start = at + size
            else:
                head += size
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise RequestError(_BROKEN)
        fields += 1
        if fields > MOST_FIELDS or head > LARGEST_HEAD:
            raise RequestError(
                f"The request has more than {MOST_FIELDS} fields or {LARGEST_HEAD >> 20} MB beside its pixels: "
                "send pixels as raw_input_contents."
            )
    if at != len(data):
        raise RequestError(_BROKEN)
    rest.append(data[start:])
    return b"".join(rest), found


def parse_infer(message: bytes) -> tuple[oip.ModelInferRequest, list[memoryview]]:
    """The request without pixels, and its raw input contents as views into `message`."""
    head, raw = split_field(message, RAW_INPUT)
    try:
        return oip.ModelInferRequest.FromString(head), raw
    except Exception as error:  # protobuf's own DecodeError class differs between its back ends
        raise RequestError(_BROKEN) from error


def join_infer(response: oip.ModelInferResponse, pixels: memoryview | None) -> bytes:
    """The response's bytes with `pixels` as its one raw output, copied once."""
    head = response.SerializeToString()
    if pixels is None:
        return head
    size, length = pixels.nbytes, bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"".join((head, RAW_OUTPUT_TAG, length, pixels))
