"""What ails a run, said from its log: signals, diseases, findings, cures. Needs no TensorFlow."""

from .cures import Cure, cures_of
from .diagnosis import Finding, ailing, examine, examine_run, since_cure
from .diseases import DISEASES, PATTERNS, Disease, Pattern, Sign
from .sheet import as_json, paragraph, sheet, sick, verdict

__all__ = [
    "DISEASES", "PATTERNS", "Cure", "Disease", "Finding", "Pattern", "Sign",
    "ailing", "as_json", "cures_of", "examine", "examine_run", "paragraph", "sheet", "sick",
    "since_cure", "verdict",
]  # fmt: skip
