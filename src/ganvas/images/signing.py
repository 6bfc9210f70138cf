"""Signed provenance: a C2PA manifest with the operator's certificate, by `c2pa-python`.

A label in metadata can be written by anybody; a signature shows who wrote it, and that the pixels
have not changed since. Source: C2PA specification 2.2, `c2pa.created` with a digital source type.
"""

from __future__ import annotations

import functools
import io
import json
import os
from pathlib import Path
from typing import Any

from PIL import Image

from ganvas.base import extras
from ganvas.errors import UsageError
from ganvas.images.provenance import SOURCE_TYPE

CERTIFICATE, KEY = "GANVAS_C2PA_CERTIFICATE", "GANVAS_C2PA_KEY"
"""Environment variables: PEM files of the certificate with its chain, and of its private key
(PKCS#8, without a password)."""
KINDS = {".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".mp4": "video/mp4"}
_ALGORITHMS = (b"es256", b"es384", b"es512", b"ps256", b"ed25519")


def wanted() -> bool:
    """Whether images are to be signed."""
    return bool(os.environ.get(CERTIFICATE) or os.environ.get(KEY))


def check() -> None:
    """Before work begins. Raises: UsageError: images are to be signed, and cannot be."""
    if wanted():
        _signer(os.environ.get(CERTIFICATE), os.environ.get(KEY))


def signed(content: bytes, suffix: str) -> bytes:
    """The file with a signed manifest, if images are to be signed.

    Args:
        suffix: of its name, see `KINDS`.

    Raises: UsageError: see `check`.
    """
    if not wanted():
        return content
    signer = _signer(os.environ.get(CERTIFICATE), os.environ.get(KEY))
    return _with_manifest(signer, content, KINDS[suffix])


def found(path: Path) -> dict[str, str]:
    """What a reader says of a file's signature: {"signature": ..., "signed by": ...}; empty: none.

    Valid means that file and manifest belong together. Whether the certificate belongs to whom it
    names is not checked: no list of trusted authorities is loaded.
    """
    if path.suffix.lower() not in KINDS or b"c2pa" not in path.read_bytes():
        return {}
    try:
        import c2pa
    except ModuleNotFoundError:
        return {"signature": "not checked: pip install 'ganvas[c2pa]'"}
    try:
        with path.open("rb") as file:
            said = json.loads(c2pa.Reader(KINDS[path.suffix.lower()], file).json())
        who = said["manifests"][said["active_manifest"]].get("signature_info", {})
    except (c2pa.C2paError, KeyError, ValueError):
        return {"signature": "cannot be read"}
    state = str(said.get("validation_state", "")).lower() or "not said"
    names = [str(who[key]) for key in ("common_name", "issuer") if who.get(key)]
    return {"signature": state, "signed by": ", ".join(names) or "not said"}


@functools.lru_cache(maxsize=1)
def _signer(certificate: str | None, key: str | None) -> Any:
    if not certificate or not key:
        missing = CERTIFICATE if not certificate else KEY
        raise UsageError(f"to sign images, {missing} must name a PEM file, too: set it, or neither")
    extras.check("c2pa", f"{CERTIFICATE} is set: a signature", "unset it")
    import c2pa

    try:
        files = [Path(certificate).read_bytes(), Path(key).read_bytes()]
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read ({error.strerror}): {CERTIFICATE} and {KEY} must "
            "name PEM files"
        ) from error
    small = io.BytesIO()
    Image.new("L", (8, 8)).save(small, "png")
    why = ""
    for algorithm in _ALGORITHMS:
        try:
            signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, *files, None))
        except c2pa.C2paError as error:  # another algorithm's key
            why = why or str(error)
            continue
        try:
            _with_manifest(signer, small.getvalue(), KINDS[".png"])  # some faults show only now
        except c2pa.C2paError as error:
            why = str(error)
            break
        return signer
    raise UsageError(
        f"images cannot be signed with {certificate} and {key} ({' '.join(why.split())[:300]}): "
        "give a certificate for signing with its chain, and its private key (PKCS#8)"
    )


def _with_manifest(signer: Any, content: bytes, kind: str) -> bytes:
    import c2pa

    from ganvas import __version__

    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}
    manifest = {
        "claim_generator_info": [{"name": "ganvas", "version": __version__}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    target = io.BytesIO()
    c2pa.Builder(manifest).sign(signer, kind, io.BytesIO(content), target)
    return target.getvalue()
