"""What a notebook shows while work is done: text that is drawn again, and the last picture."""

from __future__ import annotations

import contextvars
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from .display import Display

if TYPE_CHECKING:
    from .stages import Stage

WIDTH = 88
"""Columns."""
_FORMAT = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:1.3;'
    "font-family:Menlo,Consolas,'DejaVu Sans Mono',monospace\">{code}</pre>"
)


class NotebookDisplay(Display):
    """Draws lines and stages as one output of the cell, text that is replaced at each drawing.

    Nothing is written to standard error, which notebooks show on a red ground.
    """

    def __init__(self) -> None:
        self.kept: list[RenderableType] = []
        self.stages: Sequence[Stage] = ()
        self.live = None
        self.console = Console(file=io.StringIO(), record=True, width=WIDTH, highlight=False,
                               force_terminal=True, force_jupyter=False)  # fmt: skip
        self._outputs: dict[str, tuple[Any, Any]] = {}
        # Drawings by a timer belong to the cell in which the work was started.
        self._context = contextvars.copy_context()

    def show(self, stages: Sequence[Stage]) -> None:
        self.stages = stages
        self.refresh()

    def refresh(self) -> None:
        self.console.print(Group(*self.kept, self.draw()))
        text = self.console.export_text(clear=False)
        html = self.console.export_html(inline_styles=True, code_format=_FORMAT)
        if text.strip():
            self._output("text", text, html)
        for stage in self.stages:
            self._picture(stage)

    def keep(self, stage: Stage) -> None:
        self.kept.append(self.lines(stage))
        self.refresh()
        self._picture(stage)

    def write(self, text: str, style: str = "") -> None:
        self.kept.append(Text(text, style, overflow="fold"))
        self.refresh()

    def _picture(self, stage: Stage) -> None:
        """Show the picture of a stage, if it has one that is not shown yet."""
        name, html = stage.picture()
        if name:
            self._output("picture", name, html)

    def _output(self, name: str, text: str, html: str) -> None:
        """Show this, in place of what the output of this name shows."""
        from IPython.display import display

        shown, handle = self._outputs.get(name, (None, None))
        if shown == text:
            return
        data = {"text/plain": text, "text/html": html}
        known = {"display_id": handle.display_id if handle else True, "update": bool(handle)}
        made = self._context.copy().run(display, data, raw=True, **known)
        self._outputs[name] = text, handle or made
