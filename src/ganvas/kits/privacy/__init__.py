"""The privacy kit: attacks a generator, reports the evidence, and offers remedies.

    from ganvas.kits import privacy
    results = privacy.audit("runs/faces", holdout="others/")
    privacy.write_report("runs/faces/privacy", results)

The names below are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .audit_report import plain as plain, table as table, write_report as write_report
    from .auditing import audit as audit
    from .mean_embedding import Bound as Bound, merf as merf
    from .remedies import (
        Delivery as Delivery,
        IdentitySplit as IdentitySplit,
        Rejecting as Rejecting,
        deliver as deliver,
        split as split,
    )
    from .result import AuditReport as AuditReport, Result as Result

_HOMES = {
    "auditing": ("audit",),
    "mean_embedding": ("Bound", "merf"),
    "remedies": ("Delivery", "IdentitySplit", "Rejecting", "deliver", "split"),
    "result": ("AuditReport", "Result"),
    "audit_report": ("plain", "table", "write_report"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)
