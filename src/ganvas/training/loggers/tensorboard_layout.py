"""What TensorBoard shows beyond single values: charts of several lines, and the table of HParams.

Its plugins read these from summaries of their own form. Each function writes to the default writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorboard.plugins.custom_scalar import layout_pb2, summary as custom_scalar
from tensorboard.plugins.hparams import api_pb2, summary as hparams_summary, summary_v2 as hparams

from .tags import FLOOR

SCORES = ("kid", "frechet", "near_copies")
"""Those that are measured during a training."""

CHARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "Training": {
        "Losses": ("losses/generator", "losses/discriminator"),
        "Logits: real and fake": ("logits/real", "logits/fake"),
    },
    "Scores, with the floor of real images": {
        "KID, lower is better": ("scores/kid", f"scores/kid{FLOOR}"),
        "Frechet distance, lower is better": ("scores/frechet", f"scores/frechet{FLOOR}"),
    },
    "Health": {
        "Distance to the real images, 0 is equal": (
            "signals/lite0/distance",
            "signals/distance",
        ),
        "Diversity, 1 is as real images": ("signals/lite0/diversity", "signals/diversity"),
        "How often real is ranked above fake, 0.5 is chance": ("signals/separation",),
        "Penalties": ("penalties/.*",),
    },
}
"""Category -> chart -> patterns of tags. A chart of tags that a run does not log stays empty."""


def write_charts() -> None:
    """The charts of the tab Custom Scalars."""
    categories = [
        layout_pb2.Category(
            title=title,
            chart=[
                layout_pb2.Chart(
                    title=name,
                    multiline=layout_pb2.MultilineChartContent(tag=[f"^{tag}$" for tag in tags]),
                )
                for name, tags in charts.items()
            ],
        )
        for title, charts in CHARTS.items()
    ]
    _write(custom_scalar.pb(layout_pb2.Layout(category=categories)))


def write_parameters(values: Mapping[str, Any]) -> None:
    """A row of the table of HParams: keys of the recipe, and scores as its metrics."""
    metrics = [hparams.Metric(f"scores/{name}", display_name=name) for name in SCORES]
    _write(hparams.hparams_config_pb([hparams.HParam(key) for key in values], metrics))
    _write(hparams.hparams_pb(dict(values)))


def write_end(status: str) -> None:
    """The state of the row."""
    state = api_pb2.STATUS_SUCCESS if status == "finished" else api_pb2.STATUS_FAILURE
    _write(hparams_summary.session_end_pb(state))


def _write(summary: Any) -> None:
    tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=0)
