"""What all commands share: the options -q and -v, before or after the name, and the check that the
packages are installed that a command needs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from ..base import extras
from ..base.messages import log
from ..base.progress import current


def _quiet(value: bool) -> None:
    if value and (reporter := current()):
        reporter.quiet = True


def _verbose(value: bool) -> None:
    if value:
        log.setLevel(logging.INFO)


@cache
def options() -> list[Any]:
    """The two options, as typer makes them. Their callbacks do the work."""
    dummy = typer.Typer(add_completion=False)

    @dummy.command()
    def _(
        quiet: Annotated[
            bool,
            typer.Option(
                "--quiet", "-q", callback=_quiet, expose_value=False, is_eager=True,
                help="No header and no progress; notes and errors stay.",
            ),
        ] = False,
        verbose: Annotated[
            bool,
            typer.Option(
                "--verbose", "-v", callback=_verbose, expose_value=False, is_eager=True,
                help="Also the duration of each stage.",
            ),
        ] = False,
    ) -> None: ...  # fmt: skip

    return list(typer.main.get_command(dummy).params)


class Command(TyperCommand):
    """A command with the options."""

    extras: ClassVar[tuple[str, ...]] = ()
    """It needs these; without them its help works."""

    def invoke(self, ctx: Any) -> Any:
        for extra in self.extras:
            extras.check(extra, ctx.command_path)
        return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        own = super().get_params(ctx)
        return [*own[:-1], *options(), *own[-1:]]  # the last one is --help


class Training(Command):
    """A command that always needs TensorFlow, or what comes with it."""

    extras: ClassVar[tuple[str, ...]] = ("train",)


class Group(TyperGroup):
    """A group of commands with the options."""

    def get_params(self, ctx: Any) -> list[Any]:
        own = super().get_params(ctx)
        return [*own[:-1], *options(), *own[-1:]]


class App(typer.Typer):
    """An application whose commands are of the class `kind`."""

    kind: type[Command] = Command

    def command(self, *names: Any, **values: Any) -> Callable[[Any], Any]:
        return super().command(*names, **{"cls": self.kind, **values})
