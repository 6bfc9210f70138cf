"""The command line: parse, call one function, print.

TensorFlow is imported only by commands that need it.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from types import TracebackType
from typing import Any

from ..base import extras
from ..base.printing import Printable, covered, on_one_line, open_streams
from ..base.progress import reporting
from ..errors import Advice, GanvasError, MissingExtra
from . import (  # noqa: F401 - they add their commands
    balance,
    bench,
    config,
    defects,
    defects_life,
    doctor,
    evaluate,
    export,
    info,
    init,
    morph,
    patterns,
    prepare,
    pretrained,
    privacy,
    push,
    recipes,
    report,
    resume,
    runs,
    sample,
    serve,
    studio,
    train,
    tune,
)
from .app import GROUPS, STOPPED, app
from .hints import usage_sentence


def run_command(arguments: list[str]) -> int:
    """Run one command; errors are one line on standard error. Returns the exit code."""
    warnings.showwarning = _print_advice
    open_streams()
    try:
        with covered(), reporting(always=True):
            return _run(arguments)
    finally:
        sys.excepthook = _print_traceback  # Typer has set its own


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments
    try:
        arguments = [a for a in arguments if a != "--debug"]
        code = app(arguments, prog_name="ganvas", standalone_mode=False) or 0
        if code == STOPPED:
            return 130
        return _print_error("interrupted", 130) if code == 130 else code
    except GanvasError as error:
        if debug:
            raise
        return _print_error(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if debug:
            raise
        return _print_error(_explained(error, arguments), 2)
    except OSError as error:
        if debug:
            raise
        where = f" ({error.filename})" if error.filename else ""
        return _print_error(f"{error.strerror or error}{where}: fix that and try again", 2)
    except Exception as error:
        # Typer's usage errors: an unknown command or option, a missing argument.
        if debug:
            raise
        if not hasattr(error, "format_message"):
            return _print_error(_bug(error), 2)
        return _print_error(usage_sentence(error), 2)


def _explained(error: ModuleNotFoundError, arguments: list[str]) -> str:
    """The sentence about a package that is not installed."""
    known = [name for names in GROUPS.values() for name in names]
    name = next((word for word in arguments if word in known), "")
    try:
        extras.explain(error, f"ganvas {name}".rstrip())
    except MissingExtra as missing:
        return str(missing)
    return _bug(error)


def _bug(error: Exception) -> str:
    what = f"{type(error).__name__}: {str(error) or 'no message'}"
    return f"internal error (bug): {what}; please report it; --debug shows the traceback"


def _print_advice(
    message: Warning | str, category: type[Warning], *place: Any, **options: Any
) -> None:
    if issubclass(category, Advice):
        sys.stderr.write(f"note: {on_one_line(str(message))}\n")


def _print_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    Printable(sys.stderr).writelines(traceback.format_exception(kind, error, trace))


def _print_error(message: str, code: int) -> int:
    sys.stderr.write("error: " + " ".join(message.split()) + "\n")
    return code
