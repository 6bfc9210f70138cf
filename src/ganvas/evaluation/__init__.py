"""Scores that can be trusted: with intervals, with floors, against copies."""

from .base import Comparison, Sample, Score
from .evaluate import evaluate
from .features import Extractor, choose, extractor
from .report import comparison_table, scores_table, write_report
from .scores import SCORES, score

__all__ = [
    "SCORES", "Comparison", "Extractor", "Sample", "Score", "choose", "comparison_table",
    "evaluate", "extractor", "score", "scores_table", "write_report",
]  # fmt: skip
