"""What each logger receives of a run; the trackers are played by modules that write down calls."""

from __future__ import annotations

import csv
import importlib.machinery
import json
import logging
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from ganvas import images
from ganvas.config import Config, parse
from ganvas.config.plan import Plan
from ganvas.errors import ConfigError, MissingExtra
from ganvas.evaluation.scores import SCORES
from ganvas.storage.run import Run
from ganvas.training import loggers
from ganvas.training.choosing import check_changes
from ganvas.training.loggers import tensorboard, tensorboard_layout
from ganvas.training.loggers.several import Loggers
from ganvas.training.loggers.tags import meaning, tag, values
from refusals import refuses

ROWS = [
    {"step": 10, "kimg": 2.0, "seconds": 1.0, "generator": 0.5, "real": 1.25, "penalty/r1": 0.125},
    {"step": 20, "kimg": 4.0, "seconds": 2.0, "generator": 0.25, "real": 1.5, "score/kid": 18.0},
    {"step": 20, "kimg": 4.0, "seconds": 2.0, "disease": "oscillation", "cure": ["train.kimg=1"]},
    {"step": 30, "kimg": 6.0, "seconds": 3.0, "generator": 0.125, "real": 1.75},
]
SENT = {
    2: {"losses/generator": 0.5, "logits/real": 1.25, "penalties/r1": 0.125},
    4: {"losses/generator": 0.25, "logits/real": 1.5, "scores/kid": 18.0, "scores/kid_floor": 6.0},
    6: {"losses/generator": 0.125, "logits/real": 1.75},
}
"""What arrives of them, by kimg."""
GRID = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


class Fake:
    """What a tracker received: values by kimg, the number of images, parameters, identifiers."""

    def __init__(self):
        self.values: dict[int, dict] = {}
        self.pictures = self.ended = 0
        self.parameters: dict = {}
        self.runs: list[str] = []
        self.doctor = ""
        self.broken = False

    def log(self, content, step=None, kimg=None):
        if self.broken:
            raise ConnectionError("the server is gone\nand more")
        content = dict(content)
        kimg = content.pop("kimg", kimg)
        for name, value in content.items():
            if isinstance(value, np.ndarray):
                self.pictures += 1
            elif isinstance(value, str) and not name.startswith("tag"):
                self.doctor = value
            else:
                self.values.setdefault(kimg, {})[name] = value

    def finish(self, *_, **__):
        self.ended += 1


def wandb_of(fake):
    def init(*, id, resume, **_):
        assert resume == "allow"
        fake.runs.append(id)
        return SimpleNamespace(
            config=SimpleNamespace(update=lambda new, **_: fake.parameters.update(new)),
            define_metric=lambda *_, **__: None, log=fake.log, finish=fake.finish,
            summary=Summary(fake), offline=True, url=None,
        )  # fmt: skip

    return {"wandb": {"init": init, "Settings": dict, "Image": np.asarray}}


class Summary(dict):
    def __init__(self, fake):
        super().__init__()
        self.fake = fake

    def __setitem__(self, name, value):
        if name == "doctor":
            self.fake.doctor = value


def mlflow_of(fake):
    class Client:
        tracking_uri = "sqlite:///mlflow.db"

        def get_experiment_by_name(self, name):
            return None

        def create_experiment(self, name):
            return name

        def create_run(self, experiment, run_name):
            return SimpleNamespace(info=SimpleNamespace(run_id="m1"))

        def update_run(self, run, status):
            assert (run, status) == ("m1", "RUNNING")

        def get_run(self, run):
            fake.runs.append(run)
            return SimpleNamespace(data=SimpleNamespace(params=dict(fake.parameters)))

        def log_batch(self, run, metrics=(), params=(), tags=()):
            assert len(params) <= 100
            fake.parameters |= dict(params)
            fake.log({f"tag {key}": value for key, value in tags})
            for key, value, _, step in metrics:
                fake.log({} if key == "kimg" else {key: value}, kimg=step)

        def log_image(self, run, image, key, step):
            fake.log({key: image})

        def log_text(self, run, text, file):
            fake.log({file: text})

        def set_terminated(self, run, status):
            fake.finish()

    row = lambda *parts: parts  # noqa: E731
    return {
        "mlflow": {"MlflowClient": Client},
        "mlflow.entities": {"Metric": row, "Param": row, "RunTag": row},
    }


def trackio_of(fake):
    def init(*, name, config, resume, **_):
        assert resume == "allow"
        fake.runs.append(name)
        fake.parameters |= config
        return SimpleNamespace(log=fake.log, finish=fake.finish)

    return {"trackio": {"init": init, "Image": np.asarray, "Markdown": str}}


