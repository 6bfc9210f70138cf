"""Options of an audit."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ...errors import UsageError


@dataclass(frozen=True)
class AuditOptions:
    """Options of an audit; see `audit`."""

    n: int = 10_000
    alpha: float = 0.01
    seed: int = 0
    identity: str | os.PathLike[str] | None = None
    embedder: str | os.PathLike[str] | None = None
    features: str | os.PathLike[str] = "auto"
    searches: int = 200
    search_steps: int = 100
    model: str = "best"
    purpose: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 0.5 or self.n < 20 or self.searches < 0:
            raise UsageError(
                "alpha must be above 0 and at most 0.5, n at least 20, searches at least 0, got "
                f"alpha = {self.alpha}, n = {self.n}, searches = {self.searches}"
            )
