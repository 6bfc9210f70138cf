"""What a generated image says of itself: machine-readable labels, written and read.

Two standards, in one XMP packet, which every format can carry without that the image is decoded:

- IPTC's `DigitalSourceType`, with the value `trainedAlgorithmicMedia`: created by a trained model.
- `AIGC`, the implicit label of GB 45438-2025, in the name space of TC260: `Label` 1 (generated),
  `ContentProducer` (the operator: `$GANVAS_PRODUCER`, else "ganvas"), `ProduceID` (here the hash of
  the pixels).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np

from ganvas.base.own_files import MARK
from ganvas.errors import DataError

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PRODUCER = "GANVAS_PRODUCER"
"""Environment variable: name or code of who produces the images."""
_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PACKET = re.compile(rb"<x:xmpmeta[ >].{0,65536}?</x:xmpmeta>", re.DOTALL)
_MOST = 2**28  # bytes of a file that are searched
PNG_HEAD = 33
"""Bytes of a PNG file before the place of the packet: its signature and first chunk."""


@dataclass(frozen=True)
class Provenance:
    """What an image's labels say.

    Attributes:
        source_type: IPTC's digital source type, an address; "": none.
        aigc: the fields of the AIGC label; empty: none.
    """

    source_type: str = ""
    aigc: dict[str, str] | None = None

    @property
    def generated(self) -> bool:
        """By what the labels say."""
        return self.source_type == SOURCE_TYPE or (self.aigc or {}).get("Label") == "1"


def identifier(pixels: np.ndarray) -> str:
    """The number of an image: the hash of its shape and pixels, 32 hexadecimal digits."""
    content = f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()
    return hashlib.sha256(content).hexdigest()[:32]


def packet(number: str = "") -> str:
    """The XMP packet of a generated image; `number`: see `identifier`."""
    begin = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    return f'{begin}{element(number)}<?xpacket end="w"?>'


def element(number: str = "") -> str:
    """The packet's only element: for files that are XML themselves."""
    fields = {
        "Label": "1",
        "ContentProducer": os.environ.get(PRODUCER, "ganvas"),
        "ProduceID": number,
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    label = escape(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="{MARK}"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{_EXTENSION}" xmlns:TC260="{_TC260}">'
        f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>"
        f"<TC260:AIGC>{label}</TC260:AIGC></rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def png_chunk(xmp: str) -> bytes:
    """The packet as a chunk of a PNG file, which comes after the first one (XMP part 3, 1.1.5)."""
    data = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp.encode()
    check = zlib.crc32(b"iTXt" + data)
    return struct.pack(">I", len(data)) + b"iTXt" + data + struct.pack(">I", check)


def in_gif(file: bytes, xmp: str) -> bytes:
    """The GIF file with the packet: an application extension that ends in a magic trailer, so that
    readers of any kind leave it as a whole (XMP part 3, 1.1.2)."""
    magic = bytes([1, *range(255, -1, -1), 0])
    block = b"\x21\xff\x0bXMP DataXMP" + xmp.encode() + magic
    return file[:-1] + block + file[-1:]


def in_mp4(file: bytes, xmp: str) -> bytes:
    """The MP4 file with the packet: a box at its end (XMP part 3, 1.2.6)."""
    box = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + xmp.encode()
    return file + struct.pack(">I", len(box) + 8) + b"uuid" + box


def read(path: Path) -> Provenance | None:
    """What a file's XMP packet says, in whatever format; None: it has no packet.

    Raises: DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = _PACKET.search(file.read(_MOST))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}: give an image file") from error
    return _parsed(found[0]) if found else None


def _parsed(xmp: bytes) -> Provenance:
    if b"<!" in xmp:  # entities of a stranger's file are not expanded
        return Provenance()
    try:
        tree = ElementTree.fromstring(xmp)
    except ElementTree.ParseError:
        return Provenance()
    said: dict[str, str] = {}
    for place in tree.iter():
        said |= {place.tag: (place.text or "").strip()} | dict(place.attrib)
    return Provenance(
        said.get(f"{{{_EXTENSION}}}DigitalSourceType", ""), _fields(said.get(f"{{{_TC260}}}AIGC"))
    )


def _fields(text: str | None) -> dict[str, str] | None:
    try:
        fields = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    return {str(name): str(value) for name, value in fields.items() if value != ""}
