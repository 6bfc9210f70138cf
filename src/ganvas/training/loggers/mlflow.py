"""MLflow. Its own variables set server and experiment (MLFLOW_TRACKING_URI)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from ...base.logs import quiet
from .base import PROJECT, Logger

PARAMETERS, LONGEST = 100, 6000
"""Most parameters of one request, and characters of one: limits of MLflow."""
STATES = {"finished": "FINISHED", "interrupted": "KILLED"}
"""Any other status is FAILED."""


class MLflow(Logger):
    """Uses a client of its own: an active run of the caller's program is not changed."""

    def start(self, identifier: str) -> str:
        with quiet("alembic"), quiet("mlflow"):  # a new database tells of each of its tables
            self.client = MlflowClient()
            self.identifier = identifier or self._create()
            if identifier:
                self.client.update_run(identifier, status="RUNNING")
            known = self.client.get_run(self.identifier).data.params
        given = {key: str(value)[:LONGEST] for key, value in self.parameters.items()}
        new = [Param(key, value) for key, value in given.items() if key not in known]
        for first in range(0, len(new), PARAMETERS):
            self.client.log_batch(self.identifier, params=new[first : first + PARAMETERS])
        # A parameter cannot change in MLflow: its new value is a tag.
        changed = {key: value for key, value in given.items() if known.get(key, value) != value}
        self.client.log_batch(
            self.identifier,
            tags=[RunTag(f"changed.{key}", value) for key, value in changed.items()],
        )
        return self.identifier

    def _create(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
        found = self.client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self.client.create_experiment(name)
        title = self.run.folder.absolute().name
        created = self.client.create_run(experiment, run_name=title)
        return str(created.info.run_id)

    @property
    def place(self) -> str:
        return f"run {self.identifier} in {self.client.tracking_uri}"

    def values(self, step: int, kimg: float, values: Mapping[str, float]) -> None:
        now, axis = int(time.time() * 1000), self.axis(kimg)
        every = {"kimg": kimg, **values}.items()
        metrics = [Metric(tag, value, now, axis) for tag, value in every]
        self.client.log_batch(self.identifier, metrics=metrics)

    def grid(self, step: int, kimg: float, image: np.ndarray) -> None:
        self.client.log_image(self.identifier, image, key="samples", step=self.axis(kimg))

    def finding(self, step: int, kimg: float, text: str) -> None:
        self.client.log_text(self.identifier, text, "doctor.txt")

    def finish(self, status: str) -> None:
        self.client.set_terminated(self.identifier, STATES.get(status, "FAILED"))
