"""What can go wrong, as a tree. Each message is one sentence in three parts:
what was received, what is accepted, what to do.

    GanvasError
    ├── UsageError          wrong words: an unknown option, recipe, part or key        exit 2
    │   ├── ConfigError     a recipe or an override that cannot be run
    │   ├── DataError       images that cannot be read or cannot be trained on
    │   ├── RunError        a run folder that is missing, in use or cannot go on
    │   │   └── WorkerGone  one of several workers died; the run goes on from its last tick
    │   └── ModelError      an exported model that is missing, damaged or was tampered with
    ├── Refused             what was asked for is not good enough                      exit 1
    └── Diverged            training met a non-finite number and stopped               exit 3
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanvasError(Exception):
    """Anything ganvas says no to; the command line prints it as one line."""

    exit_code = 1


class UsageError(GanvasError):
    """What was asked for cannot be done as it stands; nothing was written."""

    exit_code = 2


class ConfigError(UsageError):
    """A recipe, key, value or part that is not accepted."""


class DataError(UsageError):
    """Images that cannot be read, or that no GAN can be trained on."""


class RunError(UsageError):
    """A run folder that is missing, in use by another process, or cannot go on."""


class WorkerGone(RunError):
    """One of several workers is gone; nothing but the tick is lost."""


class ModelError(UsageError):
    """An exported model that is missing, damaged or not what was exported."""


class Refused(GanvasError):
    """What was asked for is not good enough, by the recipe's own bounds; nothing was written."""


class Diverged(GanvasError):
    """A loss or weight is no longer finite; the last good state is kept."""

    exit_code = 3


class Advice(UserWarning):
    """Not an error, but worth a word: a recipe that the literature shows to fail, a file that is
    not good enough to be published."""


def no_such(kind: str, word: str, known: Iterable[str]) -> str:
    """The sentence for an unknown word, with the nearest known one first."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"no {kind} '{word}': {hint}there is {', '.join(known)}"
