"""The live region on a terminal, by rich: a line for each open stage, or what a stage draws."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from .printing import cover

if TYPE_CHECKING:
    from .stages import Stage

BAR = 8
"""Fewest columns of a bar."""


class Display:
    """Draws stages on a terminal. Control characters within their text are escaped before."""

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, highlight=False, soft_wrap=False)
        self.stages: Sequence[Stage] = ()
        self.live: Live | None = None

    def show(self, stages: Sequence[Stage]) -> None:
        """Draw these stages from now on; without any, the region is removed."""
        self.stages = stages
        if stages and self.live is None:
            self.live = Live(
                get_renderable=self.draw, console=self.console, auto_refresh=False, transient=True,
                redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            )  # fmt: skip
            self.live.start()
            cover()  # rich has replaced the streams; `stop` puts them back
        elif not stages and self.live is not None:
            self.live.stop()
            self.live = None
        self.refresh()

    def refresh(self) -> None:
        # Rich asks standard input, output and error, which may be files.
        with contextlib.suppress(OSError, ValueError):
            size = os.get_terminal_size(self.console.file.fileno())
            if size.columns and size.lines:
                self.console.size = ConsoleDimensions(*size)
        if self.live:
            self.live.refresh()

    def draw(self) -> RenderableType:
        return Group(*(self.lines(stage) for stage in self.stages))

    def lines(self, stage: Stage) -> RenderableType:
        """What a stage draws itself, or its line."""
        own: Any = getattr(stage, "draw", None)
        width = self.console.width
        return own(width) if own else line(stage, width)

    def keep(self, stage: Stage) -> None:
        """Write the last drawing of a stage."""
        self.console.print(self.lines(stage))

    def write(self, text: str, style: str = "") -> None:
        """Write a line above the region."""
        self.console.print(Text(text, style, overflow="fold"))


def line(stage: Stage, width: int) -> RenderableType:
    """Name, bar, count and times in one line of the terminal."""
    before, after = stage.name, " ".join(filter(None, (stage.count(), stage.times())))
    text = Text(f"{before}  {after}", no_wrap=True, overflow="ellipsis")
    text.stylize("bold", 0, len(before))
    return text if not stage.total else beside(before, stage.share, after, width)


def beside(before: str, share: float, after: str, width: int) -> RenderableType:
    """Text, a bar as wide as there is room, text: in one line. Without room there is no bar."""
    from rich.table import Table

    first, last = Text(before, "bold", no_wrap=True), Text(after, no_wrap=True, overflow="ellipsis")
    room = width - first.cell_len - last.cell_len - 4
    if room < BAR:
        return Text("  ", no_wrap=True, overflow="ellipsis").join(t for t in (first, last) if t)
    row = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    cells: list[RenderableType] = [first] if before else []
    cells += [ProgressBar(total=1.0, completed=share, width=min(room, 60)), last]
    row.add_row(*cells)
    return row
