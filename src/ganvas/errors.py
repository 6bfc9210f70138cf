"""The tree of exceptions. Each message is one sentence in three parts:
what was received, what is accepted, what to do.

    GanvasError
    ├── UsageError          a request that cannot be done: an unknown option, recipe, key   exit 2
    │   ├── ConfigError     a recipe or an override that cannot be run
    │   ├── DataError       images that cannot be read or cannot be trained on
    │   ├── RunError        a run folder that is missing, in use or cannot be resumed
    │   │   └── WorkerGone  one of several workers died; the run resumes from its last tick
    │   ├── ModelError      an exported model that is missing, damaged or changed
    │   └── MissingExtra    packages that are not installed, also an ImportError
    ├── Refused             the result does not satisfy the recipe's bounds                 exit 1
    └── Diverged            a number became NaN or infinite, and training stopped           exit 3
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanvasError(Exception):
    """Base class of all errors of ganvas; the command line prints it as one line."""

    exit_code = 1


class UsageError(GanvasError):
    """The request cannot be done as it is; nothing was written."""

    exit_code = 2


class ConfigError(UsageError):
    """A recipe, key, value or part that is not accepted."""


class DataError(UsageError):
    """Images that cannot be read, or that no GAN can be trained on."""


class RunError(UsageError):
    """A run folder that is missing, in use by another process, or cannot be resumed."""


class WorkerGone(RunError):
    """One of several workers has ended; only the current tick is lost."""


class ModelError(UsageError):
    """An exported model that is missing, damaged or changed since the export."""


class MissingExtra(UsageError, ImportError):
    """A package is not installed; an extra of ganvas adds it. `base.extras` makes the sentence."""


class Refused(GanvasError):
    """The result does not satisfy the recipe's own bounds; nothing was written."""


class Diverged(GanvasError):
    """A loss or weight is no longer finite; the last good state is kept."""

    exit_code = 3


class Advice(UserWarning):
    """A warning: a recipe that fails according to the literature, or a file that is not good
    enough to be published."""


def no_such(kind: str, name: str, known: Iterable[str]) -> str:
    """The message for an unknown name; it suggests the nearest known one."""
    known = sorted(known)
    # A number that resembles another one is no hint.
    near = [] if name.isdecimal() else difflib.get_close_matches(name, known, n=1)
    hint = f": did you mean '{near[0]}'? Accepted: " if near else "; accepted: "
    return f"unknown {kind} '{name}'{hint}{', '.join(known)}"
