"""Damaged and hostile variants of valid files, from numbers of a generator with a fixed seed.

The bytes of any file are changed, and the structure of those whose format has one: then checksums
and lengths are right, and the values are not.
"""

from __future__ import annotations

import datetime
import io
import json
import re
import struct
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tomli_w

Rng = np.random.Generator
INTEGERS = (0, 1, -1, 4, 127, 128, 255, 256, 32767, 65535, 65536, 10**5, 10**9, -(10**9), 2**31 - 1,
            2**31, -(2**31), 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63, -(2**63), 2**64,
            10**30)  # fmt: skip
TEXTS = ("", " ", "x", "\0", "a\0b", "..", "../../x", "/etc/passwd", "..\\x", "C:\\x", "=1+1",
         "\u202ex", "\x1b[31m", "\ud800", "é", "nan", "1e400", "x" * 3000, "file:///x", "gs://x/y",
         "os:system", "model", "uint8", "best", "\n", "%s%n", "{0}", "${HOME}")  # fmt: skip
NUMBERS = (0.0, -0.0, 0.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"))
DTYPES = ("|u1", "|i1", "|b1", "<f2", "<f4", "<f8", ">f4", "<i8", "<u8", "|O", "<U5", "|S3", "|V7",
          "<M8[s]", "<m8[ns]", "<c8", "|S20000000", "<U0", "|V0", "|S0", "<M8", "<f16", "x", "",
          [("a", "<f4"), ("b", "|u1")], [("a", "|O")], [("a", "<f4", (1000000, 1000000))],
          [("a", [("b", "<i4")])], [], [("a", "<f4"), ("a", "<f4")])  # fmt: skip
PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"zTXt", b"iTXt", b"eXIf",
              b"acTL", b"fcTL", b"fdAT", b"gAMA", b"pHYs", b"sRGB", b"xxxx", b"ABCD")  # fmt: skip
DEPTHS = (20, 300, 2000, 100_000)


def mutated(rng: Rng, seeds: Sequence[bytes], form: Callable[..., bytes] | None) -> bytes:
    """One variant: of the structure in two of three cases, if there is one, else of the bytes."""
    content = pick(rng, seeds)
    if form is not None and rng.random() < 2 / 3:
        content = form(rng, content)
        if rng.random() < 0.9:
            return content
    return damaged(rng, content, pick(rng, seeds))


