"""Diagnosis of a run from its log: signals, failures, findings, fixes. Needs no TensorFlow."""

from .diagnosis import LOOK_BACK, Diagnosis, Finding, examine, examine_run, healthy, since_fix
from .failures import FAILURES, PATTERNS, Failure, Pattern, Sign
from .fixes import Fix, fixes_of, next_fix
from .health_report import failing, health_report, paragraph, verdict

__all__ = [
    "FAILURES", "LOOK_BACK", "PATTERNS", "Diagnosis", "Failure", "Finding", "Fix", "Pattern",
    "Sign", "examine", "examine_run", "failing", "fixes_of", "health_report", "healthy", "next_fix",
    "paragraph", "since_fix", "verdict",
]  # fmt: skip
