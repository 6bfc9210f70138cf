"""Each tracker, in its offline mode: what arrives there is what log.jsonl says.

Needs `pip install "ganvas[wandb,mlflow,trackio]"`; a tracker that is not installed is skipped.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

import ganvas
from ganvas import images
from ganvas.storage.run import Run
from ganvas.training.loggers.several import FILE
from ganvas.training.loggers.tags import tag, values

pytestmark = [
    pytest.mark.proof,
    pytest.mark.filterwarnings("default"),  # the trackers' own
]
SMALL = {
    "train.kimg": 0.512, "train.tick_kimg": 0.128, "scores.times": 2, "scores.images": 100,
    "scores.real": 100, "data.clusters": 0, "watch.signals": True,
}  # fmt: skip
BLOCK = 32768


def records(file: Path):
    """The records of a .wandb file: those of a LevelDB log, each one a message."""
    content, at, message = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", content[at : at + 7])
        message += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # the whole record, or its last part
            yield message
            message = b""


def of_wandb(run: Run, identifier: str) -> tuple[dict, dict, list]:
    """Values by step, parameters, and grids, that Weights & Biases holds of a run."""
    from wandb.proto import wandb_internal_pb2 as messages

    found, parameters, grids = {}, {}, []
    files = sorted((run.folder / "wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 2, "one for each session"
    for file in files:
        for content in records(file):
            record = messages.Record.FromString(content)
            if record.WhichOneof("record_type") == "run":
                assert record.run.run_id == identifier and record.run.project == "ganvas"
                for one in record.run.config.update:
                    parameters[one.key or ".".join(one.nested_key)] = json.loads(one.value_json)
            for one in record.config.update:
                parameters[one.key or ".".join(one.nested_key)] = json.loads(one.value_json)
            items = {
                tuple(item.nested_key) or (item.key,): json.loads(item.value_json)
                for item in record.history.item
            }
            if path := items.get(("images/samples", "path")):
                grids.append(images.read(file.parent / "files" / path))
            numbers = {"/".join(k): v for k, v in items.items() if k[0][0] != "_" and len(k) == 1}
            if numbers.pop("kimg", None) is not None:
                found.setdefault(record.history.step.num, {}).update(numbers)
    return {step: row for step, row in found.items() if row}, parameters, grids


def of_mlflow(run: Run, identifier: str) -> tuple[dict, dict, list]:
    from mlflow import MlflowClient

    client = MlflowClient()
    tracked = client.get_run(identifier)
    assert tracked.info.status == "FINISHED" and tracked.info.run_name == run.folder.name
    found: dict = {}
    for name in tracked.data.metrics:
        for one in client.get_metric_history(identifier, name):
            found.setdefault(one.step, {})[name] = one.value
    kimg = {one.pop("kimg"): one for one in found.values()}
    pictures = [f.path for f in client.list_artifacts(identifier, "images") if "png" in f.path]
    grids = [images.read(Path(client.download_artifacts(identifier, path))) for path in pictures]
    return kimg, tracked.data.params, grids


def of_trackio(run: Run, identifier: str) -> tuple[dict, dict, list]:
    from trackio.sqlite_storage import SQLiteStorage
    from trackio.utils import MEDIA_DIR

    assert SQLiteStorage.get_runs("ganvas").count(identifier) == 1
    found, grids = {}, []
    for row in SQLiteStorage.get_logs("ganvas", identifier):
        if picture := row.pop("images/samples", None):
            grids.append(images.read(MEDIA_DIR / picture["file_path"]))
        numbers = {k: v for k, v in row.items() if k not in ("timestamp", "step", "doctor")}
        if numbers:
            found[numbers.pop("kimg")] = numbers
    return found, SQLiteStorage.get_run_config("ganvas", identifier) or {}, grids


READERS = {"wandb": of_wandb, "mlflow": of_mlflow, "trackio": of_trackio}


@pytest.mark.parametrize("name", READERS)
def test_what_arrives_is_what_the_log_says(name, grey, few_steps, tmp_path, monkeypatch):
    pytest.importorskip(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.chdir(tmp_path)
    own = {**few_steps, **SMALL, "watch.loggers": [name, "csv"]}
    own.pop("watch.tensorboard")
    run = ganvas.train(
        grey, "quick", run=tmp_path / "bars", overrides=own, progress=False,
        each_tick=lambda run: len(run.rows()) == 2,
    )  # fmt: skip
    assert run.status() == "interrupted"
    begun = run.read_json(FILE)[name]["id"]
    run = ganvas.resume(run, data=grey, progress=False)
    known = run.read_json(FILE)[name]
    assert known["id"] == begun, "the same tracked run"

    rows = run.rows()
    assert known["step"] == rows[-1]["step"] and len(rows) == 4
    floors = run.best.get("floor") or {}
    axis = "step" if name == "wandb" else "kimg"
    expected = {row[axis]: {tag(k): v for k, v in values(row, floors).items()} for row in rows}
    got, parameters, grids = READERS[name](run, begun)
    assert got.keys() == expected.keys()
    for step, row in expected.items():
        assert got[step] == pytest.approx(row, rel=1e-12), step
    assert any("scores/kid" in row for row in got.values())
    assert str(parameters["train.batch"]) == "8" and parameters["recipe"] == "quick"
    written = [images.read(file) for file in sorted((run.folder / "samples").glob("0*.png"))]
    assert len(grids) >= len(written)
    for picture in written:
        assert any(one.shape[:2] == picture.shape[:2] for one in grids)
        assert any((one[..., :1] == picture[..., :1]).all() for one in grids)
