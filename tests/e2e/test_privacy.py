"""The privacy kit as a user runs it: `ganvas privacy ...`, and private runs that are resumed."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas.base.names import file_name
from ganvas.data.mnist import mnist
from ganvas.errors import ConfigError, DataError, UsageError
from ganvas.kits import privacy
from ganvas.kits.privacy import case, remedies
from ganvas.kits.privacy.controls import noisy
from ganvas.storage.run import Run, read_state
from refusals import refuses

needs_accountant = pytest.mark.skipif(
    not importlib.util.find_spec("dp_accounting"), reason="the extra `privacy` is not installed"
)
TESTS = {
    "near_copies_pixels", "near_copies_recoloured", "near_copies_features", "membership_nearest",
    "membership_crowd", "membership_discriminator", "membership_search", "set_membership",
    "identity",
    "label_inference", "reconstruction_nearest", "reconstruction_search", "inversion_search",
    "utility",
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """MNIST in three: trained on, held out, and fakes, with 10 % copies or without."""
    images, labels = mnist("train")
    folder = tmp_path_factory.mktemp("digits")
    rng = np.random.default_rng(0)
    train, holdout, clean = np.split(rng.permutation(len(images))[:1400], [600, 1000])
    for name, rows in (("train", train), ("holdout", holdout), ("clean", clean)):
        np.savez(folder / f"{name}.npz", x=images[rows], y=labels[rows])
    leaky = np.concatenate([noisy(images[train[:40]], rng), images[clean[40:]]])
    rows = np.concatenate([train[:40], clean[40:]])
    np.savez(folder / "leaky.npz", x=leaky, y=labels[rows])
    return folder


@pytest.fixture(scope="module")
def run(files, tmp_path_factory) -> Run:
    """A GAN trained on 64 digits, which it would memorise in a longer test."""
    with np.load(files / "train.npz") as arrays:
        few = arrays["x"][:64]
    folder = tmp_path_factory.mktemp("runs")
    np.savez(folder / "few.npz", x=few)
    values = {
        "train.kimg": 0.32, "train.batch": 32, "train.tick_kimg": 0.32, "data.clusters": 4,
        "networks.width": 8, "networks.discriminator_width": 8, "watch.tensorboard": False,
        "watch.signals": False, "scores.times": 0, "penalties": [],
    }  # fmt: skip
    return ganvas.train(
        folder / "few.npz", "quick", run=folder / "run", overrides=values, progress=False
    )


def audit(here, subject, files, *words):
    return here(
        "privacy", "audit", subject, "--train", files / "train.npz",
        "--holdout", files / "holdout.npz", *words,
    )  # fmt: skip


def test_planted_copies_are_found(here, files, tmp_path):
    done = audit(here, files / "leaky.npz", files, "--json", "--out", tmp_path / "report")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "leak found"
    assert set(found["tests"]) == TESTS
    for test in found["tests"].values():
        assert {"value", "low", "high", "holdout"} <= test.keys()
        assert test["value"] is not None or test["why"]
    copies = found["tests"]["near_copies_pixels"]
    assert copies["leak"] and copies["low"] < 0.1 < copies["high"] + 0.01
    assert found["controls"]["good"]
    assert found["power"]["least_share"] < 0.1
    page = (tmp_path / "report" / "report.html").read_text()
    for words in ("Singling out", "Linkability", "Inference", "not tested", "A leak was found"):
        assert words in page
    assert page.count("data:image/png") == 2
    saved = json.loads((tmp_path / "report" / "report.json").read_text())
    assert saved == found
    assert list(found["power"]) == ["copies_needed", "least_share", "power", "says"]


def test_real_images_pass(here, files):
    done = audit(here, files / "clean.npz", files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: no leak found at this power" in done.stdout
    assert "With 400 images a leak below" in done.stdout
    assert "anonymous" not in done.stdout.lower()


def test_a_run_is_attacked_through_both_networks(run, arrays, tmp_path, capsys):
    options = {
        "holdout": arrays["holdout"][:100], "n": 100, "searches": 20, "search_steps": 10,
        "features": "none", "out": tmp_path, "purpose": "a test",
    }  # fmt: skip
    results = privacy.audit(run, **options)
    tests = results.tests
    for name in ("membership_discriminator", "membership_search"):
        assert tests[name].p is not None, name
        assert tests[name].more["queries"] == (64 if name.endswith("discriminator") else 20)
    for name in ("reconstruction_search", "inversion_search"):
        assert tests[name].p is not None and tests[name].more["queries"] == 10, name
    assert tests["near_copies_features"].why
    assert results.record["sha256"]["model"] and results.record["purpose"] == "a test"
    assert {row["status"] for row in results.opinion_28_2024.values()} == {
        "tested",
        "partly tested",
    }
    assert results.n_train == 64
    page, _ = privacy.write_report(tmp_path, results)
    assert page.stat().st_size > 10_000
    again = privacy.audit(run, **options)
    assert again == results, "an audit that is called again does nothing twice"
    assert again.pictures.keys() == results.pictures.keys()
    assert privacy.plain(again) == json.loads(json.dumps(results.to_dict(), allow_nan=False))
    assert capsys.readouterr().err == ""


def refusal(done) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    assert [line.startswith("error: ") for line in done.stderr.splitlines()] == [True]
    return done.stderr


def test_a_folder_without_its_training_images_is_refused(here, files):
    words = refusal(here("privacy", "audit", files / "clean.npz"))
    assert "--train" in words and "--holdout" in words


def test_files_that_are_not_there_are_refused_before_anything_is_read(here, files):
    assert "the file nobody.csv does not exist" in refusal(
        audit(here, files / "clean.npz", files, "--identity", "nobody.csv")
    )


def images_of(files, name):
    with np.load(files / f"{name}.npz") as arrays:
        return arrays["x"]


@pytest.fixture(scope="module")
def arrays(files):
    return {name: images_of(files, name) for name in ("clean", "train", "holdout")}


def test_a_holdout_that_was_trained_on_is_refused(arrays):
    mixed = np.concatenate([arrays["holdout"], arrays["train"][:7]])
    with refuses(DataError, "7"):
        privacy.audit(arrays["clean"], arrays["train"], mixed)


def test_a_holdout_that_is_too_small_is_refused_and_a_small_one_is_noted(arrays):
    with refuses(DataError, "25", "600"):
        privacy.audit(arrays["clean"], arrays["train"], arrays["holdout"][:25])
    with refuses(DataError, "20"):
        privacy.audit(arrays["clean"], arrays["train"], arrays["holdout"][:5])
    parts = arrays["train"], arrays["holdout"][:200]
    notes = case.gather(arrays["clean"], *parts, None, 400, 0).notes
    assert any("of the same size would detect smaller leaks" in note for note in notes)


def test_sizes_and_numbers_that_do_not_fit_are_refused(arrays):
    small = arrays["train"][:, :20, :20]
    with refuses(DataError, "28×28", "20×20"):
        privacy.audit(arrays["clean"], small, arrays["holdout"])
    with refuses(DataError, "20"):
        privacy.audit(arrays["clean"][:5], arrays["train"], arrays["holdout"])
    with refuses(UsageError, "2"):
        privacy.audit(arrays["clean"], arrays["train"], arrays["holdout"], alpha=2)


def test_an_embedder_of_unknown_form_is_refused(arrays, tmp_path):
    (tmp_path / "faces.bin").write_bytes(b"?")
    (tmp_path / "faces.tflite").write_bytes(b"?")
    labels = np.repeat(np.arange(20), 20)
    parts = [(arrays["train"][:400], labels), (arrays["holdout"], labels + 20)]
    for name, words in (("faces.bin", "Keras or LiteRT file"), ("faces.tflite", "not a model")):
        with pytest.raises(UsageError, match=words):
            privacy.audit(arrays["clean"], *parts, embedder=tmp_path / name, features="none")


def write_people(folder, images, who):
    for i, (image, name) in enumerate(zip(images, who, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name / f"{i}.png")
    return folder


def test_people_are_split_and_named_by_a_file(here, arrays, tmp_path):
    who = [f"p{i % 10}" for i in range(100)]
    faces = write_people(tmp_path / "faces", arrays["clean"][:100], who)
    done = here("privacy", "split", faces, "--to", tmp_path / "parts", "--share", "0.4")
    assert done.returncode == 0, done.stderr
    assert "60 images of 6 people" in done.stdout
    people = {}
    for name in ("train", "holdout"):
        with np.load(tmp_path / "parts" / f"{name}.npz") as part:
            people[name] = set(part["y"])
    assert not people["train"] & people["holdout"]
    holdout = write_people(tmp_path / "others", arrays["holdout"][:100], [f"q{w}" for w in who])
    with (tmp_path / "who.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "identity"])
        for folder in (faces, holdout):
            for path in folder.rglob("*.png"):
                rows.writerow([path.relative_to(folder).as_posix(), "ann"])
    with refuses(DataError, "1"):
        privacy.audit(arrays["clean"], faces, holdout, identity=tmp_path / "who.csv")


def test_a_class_cannot_send_images_elsewhere(run, tmp_path, monkeypatch):
    sampler, source = remedies.training_images(str(run.folder), None)
    sampler.names = ["../../out", "a/b", "..", "Zoë"]
    monkeypatch.setattr(remedies, "training_images", lambda *_: (sampler, source))
    drawn = np.zeros((4, 28, 28, 1), np.uint8), np.arange(4)
    monkeypatch.setattr(remedies.Rejecting, "sample", lambda *_: drawn)
    privacy.deliver(run.folder, tmp_path / "deep" / "set", n=4)
    folders = {path.parent.name for path in tmp_path.rglob("*.png")}
    assert folders == {file_name(name) for name in sampler.names} and "Zoë" in folders
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["set"], "nothing half-written"


def test_near_copies_are_left_out_of_what_is_delivered(here, run, tmp_path):
    done = here("privacy", "sample", run.folder, "--out", tmp_path / "set", "-n", 20, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["delivered"] == 20 == len(list((tmp_path / "set").rglob("*.png")))
    assert facts == json.loads((tmp_path / "set" / "delivery.json").read_text())
    again = here("privacy", "sample", run.folder, "--out", tmp_path / "set")
    assert "not an empty folder" in refusal(again)


def test_rejection_knows_a_copy(arrays, monkeypatch):
    monkeypatch.setattr(remedies, "_DRAWN", 300)
    every = np.concatenate([arrays["train"][:300], arrays["clean"][:300]])[..., None]
    images = every[:300]

    class Copier:
        """Every other image is one that it was trained on."""

        names = ()

        def noise(self, n, seed):
            return np.random.default_rng(seed).permutation(300)[:n]

        def labels(self, n, label, seed):
            return None

        def decode(self, noise, labels):
            copies = (noise % 2 == 0)[:, None, None, None]
            return np.where(copies, images[noise], every[300 + noise])

    rejecting = privacy.Rejecting(Copier(), images)
    kept, _ = rejecting.sample(100)
    assert rejecting.left_out >= 80
    assert not any((images == image).all(axis=(1, 2, 3)).any() for image in kept)


PRIVATE = {
    "train.batch": 16, "train.discriminator_steps": 3, "train.kimg": 0.96,
    "train.tick_kimg": 0.24, "train.steps_per_execution": 5, "networks.width": 4,
    "networks.discriminator_width": 4, "networks.max_width": 8, "networks.noise": 8,
    "watch.tensorboard": False, "privacy.epsilon": 5.0, "privacy.key": 1, "export.images": 100,
}  # fmt: skip


@pytest.fixture(scope="module")
def private(npz, tmp_path_factory):
    """A private run of 20 steps, and its folder as it was when it had made 10."""
    folder = tmp_path_factory.mktemp("private")

    def copy(run):
        if run.rows()[-1]["step"] == 10:
            shutil.copytree(run.folder, folder / "part")
        return False

    whole = ganvas.train(
        npz, "dp", run=folder / "whole", overrides=PRIVATE, progress=False, each_tick=copy
    )
    return whole, folder / "part"


@needs_accountant
def test_a_private_run_resumes_bit_exactly_and_accounts_for_every_turn(private):
    whole, part = private[0], Run(private[1])
    assert part.info["privacy"] == whole.info["privacy"], "if killed, it says what it might spend"
    ganvas.resume(part, progress=False, each_tick=lambda run: True)  # one tick, and it is stopped
    one, other = (read_state(run.folder / "state" / "000000015.npz") for run in (whole, part))
    assert one.keys() == other.keys()
    assert not [name for name in one if not np.array_equal(one[name], other[name])]
    stopped, about = part.info["privacy"], whole.info["privacy"]
    assert (part.status(), whole.status()) == ("interrupted", "finished")
    assert (stopped["steps"], about["steps"]) == (45, 60)
    assert stopped["epsilon"] < about["epsilon"] <= 5
    counts = ("steps", "epsilon")
    assert {k: v for k, v in stopped.items() if k not in counts} == {
        k: v for k, v in about.items() if k not in counts
    }
    assert (about["unit"], about["sampling"]) == ("image", "Poisson")
    with refuses(ConfigError, 5):
        ganvas.resume(part, overrides={"train.kimg": 9.6}, progress=False)


@needs_accountant
def test_a_private_run_is_formally_bounded(private):
    rng = np.random.default_rng(9)
    results = privacy.audit(
        private[0], holdout=rng.integers(0, 255, (100, 16, 16), np.uint8), n=100, searches=0,
        features="none",
    )  # fmt: skip
    assert results.bound["epsilon"] <= 5
    assert results.verdict in ("formally bounded", "leak found")  # noise is unlike bars
    for words in ("negative control was flagged", "of the same size would detect smaller leaks"):
        assert any(words in note for note in results.notes)


@needs_accountant
def test_a_private_model_is_given_away_with_its_bound_and_without_a_fingerprint(private, tmp_path):
    run = private[0]
    version = ganvas.export(run.folder, tmp_path / "model", formats=["saved_model"])
    words = (version / "manifest.json").read_text()
    assert run.info["data"]["fingerprint"] not in words
    facts = json.loads(words)
    assert facts["privacy"] == run.info["privacy"]
    assert "bound" in facts["judged_without"]
    subject = case._bound(tmp_path / "model", None)
    assert subject == run.info["privacy"], "an audit of the model knows it as well"


@needs_accountant
def test_merf_draws_images_like_its_training_images(grey):
    sampler, bound = privacy.merf(grey, epsilon=10.0, steps=100, batch=40, seed=0)
    assert bound.epsilon <= 10
    assert list(json.loads(json.dumps(bound.to_dict(), allow_nan=False))) == [
        "epsilon", "delta", "noise", "steps", "rate", "unit", "accountant",
    ]  # fmt: skip
    lying, standing = (sampler.sample(40, label=label).astype(float) for label in (0, 1))
    rows, columns = (
        [image.mean(axis=axis).std() for image in np.concatenate([lying, standing])[..., 0]]
        for axis in (1, 0)
    )
    right = np.array(rows) > np.array(columns)
    assert right[:40].mean() > 0.8 > 0.2 > right[40:].mean()
