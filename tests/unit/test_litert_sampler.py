"""Drawing from a run without TensorFlow: the same images, and only from a file that fits."""

import json
import logging
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from ganvas.config import parse
from ganvas.errors import ModelError
from ganvas.gan.networks import DCGAN
from ganvas.sampling import litert_sampler, sampler as by_keras
from ganvas.sampling.litert_sampler import LiteRTSampler
from ganvas.storage import litert_file
from ganvas.storage.run import Run
from ganvas.training import converting
from refusals import refuses

PAIR = DCGAN(noise=4, width=4, embedding=2)
NAMES, SHARES = ["cat", "dog", "eel"], [0.7, 0.3, 0.0]


def fake_run(folder, classes=3) -> Run:
    """A run with a best model, and its LiteRT file."""
    run = Run.create(folder, "", parse({"recipe": "r"}))
    data = {"shape": [16, 20, 3], "names": NAMES[:classes], "class_shares": SHARES[:classes]}
    run.write_json("run.json", {"data": data})
    keras.utils.set_random_seed(0)
    keep_best(run, PAIR.generator((16, 20, 3), classes), 1)
    return run


def keep_best(run: Run, generator: keras.Model, kimg: int) -> None:
    """As the callback `Scores` does."""
    for weight in generator.trainable_weights:
        weight.assign(weight + 0.05 * np.random.default_rng(0).standard_normal(weight.shape))
    path = run.save_model(kimg, generator, best=True)
    run.declare_best({"model": path.name, "step": kimg, "kimg": kimg, "by": "kid", "kid": 1.0})
    data = run.images
    made = by_keras.Sampler(generator, data["names"], data["class_shares"])
    converting.write_litert(run, path, made)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fake_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def own(run, tmp_path):
    """A copy, which a test may change."""
    shutil.copytree(run.folder, tmp_path / "own")
    return Run(tmp_path / "own")


def said(caplog) -> str:
    return " ".join(caplog.messages)


def test_the_images_are_those_of_the_keras_file(run):
    fast, exact = litert_sampler.load(run), by_keras.load(run)
    assert (fast.shape, fast.noise_size, fast.names) == ((16, 20, 3), 4, NAMES)
    np.testing.assert_array_equal(fast.noise(100, 5), exact.noise(100, 5))
    np.testing.assert_array_equal(fast.labels(100, None, 5), exact.labels(100, None, 5))
    for options in ({}, {"label": "dog", "truncation": 0.5}):
        found, wanted = (one.sample(70, seed=5, **options).astype(int) for one in (fast, exact))
        assert wanted.std() > 1
        assert np.abs(found - wanted).max() <= 1
        np.testing.assert_array_equal(found[:9], fast.sample(9, seed=5, **options))
    walks = [one.walk(1, fps=9).astype(int) for one in (fast, exact)]
    assert np.abs(walks[0] - walks[1]).max() <= 1


def test_without_classes(tmp_path):
    run = fake_run(tmp_path / "run", classes=0)
    fast, exact = litert_sampler.load(run), by_keras.load(run)
    assert not fast.conditional
    assert np.abs(fast.sample(9).astype(int) - exact.sample(9)).max() <= 1


NEVER = ("tensorflow", "keras", "scipy", "matplotlib", "pandas", "pyarrow")


@pytest.mark.parametrize("words", [["sample", "--out", "x.png"], ["morph", "--out", "x.gif"]])
def test_the_command_does_not_import_tensorflow(run, tmp_path, words):
    command, *options = words
    code = (
        "import sys; from ganvas.__main__ import main\n"
        f"assert main({[command, str(run.folder), *options]!r}) == 0\n"
        f"print([name for name in {NEVER!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [options[1], "[]"]
    assert "INFO" not in done.stderr, "LiteRT's own messages"
    assert "note:" not in done.stderr


def test_runs_without_the_file_are_read_by_keras(own):
    """Those of older versions, and those of which no model was scored."""
    litert_file.drop(own)
    assert litert_sampler.load(own) is None
    (own.folder / "best.json").unlink()
    assert litert_sampler.load(own) is None


def damage(run: Run) -> None:
    path = run.folder / litert_file.FILE
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def other_model(run: Run) -> None:
    keras.utils.set_random_seed(1)
    PAIR.generator((16, 20, 3), 3).save(run.model("best"))


def other_best(run: Run) -> None:
    path = run.save_model(7, PAIR.generator((16, 20, 3), 3), best=True)
    run.write_json("best.json", run.best | {"model": path.name})


def half_written(run: Run) -> None:
    (run.folder / litert_file.ABOUT).unlink()


def no_document(run: Run) -> None:
    (run.folder / litert_file.ABOUT).write_text("[" * 100_000)


@pytest.mark.parametrize("change", [damage, other_model, other_best, half_written, no_document])
def test_a_file_that_does_not_fit_is_not_used(own, change, caplog):
    change(own)
    with caplog.at_level(logging.WARNING, "ganvas"):
        assert litert_sampler.load(own) is None
    assert "best.tflite is not used" in said(caplog)


def test_a_file_of_somebody_else_must_be_a_generator_of_such_images(own, caplog):
    """One whose facts fit, as its author may write them."""
    path = own.folder / litert_file.FILE
    with refuses(ModelError, "best.tflite", (16, 16, 3)):
        LiteRTSampler(path, (16, 16, 3))
    for content in (b"", b"x" * 999, path.read_bytes()[:400]):
        path.write_bytes(content)
        litert_file.declare(own, own.model("best"))
        caplog.clear()
        with caplog.at_level(logging.WARNING, "ganvas"):
            assert litert_sampler.load(own) is None
        assert "Keras file is used" in said(caplog)


def test_a_new_best_model_has_a_new_file(own):
    before = (own.folder / litert_file.FILE).read_bytes()
    keep_best(own, PAIR.generator((16, 20, 3), 3), 2)
    assert (own.folder / litert_file.FILE).read_bytes() != before
    about = json.loads((own.folder / litert_file.ABOUT).read_text())
    assert about["model"] == own.best["model"] == "best-000002.keras"
    assert litert_sampler.load(own) is not None


def fails(*_):
    raise ValueError("no such operation\nmore")


def draws_otherwise(self, noise, labels=None):
    return np.zeros((len(noise), *self.shape), np.uint8)


@pytest.mark.parametrize(
    ("place", "what", "why"),
    [
        (converting, {"convert": fails}, "no such operation"),
        (LiteRTSampler, {"decode": draws_otherwise}, "grey levels"),
    ],
    ids=["converter", "images"],
)
def test_a_failed_conversion_is_said_and_nothing_more(own, monkeypatch, caplog, place, what, why):
    monkeypatch.setattr(place, *next(iter(what.items())))
    with caplog.at_level(logging.WARNING, "ganvas"):
        keep_best(own, PAIR.generator((16, 20, 3), 3), 2)
    assert "best-000002.keras has no LiteRT file" in said(caplog)
    assert why in said(caplog)
    assert not list((own.folder / "models").glob("*.tflite*"))
    assert own.best["model"] == "best-000002.keras"


def test_a_converter_that_ends_the_process_is_called_once(own, monkeypatch):
    """The run would otherwise end there again whenever it is resumed."""
    model = own.model("best")
    assert litert_file.begin(own, model)
    monkeypatch.setattr(converting, "convert", fails)
    converting.write_litert(own, model, by_keras.load(own))
    assert json.loads((own.folder / litert_file.ABOUT).read_text()) == {"converting": model.name}
    assert litert_sampler.load(own) is None
