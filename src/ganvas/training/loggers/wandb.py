"""Weights & Biases. Its own variables set project, account and mode (WANDB_MODE=offline)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping

import numpy as np
import wandb

from .base import PROJECT, Logger

SERVICE = "WANDB_SERVICE"
"""The variable by which child processes find its service."""


class WeightsAndBiases(Logger):
    """Values over kimg. Its files are in the run folder."""

    def start(self, identifier: str) -> str:
        identifier = identifier or uuid.uuid4().hex[:12]
        service = os.environ.get(SERVICE)
        self.tracked = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            id=identifier,
            name=os.environ.get("WANDB_NAME") or self.run.folder.absolute().name,
            resume="allow",
            reinit="create_new",  # a run of the program that calls ganvas is not ended
            dir=str(self.run.folder),
            settings=wandb.Settings(console="off", silent=True),
        )
        if service is None:
            os.environ.pop(SERVICE, None)  # the environment is the caller's
        self.tracked.config.update(self.parameters, allow_val_change=True)
        self.tracked.define_metric("kimg")
        self.tracked.define_metric("*", step_metric="kimg")
        return identifier

    @property
    def place(self) -> str:
        if self.tracked.offline:
            return f"offline; `wandb sync {self.run.where}/wandb/offline-run-*` uploads it"
        return str(self.tracked.url or "")

    def values(self, step: int, kimg: float, values: Mapping[str, float]) -> None:
        self.tracked.log({"kimg": kimg, **values}, step=step)

    def grid(self, step: int, kimg: float, image: np.ndarray) -> None:
        self.tracked.log({"kimg": kimg, "images/samples": wandb.Image(image)}, step=step)

    def finding(self, step: int, kimg: float, text: str) -> None:
        self.tracked.summary["doctor"] = text

    def finish(self, status: str) -> None:
        self.tracked.summary["status"] = status
        self.tracked.finish(exit_code=0 if status in ("finished", "interrupted") else 1)
