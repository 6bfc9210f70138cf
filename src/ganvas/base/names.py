"""Names of any origin as names of files: within one folder, valid on every system, distinct."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_DIGEST = re.compile("-[0-9a-f]{8}$")
_RESERVED = re.compile(r"(?i:con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?")
"""Names that Windows reserves for devices."""
MOST_BYTES = 100
"""Of a file name; file systems accept 255, and temporary names are longer than the final ones."""


def file_name(text: str, among: Iterable[str] = ()) -> str:
    """Text as the name of a file or folder: letters, digits, `_`, `.`, `-` and spaces.

    A name that is changed gets a digest of the text, so that distinct texts have distinct names.

    Args:
        among: the texts of the same folder; if two differ in case only, both get a digest, because
            some systems ignore case.
    """
    plain = short(text) or "name"
    alike = sum(other.casefold() == text.casefold() for other in set(among)) > 1
    return with_digest(plain, text) if alike else distinct(plain, text)


def short(text: str) -> str:
    """The first part of the text that may stand in a file name; "" if there is none."""
    start = re.sub(r"[^\w. -]+", "_", text).encode()[:MOST_BYTES]
    plain = start.decode("utf-8", "ignore").strip(". ")
    return f"{plain}_" if _RESERVED.fullmatch(plain) else plain


def distinct(plain: str, text: str, most: int = 120) -> str:
    """A simplified name of a text; if it differs from the text, it ends with a digest.

    Args:
        most: characters of the result.
    """
    # A text that looks like a name with a digest gets one, too: it could be the name of another.
    if plain == text and len(plain) <= most and not _DIGEST.search(plain):
        return plain
    return with_digest(plain[: most - len("-12345678")].rstrip("-. "), text)


def with_digest(plain: str, text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain}-{digest[:8]}"
