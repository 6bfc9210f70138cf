"""The privacy kit: attacks a generator, reports the evidence, and offers remedies.

    from ganvas.kits import privacy
    results = privacy.audit("runs/faces", holdout="others/")
    privacy.write_report("runs/faces/privacy", results)

The names below are imported when first used.
"""

from __future__ import annotations

from ...base.lazy import fetch as _fetch

_HOMES = {
    "auditing": ("audit",),
    "mean_embedding": ("merf",),
    "remedies": ("Rejecting", "deliver", "split"),
    "audit_report": ("plain", "table", "write_report"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    return _fetch(__name__, _HOMES, name)
