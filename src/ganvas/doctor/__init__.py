"""What ails a run, said from its log: signals, diseases, findings, cures. Needs no TensorFlow."""

from .cures import Cure, cures_of, next_cure
from .diagnosis import Finding, examine, examine_run, since_cure, well
from .diseases import DISEASES, PATTERNS, Disease, Pattern, Sign
from .sheet import as_json, paragraph, sheet, sick, verdict

__all__ = [
    "DISEASES", "PATTERNS", "Cure", "Disease", "Finding", "Pattern", "Sign",
    "as_json", "cures_of", "examine", "examine_run", "next_cure", "paragraph", "sheet", "sick",
    "since_cure", "verdict", "well",
]  # fmt: skip
