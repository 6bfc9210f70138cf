"""Searching over a recipe: which of its values suit these images (Optuna)."""

from ..errors import UsageError

try:
    from .search import tune
except ModuleNotFoundError as error:
    if error.name != "optuna":
        raise
    raise UsageError("optuna is not installed: pip install 'ganvas[tune]'") from error

__all__ = ["tune"]
