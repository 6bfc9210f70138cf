"""What a test found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Result:
    """A number with its interval, what held-out images score in its place, and how sure it is.

    Attributes:
        p: probability of as much if training and held-out images were dealt at random; None where
            the number is context and decides nothing.
        says: what it is, for a report.
        why: why there is no value.
        more: further numbers, for JSON.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    holdout: float | None = None
    p: float | None = None
    says: str = ""
    why: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `why` only where it has something to say."""
        keys = ("value", "low", "high", "holdout", "p", "says")
        words = {key: getattr(self, key) for key in keys}
        return {**words, **self.more, **({"why": self.why} if self.why else {})}

    @classmethod
    def of(cls, words: dict[str, Any]) -> Result:
        """The inverse of `to_dict`."""
        known = ("value", "low", "high", "holdout", "p", "says", "why")
        own = {key: words[key] for key in known if key in words}
        return cls(**own, more={k: v for k, v in words.items() if k not in known})

    def having(self, **more: Any) -> Result:
        """With further numbers."""
        return replace(self, more={**self.more, **more})


def none(why: str) -> Result:
    """A test that could not be run."""
    return Result(None, why=why)