MODULES = {"wandb": wandb_of, "mlflow": mlflow_of, "trackio": trackio_of}


@pytest.fixture(params=MODULES)
def tracker(request, monkeypatch):
    """The name of a tracker, and what it receives."""
    fake = Fake()
    for name, content in MODULES[request.param](fake).items():
        module = ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, origin="fake")
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, f"ganvas.training.loggers.{request.param}", raising=False)
    yield request.param, fake
    sys.modules.pop(f"ganvas.training.loggers.{request.param}", None)


def made_run(folder, *names, rows=ROWS) -> tuple[Run, Plan, Config]:
    config = parse({"watch": {"loggers": list(names)}, "train": {"tick_kimg": 2, "batch": 200}})
    run = Run.create(folder / "flowers", "", config)
    run.write_json("best.json", {"by": "kid", "kid": 18.0, "step": 20, "kimg": 4.0,
                                 "model": "best-000004.keras", "floor": {"kid": 6.0}})  # fmt: skip
    for row in rows:
        run.log(row)
    return run, Plan.of(config.train, config.watch, reads_real=False), config


# --- trackers ----------------------------------------------------------------------------------


def test_what_a_tracker_receives(tracker, tmp_path):
    name, fake = tracker
    run, plan, config = made_run(tmp_path, name)
    several = Loggers(run, plan, config)
    several.start()
    several.grid(30, GRID)
    several.finding(30, "mode_collapse")
    several.finish("finished")
    assert fake.values == SENT
    assert fake.pictures == 1 and fake.ended == 1 and fake.doctor == "mode_collapse"
    assert str(fake.parameters["train.batch"]) == "200"
    assert fake.parameters["loss"] == "nonsaturating"


def test_a_resumed_run_goes_on_in_the_same_place(tracker, tmp_path):
    name, fake = tracker
    run, plan, config = made_run(tmp_path, name, rows=ROWS[:2])
    first = Loggers(run, plan, config)
    first.start()
    first.finish("interrupted")
    assert len(fake.values) == 2
    fake.values.clear()
    run.log(ROWS[3])
    second = Loggers(run, plan, config.with_values({"train.kimg": 1234.0}))
    second.start()
    changed = fake.values.pop(None, {}) or fake.parameters  # MLflow's parameters cannot change
    assert "1234.0" in map(str, changed.values())
    assert fake.values == {6: SENT[6]}, "a line is sent once"
    assert len(fake.runs) == 2 and len(set(fake.runs)) == 1


def test_a_tracker_that_fails_does_not_end_the_training(tracker, tmp_path, caplog):
    name, fake = tracker
    run, plan, config = made_run(tmp_path, name, "csv", rows=ROWS[:2])
    several = Loggers(run, plan, config)
    several.start()
    fake.broken = True
    with caplog.at_level(logging.WARNING, "ganvas"):
        for row in (ROWS[3], ROWS[3] | {"step": 40, "kimg": 8.0}):
            run.log(row)
            several.row(row)
            several.grid(row["step"], GRID)
        several.finish("finished")
    assert len(caplog.messages) == 1, "it is said once"
    assert name in caplog.text and "the server is gone)" in caplog.text
    assert len((run.folder / "log.csv").read_text().splitlines()) == 1 + 4

    fake.broken = False
    Loggers(run, plan, config).start()
    assert set(fake.values) - {None} == {2, 4, 6, 8}, "what was missing is sent later"


def test_a_tracker_that_cannot_start(tracker, tmp_path, caplog, monkeypatch):
    name, _ = tracker
    for attribute in ("init", "MlflowClient"):
        monkeypatch.delattr(sys.modules[name], attribute, raising=False)
    run, plan, config = made_run(tmp_path, name, "csv")
    with caplog.at_level(logging.WARNING, "ganvas"):
        several = Loggers(run, plan, config)
        several.start()
    assert len(caplog.messages) == 1 and list(several.active) == ["csv"]


def test_the_secret_of_a_private_run_is_not_sent(tmp_path):
    private = Config().with_values({"privacy.noise": 1.0, "privacy.key": 271828, "scores.times": 0})
    logger = loggers.logger_type("csv")(Run(tmp_path), private, 1)
    assert logger.parameters["privacy.noise"] == 1.0
    assert "271828" not in str(logger.parameters) + logger.config.toml()


# --- the recipe --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watch", "names"),
    [
        ({}, ["tensorboard"]),
        ({"loggers": []}, []),
        ({"loggers": "csv, tensorboard"}, ["csv", "tensorboard"]),
        ({"tensorboard": False}, []),
        ({"tensorboard": True}, ["tensorboard"]),
        ({"tensorboard": False, "loggers": ["tensorboard", "csv"]}, ["csv"]),
    ],
)
def test_loggers_of_a_recipe(watch, names):
    assert list(parse({"watch": watch}).watch.loggers) == names


