"""Options of a fit, checked before TensorFlow is imported."""

from __future__ import annotations

from typing import Any, Literal, get_args

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


def check_options(
    with_gan: str, detail: int, groups: Any, cross: bool, roi: Any = None, tile: int | None = None
) -> None:
    """Raises: UsageError: options that are not accepted, or not together."""
    check_with_gan(with_gan)
    check_detail(detail)
    if cross and groups is not None:
        raise UsageError(
            "groups need images of their own for calibration: leave --cross away, or --groups"
        )
    if cross and with_gan == "yes":
        raise UsageError(
            "with so few images no GAN is trained: leave --cross away, or --with-gan yes"
        )
    if cross and roi is not None:
        raise UsageError("a region of interest needs a split: leave --cross away, or --roi")
    if tile is not None and (cross or groups is not None):
        raise UsageError(
            "tiles are calibrated by whole images in one group: leave --tile away, or --groups and "
            "--cross"
        )
