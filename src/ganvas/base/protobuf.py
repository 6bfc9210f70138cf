"""The part of the wire format of protocol buffers that is written by hand. Needs no TensorFlow.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field: bytes, text, packed numbers, or another message."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """An integer >= 0 as a varint."""
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
