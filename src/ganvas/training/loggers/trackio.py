"""Trackio, local first. Its own variables set folder, Space and server (TRACKIO_DIR)."""

from __future__ import annotations

import contextlib
import contextvars
import io
import os
import uuid
from collections.abc import Mapping

import numpy as np
import trackio

from .base import PROJECT, Logger


class Trackio(Logger):
    """Values over kimg, in its database."""

    def start(self, identifier: str) -> str:
        # Trackio finds a run by its name: one of another folder may have the same.
        name = identifier or f"{self.run.folder.absolute().name}-{uuid.uuid4().hex[:6]}"
        self.project = os.environ.get("TRACKIO_PROJECT") or PROJECT
        # In a context of its own, so that a run of the caller's program is not ended.
        with contextlib.redirect_stdout(io.StringIO()):
            self.tracked = contextvars.Context().run(
                trackio.init,
                project=self.project,
                name=name,
                config=self.parameters,
                resume="allow",
                embed=False,
                auto_log_cpu=False,
                auto_log_gpu=False,
            )
        return name

    @property
    def place(self) -> str:
        return f"project {self.project}; `trackio show --project {self.project}` shows it"

    def values(self, step: int, kimg: float, values: Mapping[str, float]) -> None:
        self.tracked.log({"kimg": kimg, **values}, step=self.axis(kimg))

    def grid(self, step: int, kimg: float, image: np.ndarray) -> None:
        rgb = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
        self.tracked.log({"images/samples": trackio.Image(rgb)}, step=self.axis(kimg))

    def finding(self, step: int, kimg: float, text: str) -> None:
        self.tracked.log({"doctor": trackio.Markdown(text)}, step=self.axis(kimg))

    def finish(self, status: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self.tracked.finish()
