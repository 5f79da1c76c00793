"""Bytes of a protocol-buffer message → its fields, without a schema.

https://protobuf.dev/programming-guides/encoding/ has the format.
"""

from __future__ import annotations

from collections.abc import Iterator


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of every field that holds bytes: text, or another message."""
    return ((number, content) for number, content in fields(data) if isinstance(content, bytes))


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, content) of every field in order; numbers of fixed width are bytes. Raises `ValueError`."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        content: int | bytes
        match tag & 7:
            case 0:
                content, at = _varint(data, at)
            case 2:
                size, at = _varint(data, at)
                content, at = data[at : at + size], at + size
            case 1:
                content, at = data[at : at + 8], at + 8
            case 5:
                content, at = data[at : at + 4], at + 4
            case kind:
                raise ValueError(f"a field of the unknown kind {kind}")
        yield tag >> 3, content


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