def test_the_key_of_older_versions_can_still_be_set():
    config = Config().with_values({"watch.loggers": ["tensorboard", "csv"]})
    assert config.with_values({"watch.tensorboard": False}).watch.loggers == ["csv"]


def test_what_is_no_logger():
    with refuses(ConfigError, "watch.loggers", "swan"):
        parse({"watch": {"loggers": ["swan"]}})
    with refuses(ConfigError, "tensorboard", "perhaps"):
        parse({"watch": {"tensorboard": "perhaps"}})


@pytest.mark.parametrize("name", MODULES)
def test_an_extra_that_is_missing(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with refuses(MissingExtra, name, f"pip install 'ganvas[{name}]'"):
        loggers.check(["csv", name])
    run, *_ = made_run(tmp_path)
    with pytest.raises(MissingExtra):
        check_changes(run, {"watch.loggers": [name]})


def test_a_folder_that_a_tracker_left_is_not_the_tracker(tmp_path, monkeypatch):
    (tmp_path / "no_such_tracker").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not loggers._installed("no_such_tracker")
    assert loggers._installed("json")


def test_it_is_missed_before_tensorflow_is_loaded(tmp_path):
    script = (
        "import sys; sys.modules['wandb'] = None\n"
        "from ganvas.__main__ import main\n"
        "code = main(['train', 'mnist', '--set', 'watch.loggers=wandb'])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1 and "pip install 'ganvas[wandb]'" in done.stderr


# --- csv, tensorboard --------------------------------------------------------------------------


def test_log_csv_holds_the_log(tmp_path):
    run, plan, config = made_run(tmp_path, "csv")
    Loggers(run, plan, config).start()
    with (run.folder / "log.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(ROWS)
    for cells, row in zip(table, ROWS, strict=True):
        told = {name: cell for name, cell in cells.items() if cell}
        assert told.keys() == row.keys()
        assert all(float(told[k]) == v for k, v in row.items() if isinstance(v, (int, float)))


@pytest.fixture
def events(tmp_path):
    """TensorBoard's reading of a run."""
    run, plan, config = made_run(tmp_path, "tensorboard")
    images.write_png(run.folder / "samples" / "reals.png", GRID)
    several = Loggers(run, plan, config)
    several.start()
    several.grid(30, GRID)
    several.finding(30, "mode_collapse since 4 kimg")
    several.histogram(30, "logits/distribution/real", [0.0, 1.0])
    several.finish("finished")
    found = EventAccumulator(str(run.folder / "events"))
    found.Reload()
    return found


def test_what_tensorboard_shows(events):
    got: dict[int, dict] = {}
    shown = events.PluginTagToContent("scalars")
    for name in shown:
        for event in events.Tensors(name):
            value = float(tensor_util.make_ndarray(event.tensor_proto))
            got.setdefault(event.step, {})[name] = value
    assert got == SENT
    assert set(events.PluginTagToContent("images")) == {"images/samples", "images/reals"}
    assert set(events.PluginTagToContent("text")) == {"recipe", "doctor"}
    assert set(events.PluginTagToContent("histograms")) == {"logits/distribution/real"}
    assert events.SummaryMetadata("scores/kid").summary_description.startswith("Distance")
    assert events.PluginTagToContent("custom_scalars")
    assert len(events.PluginTagToContent("hparams")) == 3


def test_charts_name_tags_that_exist():
    known = {tag(f"score/{name}") for name in SCORES} | {tag("penalty/.*")}
    known |= {tag(name) for name in ("generator", "discriminator", "real", "fake")}
    known |= {f"scores/{name}_floor" for name in SCORES}
    charts = [c for some in tensorboard_layout.CHARTS.values() for c in some.values()]
    for pattern in (one for chart in charts for one in chart):
        assert pattern in known or meaning(pattern).startswith("Signal"), pattern


def test_hyperparameters_are_keys_of_a_recipe():
    known = json.loads(json.dumps(Config().model_dump(mode="json")))
    for key in tensorboard.PARAMETERS:
        head, *rest = key.split(".")
        assert head in known and (head == "networks" or not rest or rest[0] in known[head]), key


def test_values_that_no_table_names():
    assert tag("clipped") == "training/clipped" and tag("mine/loss") == "mine/loss"
    assert values({"step": 1, "kimg": 1.0, "seconds": 2.0, "x": 3, "cure": ["a"]}, {}) == {"x": 3.0}
    assert meaning("mine/loss") == "" and "r1" in meaning("penalties/r1")
