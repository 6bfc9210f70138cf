"""Options of a fit, checked before TensorFlow is imported."""

from __future__ import annotations

from typing import Literal, get_args

from ...errors import UsageError

WithGan = Literal["auto", "yes", "no"]
DETAILS = (128, 256)
"""Accepted numbers of pixels of the longer side, as the frozen network sees it."""


def check_with_gan(value: str) -> WithGan:
    """Raises: UsageError: another word."""
    for word in get_args(WithGan):
        if value == word:
            return word
    raise UsageError(f"with_gan must be {', '.join(get_args(WithGan))}, got '{value}'")


def check_detail(detail: int) -> None:
    """Raises: UsageError: another number than one of `DETAILS`."""
    if detail not in DETAILS:
        raise UsageError(f"detail must be {' or '.join(map(str, DETAILS))}, got {detail}")
