"""Generated images as PNG files, where time counts: a server's. `write_png` writes smaller files.

Every row is stored as its difference to the row above, and packed with zlib's lowest level: a few
times as fast as Pillow, for files of about the same size.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from ganvas.images import provenance

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
_UP = 2
"""Filter type: a byte is stored as its difference to the byte above."""


def encoded(images: np.ndarray) -> Iterator[bytes]:
    """Generated images uint8 [N, H, W, C] as files that say so, see `provenance`."""
    _, height, width, channels = images.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    head = _SIGNATURE + _chunk(b"IHDR", header) + provenance.png_chunk(provenance.packet())
    end = _chunk(b"IEND", b"")
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[:, 0] = _UP
    for image in images.reshape(len(images), height, -1):
        rows[0, 1:] = image[0]
        np.subtract(image[1:], image[:-1], out=rows[1:, 1:])
        yield head + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + end


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
