"""Diagnosis of a run from its log: signals, failures, findings, fixes. Needs no TensorFlow."""

from .diagnosis import Diagnosis, Finding, diagnose, examine, examine_run, healthy, since_fix
from .failures import FAILURES, PATTERNS, Failure, Pattern, Sign
from .fixes import Fix, fixes_of, next_fix
from .health_report import health_report, paragraph, reached, verdict
from .progress import LOOK_BACK, Progress, progress_of

__all__ = [
    "FAILURES", "LOOK_BACK", "PATTERNS", "Diagnosis", "Failure", "Finding", "Fix", "Pattern",
    "Progress", "Sign", "diagnose", "examine", "examine_run", "fixes_of", "health_report",
    "healthy", "next_fix", "paragraph", "progress_of", "reached", "since_fix", "verdict",
]  # fmt: skip
