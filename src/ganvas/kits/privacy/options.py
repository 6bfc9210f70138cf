"""How an audit is made."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ...errors import UsageError


@dataclass(frozen=True)
class AuditOptions:
    """How an audit is made; see `audit`."""

    n: int = 10_000
    alpha: float = 0.01
    seed: int = 0
    identity: str | os.PathLike | None = None
    embedder: str | os.PathLike | None = None
    features: str | os.PathLike = "auto"
    searches: int = 200
    search_steps: int = 100
    model: str = "best"

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 0.5 or self.n < 20 or self.searches < 0:
            raise UsageError(
                f"alpha = {self.alpha}, n = {self.n}, searches = {self.searches}: alpha is in "
                "(0, 0.5], n at least 20, searches at least 0"
            )
