"""A recipe: every value of a run, read from TOML, checked, written out again."""

from .ranges import Range
from .recipe import (
    Changed,
    Config,
    Part,
    load_recipe,
    parse,
    parse_set,
    recipe_header,
    recipe_names,
    recipe_text,
)
from .sections import Data, Export, Gate, Scores, Train, Watch

__all__ = [
    "Changed", "Config", "Data", "Export", "Gate", "Part", "Range", "Scores", "Train", "Watch",
    "load_recipe", "parse", "parse_set", "recipe_header", "recipe_names", "recipe_text",
]  # fmt: skip
