"""Searching over a recipe: which of its values suit these images (Optuna)."""

from .search import tune

__all__ = ["tune"]
