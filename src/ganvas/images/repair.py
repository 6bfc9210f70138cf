"""Files that are valid, or damaged where no pixel is, and that Pillow refuses all the same."""

from __future__ import annotations

import struct
import zlib

PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*")
_KEPT = (b"tRNS", b"eXIf")
_PHOTOMETRIC, _SHORT = 262, 3


def png(content: bytes) -> bytes | None:
    """A PNG file without its ancillary chunks, which may have a wrong checksum or a long text;
    transparency and orientation stay. None: nothing to leave out, or the file is truncated."""
    kept, place = [PNG], len(PNG)
    left_out = False
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        end = place + 12 + length
        kind, chunk = content[place + 4 : place + 8], content[place:end]
        if end > len(content):
            return None
        ancillary = bool(kind[0] & 0x20)
        if ancillary and not (kind in _KEPT and _is_whole(chunk)):
            left_out = True
        else:
            kept.append(chunk)
        place = end
        if kind == b"IEND":
            return b"".join(kept) if left_out else None
    return None


def _is_whole(chunk: bytes) -> bool:
    return zlib.crc32(chunk[4:-4]) == struct.unpack(">I", chunk[-4:])[0]


def tiff(content: bytes) -> bytes | None:
    """A TIFF file in which zero is white, declared as one in which zero is black: Pillow reads
    only some of the former. None: it is none."""
    order = "<" if content[:2] == b"II" else ">"
    try:
        (place,) = struct.unpack_from(order + "I", content, 4)
        (count,) = struct.unpack_from(order + "H", content, place)
        for entry in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind, number, value = struct.unpack_from(order + "HHIH", content, entry)
            if (tag, kind, number, value) == (_PHOTOMETRIC, _SHORT, 1, 0):
                one = struct.pack(order + "H", 1)
                return content[: entry + 8] + one + content[entry + 10 :]
    except struct.error:
        return None
    return None