def pick(rng: Rng, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def damaged(rng: Rng, content: bytes, other: bytes) -> bytes:
    """One to five changes of bytes; half of the changes are in the first 200 bytes."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        near = len(data) + 1 if rng.random() < 0.5 else min(len(data), 200) + 1
        at = int(rng.integers(near))
        end = min(len(data), at + int(rng.integers(1, 65)))
        match int(rng.integers(9)):
            case 0 if at < len(data):
                data[at] ^= 1 << int(rng.integers(8))
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end]
            case 3:
                data[at:at] = rng.bytes(end - at + 1)
            case 4:
                del data[at:]
            case 5:
                data[at:] = other[int(rng.integers(len(other) + 1)) :]
            case 6:
                data[at:end] = bytes([int(rng.integers(256))]) * (end - at)
            case 7:
                number = pick(rng, INTEGERS) % 2**64
                size = pick(rng, (1, 2, 4, 8))
                order = pick(rng, ("little", "big"))
                data[at : at + size] = (number % 2 ** (8 * size)).to_bytes(size, order)
            case _ if at < len(data):
                data[at] = int(rng.integers(256))
    return bytes(data)


# --- values of documents -----------------------------------------------------------------------


def value(rng: Rng) -> Any:
    match int(rng.integers(6)):
        case 0:
            return pick(rng, (None, True, False, [], {}, [[]], {"": None}, [None] * 40))
        case 1:
            return pick(rng, NUMBERS)
        case 2:
            return pick(rng, TEXTS)
        case 3:
            return [value(rng) for _ in range(int(rng.integers(4)))]
        case 4:
            return {pick(rng, TEXTS): value(rng) for _ in range(int(rng.integers(3)))}
        case _:
            return pick(rng, INTEGERS)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Each value of a tree, by what holds it and its key or index there."""
    rest = [tree]
    while rest:
        node = rest.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            yield node, key
            if isinstance(node[key], (dict, list)):
                rest.append(node[key])


def change_tree(rng: Rng, tree: Any) -> Any:
    """A tree with one to three values replaced, removed, renamed, repeated or exchanged."""
    for _ in range(int(rng.integers(1, 4))):
        found = list(places(tree))
        if not found or rng.random() < 0.02:
            return value(rng)
        node, key = pick(rng, found)
        match int(rng.integers(8)):
            case 0:
                del node[key]
            case 1 if isinstance(node, dict):
                node[pick(rng, TEXTS)] = node.pop(key)
            case 2 if isinstance(node, list):
                node[key:key] = [node[key]] * int(rng.integers(1, 50))
            case 3:
                other, at = pick(rng, found)
                node[key] = json.loads(json.dumps(other[at])) if _holds(other, at) else value(rng)
            case 4:
                node[key] = [node[key]]
            case _:
                node[key] = value(rng)
    return tree


def _holds(node: Any, key: Any) -> bool:
    return key in node if isinstance(node, dict) else key < len(node)


def json_file(rng: Rng, content: bytes) -> bytes:
    if rng.random() < 0.03:
        return _deep(rng, pick(rng, ("[", '{"a":', '{"data":[')))
    tree = change_tree(rng, json.loads(content))
    text = json.dumps(tree)
    if rng.random() < 0.05:
        text = text.replace("1", "1" * 5000, 1)
    return text.encode()


def json_lines(rng: Rng, content: bytes) -> bytes:
    lines = content.splitlines()
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(lines)))
        lines[at] = json_file(rng, content.splitlines()[at])
    return pick(rng, (b"\n", b"\n", b"\r\n", b"\n\n", b"\x0b")).join(lines)


def _deep(rng: Rng, opening: str) -> bytes:
    closing = "".join({"[": "]", "{": "}"}.get(sign, "") for sign in reversed(opening))
    depth = pick(rng, DEPTHS)
    return (opening * depth + "1" + closing * depth * int(rng.integers(2))).encode()


def toml_file(rng: Rng, content: bytes) -> bytes:
    if rng.random() < 0.03:
        return b"x = " + _deep(rng, pick(rng, ("[", "{a=")))
    if rng.random() < 0.02:
        return ".".join("a" * pick(rng, (20, 2000))).encode() + b" = 1"
    tree = change_tree(rng, tomllib.loads(content.decode()))
    if rng.random() < 0.1 and isinstance(tree, dict) and tree:
        moments = (datetime.date(2026, 1, 1), datetime.time(1), datetime.datetime(1, 1, 1))
        tree[pick(rng, list(tree))] = pick(rng, moments)
    if not isinstance(tree, dict):
        tree = {"train": tree}
    text = tomli_w.dumps(_without_none(tree))
    if rng.random() < 0.03:
        text = text.replace("1", "1" * 5000, 1)
    return text.encode(errors="surrogatepass")


def _without_none(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(k): _without_none(v) for k, v in tree.items() if v is not None}
    return [_without_none(v) for v in tree if v is not None] if isinstance(tree, list) else tree


def words(rng: Rng, content: bytes) -> bytes:
    """A text with some of its words, numbers and signs replaced, removed, repeated or exchanged."""
    parts = re.findall(r"\w+|\s+|[^\w\s]", content.decode())
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(len(parts)))
        match int(rng.integers(5)):
            case 0:
                parts[at] = str(pick(rng, INTEGERS))
            case 1:
                parts[at] = pick(rng, TEXTS)
            case 2:
                parts[at] = ""
            case 3:
                parts[at] *= pick(rng, (2, 3, 50, 3000))
            case _:
                parts[at] = pick(rng, parts)
    return "".join(parts).encode(errors="surrogatepass")


def png_file(rng: Rng, content: bytes) -> bytes:
    """A PNG with a chunk that is changed, missing, repeated or moved; checksums are right."""
    chunks, at = [], 8
    while at < len(content):
        size = int.from_bytes(content[at : at + 4])
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += size + 12
    at = int(rng.integers(len(chunks)))
    kind, body = chunks[at]
    match int(rng.integers(8)):
        case 0:
            del chunks[at]
        case 1:
            chunks.insert(int(rng.integers(len(chunks))), chunks[at])
        case 2:
            chunks[at] = (pick(rng, PNG_CHUNKS), body)
        case 3 if kind == b"IDAT":
            chunks[at] = (kind, zlib.compress(damaged(rng, zlib.decompress(body), body)))
        case 4:
            chunks.insert(at, (pick(rng, PNG_CHUNKS), zlib.compress(bytes(10**6))))
        case _:
            chunks[at] = (kind, damaged(rng, body, body))
    whole = [(len(body).to_bytes(4), kind + body) for kind, body in chunks]
    return content[:8] + b"".join(n + x + zlib.crc32(x).to_bytes(4) for n, x in whole)


# --- archives and arrays -----------------------------------------------------------------------


def npy_file(rng: Rng, content: bytes) -> bytes:
    """Another shape, type or order in the header of a .npy file; lengths are right."""
    end = 10 + struct.unpack("<H", content[8:10])[0]
    header, body = eval(content[10:end]), content[end:]
    for _ in range(int(rng.integers(1, 3))):
        shape = header.get("shape")
        shape = list(shape) if isinstance(shape, tuple) else []
        match int(rng.integers(7)):
            case 0 if shape:
                shape[int(rng.integers(len(shape)))] = pick(rng, INTEGERS)
                header["shape"] = tuple(shape)
            case 1:
                header["shape"] = tuple(
                    pick(rng, ((), [*shape, 1], [1] * 70, shape[1:], [0], [-1]))
                )
            case 2:
                header["fortran_order"] = pick(rng, (True, False, 0, None))
            case 3:
                header.pop(pick(rng, list(header)), None) if header else None
            case 4:
                header[pick(rng, ("shape", "descr", "x"))] = value(rng)
            case _:
                header["descr"] = pick(rng, DTYPES)
    text = (
        repr(header) if rng.random() < 0.95 else pick(rng, ("{", "()", "[" * 300, "'\\q'", "1 +"))
    )
    if rng.random() < 0.1:  # as many bytes as it declares, if they are few
        body = _fitting(header, body)
    version = pick(rng, (1, 1, 1, 2, 3, 0, 9))
    line = text.encode(errors="replace") + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(line) % 2**16)
    return b"\x93NUMPY" + bytes([version, 0]) + size + line + body


def _fitting(header: dict[str, Any], body: bytes) -> bytes:
    try:
        size = int(np.prod(header["shape"], dtype=object)) * np.dtype(header["descr"]).itemsize
    except (ValueError, TypeError, KeyError, OverflowError):
        return body
    return (body * (size // max(1, len(body)) + 1))[:size] if 0 <= size < 10**6 else body


def archive(rng: Rng, content: bytes) -> bytes:
    """A zip file with a changed, missing, renamed, repeated or additional member; checksums are
    right."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    at = int(rng.integers(len(members)))
    name, body = members[at]
    match int(rng.integers(12)):
        case 0:
            del members[at]
        case 1:
            members[at] = (pick(rng, (*TEXTS, f"{name}x", "x.npy", *(n for n, _ in members))), body)
        case 2:
            members.insert(at, (pick(rng, TEXTS), rng.bytes(20)))
        case 3:
            members[at] = (name, pick(rng, (b"", bytes(10**6), rng.bytes(100))))
        case _:
            members[at] = (name, _member(rng, name, body))
    return zipped(members, zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED)


def _member(rng: Rng, name: str, body: bytes) -> bytes:
    if name.endswith(".npy") and rng.random() < 0.8:
        return npy_file(rng, body)
    if name.endswith(".json") and rng.random() < 0.9:
        return json_file(rng, body)
    return damaged(rng, body, body)


def zipped(members: Sequence[tuple[str, bytes]], kind: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file without the time, so that it is always the same."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", kind) as file:
        for name, body in members:
            entry = zipfile.ZipInfo(name.encode("utf-8", "replace").decode() or "x")
            entry.compress_type = kind
            file.writestr(entry, body)
    return made.getvalue()
