"""`ganvas balance` as users run it: a folder, groups, a verdict, files; stopped and resumed."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganvas.errors import RunError
from ganvas.kits import rare_class
from ganvas.kits.rare_class import drawing
from ganvas.kits.rare_class.plan import ARMS, GAN_ARMS, PLACEBO, REAL_ARMS
from ganvas.kits.rare_class.results import About, LeakCounts
from ganvas.storage.run import Run
from refusals import refuses

HOOK = '''
import os
import time
from pathlib import Path

import numpy as np

fits = 0


def fit(images, labels, *, classes, seed, weights, batch):
    """Nearest mean: quick, and a probability. The fit that HOLD_AT numbers waits to be killed."""
    global fits
    fits += 1
    if fits == int(os.environ.get("HOLD_AT", 0)):
        Path("held").touch()
        time.sleep(600)
    flat = images.reshape(len(images), -1) / 255
    means = np.stack([flat[labels == c].mean(0) for c in range(classes)])

    def predict(others):
        apart = ((others.reshape(len(others), 1, -1) / 255 - means) ** 2).sum(-1)
        likely = np.exp(apart.min(1, keepdims=True) - apart)
        return likely / likely.sum(1, keepdims=True)

    return predict
'''
TINY = ("--seeds", 2, "--kimg", 0.256, "--steps", 12, "--ratio", 1, "--classifier", "means:fit",
        "--set", "train.batch=8", "--set", "networks.width=4",
        "--set", "networks.discriminator_width=4", "--set", "networks.max_width=8",
        "--set", "networks.discriminator_norm=none")  # fmt: skip

FITS = 9  # of each seed: one for each arm of pixels, and two for placebos


def bars(folder: Path, upright: int, lying: int, patients: int = 0, seed: int = 0) -> Path:
    """PNGs 16x16 of broad bars, "ok" lying and "crack/deep" upright; a CSV of patients. They are in
    colour: fewer are read ahead of a balanced stream, whose orders take long to draw."""
    rng = np.random.default_rng(seed)
    rows = ["path,group"]
    for name, count in (("ok", lying), ("crack deep", upright)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            picture = rng.integers(0, 90, (16, 16))
            at = rng.integers(0, 12)
            (picture if name == "ok" else picture.T)[at : at + 4] += rng.integers(60, 160)
            image = Image.fromarray(picture.astype(np.uint8)).convert("RGB")
            image.save(folder / name / f"{number:03d}.png")
            rows.append(f"{name}/{number:03d}.png,{name}-{number % (patients or 10**9)}")
    if patients:
        (folder.parent / "groups.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("balance")
    (folder / "means.py").write_text(HOOK)
    bars(folder / "data", 16, 60, patients=8)
    bars(folder / "elsewhere", 6, 10, seed=7)
    (folder / "full").mkdir()
    (folder / "full" / "thesis.doc").write_text("")
    return folder


@pytest.fixture(scope="module")
def done(place, forked):
    words = ("balance", "data", "--rare", "crack deep", "--groups", "groups.csv",
             "--external", "elsewhere", "--out", "out")  # fmt: skip
    study = forked(*words, *TINY, "--json", cwd=place)
    out, err = study.communicate()
    assert study.returncode in (0, 1), err
    return json.loads(out), words, err


@pytest.fixture
def answer(place, monkeypatch, capsys):
    """Runs a command here: exit code, standard output, standard error."""
    from ganvas.cli import run_command

    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*words):
        capsys.readouterr()
        code = run_command([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


def test_the_verdict_and_its_files(done, place):
    result, _, notes = done
    assert result["verdict"] in ("helps", "no evidence", "hurts")
    assert [arm["name"] for arm in result["arms"]] == [*ARMS, *PLACEBO.values()]
    assert {c["arm"] for c in result["comparisons"]} == {*GAN_ARMS, "synthetic only"}
    assert result["about"]["unit"] == "group"
    assert result["best_real"] in REAL_ARMS
    assert result["advice"].startswith(f"Use {result['advised']}")
    assert result["external"]["images"] == 16
    assert set(result["external"]["arms"]) == {arm["name"] for arm in result["arms"]}
    assert "Traceback" not in notes
    report = (place / "out" / "report.html").read_text()
    assert "never on the test" in report
    for heading in ("Do this", "External images", "ROC curves", "placebo"):
        assert heading in report
    assert "anonymous" not in report.lower()
    assert json.loads((place / "out" / "report.json").read_text()) == result


def test_the_images_state_their_origin(done, place):
    manifest = json.loads((place / "out" / "manifest.json").read_text())
    with (place / "out" / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == manifest["images"]["crack deep"] >= 30
    for row in rows[:3]:
        image = Image.open(place / "out" / row["path"])
        assert image.text["label"] == "crack deep"
        assert image.text["model"] == row["model"]
        assert image.text["seed"] == row["seed"]
    last = rows[-1]
    import ganvas

    run = ganvas.load(place / "out" / last["model"], "last")
    again = run.sample(int(last["index"]) + 1, 0, int(last["seed"]), float(last["truncation"]))
    shown = np.asarray(Image.open(place / "out" / last["path"]))
    assert np.abs(again[-1].astype(int) - shown).max() <= 1


def test_the_list_to_train_by_is_the_advised_arm(done, place):
    result, _, _ = done
    with (place / "out" / "train.csv").open() as file:
        rows = list(csv.DictReader(file))
    weight = {}
    for row in rows:
        key = row["label"], row["kind"]
        weight[key] = weight.get(key, 0) + float(row["weight"])
        assert (place / "out" / row["path"]).is_file()
    assert weight["ok", "real"] == pytest.approx(1, abs=1e-3)
    synthetic = weight.get(("crack deep", "synthetic"), 0)
    mixes = result["advised"] in GAN_ARMS
    assert synthetic == pytest.approx(0.5 if mixes else 0, abs=1e-3)
    assert weight["crack deep", "real"] + synthetic == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("arm", ["lda", "classical"])
def test_the_advised_arm_is_ready_to_use(done, place, arm):
    """Keras without ganvas and LiteRT give the same calibrated probabilities."""
    import keras

    from ganvas.base.building import building
    from ganvas.base.litert import runner
    from ganvas.kits.rare_class import classifier, concluding, leaks, ready, study
    from ganvas.kits.rare_class.parts import gather

    folder = place / f"ready {arm}"
    shutil.copytree(place / "out", folder)
    request = json.loads((folder / "study.json").read_text())
    plan = rare_class.Plan(**{**request["plan"], "rare": ("crack deep",)})
    plan = replace(plan, arms=tuple(plan.arms), ratios=tuple(plan.ratios))
    material = gather(str(place / "data"), plan, groups=place / "groups.csv",
                      external=str(place / "elsewhere"))  # fmt: skip
    done = study.Study(folder, material, plan, classifier.fit, "means:fit", False)
    verdict = concluding.conclude(done, leaks.find(material.learn.images, material.test.images))
    done.own = False
    about = ready.write(done, replace(verdict, advised=arm))
    assert about["arm"] == arm
    assert {p["label"] for p in about["thresholds"]} == {"crack deep"}
    with building():  # loading draws seeds from the state of the caller
        model = keras.saving.load_model(folder / "model" / "model.keras", safe_mode=True)
    images = material.test.images[:4].astype(np.float32)
    wanted = model.predict_on_batch(images)
    assert wanted.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    run = runner(folder / "model" / "model.tflite")
    for image, row in zip(images, wanted, strict=True):
        assert np.abs(run(image=image[None])["probabilities"] - row).max() < 1e-3
    written = json.loads((folder / "model" / "classifier.json").read_text())
    assert written == json.loads(json.dumps(about))


def test_a_study_of_an_older_version_is_refused(done, place, answer):
    old = place / "old"
    old.mkdir()
    (old / "study.json").write_text('{"version": 1, "plan": {}}')
    code, printed, errors = answer("balance", "data", "--rare", "crack deep", "--out", "old")
    assert (code, printed, errors.count("error: ")) == (2, "", 1)
    assert "another version of ganvas (format 1, now 3)" in errors


def test_killed_and_resumed_is_the_same(done, place, forked, answer):
    """Finished parts stay as they are, and the verdict is that of a study without a kill. Its
    generators exist already: resume of training after a kill is tested in test_resume.py."""
    result, words, _ = done
    for run in [*(place / "out").glob("seeds/*/run"), place / "out" / "majority"]:
        shutil.copytree(run, place / "other" / run.relative_to(place / "out"))
    shutil.copy(place / "out" / "study.json", place / "other" / "study.json")
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    fit = random.Random(seed).randint(3, 2 * FITS)
    running = forked(*words[:-1], "other", *TINY, cwd=place, HOLD_AT=str(fit))
    while not (place / "held").exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    running.kill()
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in place.glob("other/seeds/*/*.npz")}
    assert len(kept) >= fit - 1, "the predictions of an arm for each fit, and those of features"
    assert not (place / "other" / "report.json").exists()
    code, printed, errors = answer(*words[:-1], "other", *TINY, "--json")
    assert code in (0, 1), errors
    found = json.loads(printed)
    assert found["verdict"] == result["verdict"]
    assert found["comparisons"] == result["comparisons"]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_the_same_again_makes_nothing_anew(done, place, monkeypatch):
    result, _, _ = done
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(str(place))
    kept = {p: p.stat().st_mtime_ns for p in (place / "out" / "seeds").rglob("*") if p.is_file()}
    options = {
        "groups": "groups.csv", "external": "elsewhere", "classifier": "means:fit",
        "progress": False, "seeds": 2, "kimg": 0.256, "ratios": (1.0,), "recipe": "conditional",
        "values": {"train.batch": 8, "networks.width": 4, "networks.discriminator_width": 4,
                   "networks.max_width": 8, "networks.discriminator_norm": "none"},
    }  # fmt: skip
    again = rare_class.balance("data", ["crack deep"], "out", steps=12, **options)
    assert again.word == result["verdict"]
    assert again.arms[0].test == result["arms"][0]["test"]
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    with refuses(RunError):
        rare_class.balance("data", ["crack deep"], "out", steps=13, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rare", "crak deep"), "did you mean 'crack deep'"),
        (
            ("--rare", "crack deep", "--split", "image", "--groups", "groups.csv"),
            "no verdict is valid",
        ),
        (("--rare", "crack deep", "--arms", "real"), "must include one of"),
        (("--rare", "crack deep", "--ratio", "x"), "numbers separated by commas"),
        (("--rare", "crack deep", "--groups", "means.py"), "must be path,group"),
        (("--rare", "crack deep", "--classifier", "nowhere:fit"), "cannot be imported"),
        (("--rare", "crack deep", "--set", "train.kimgs=3"), "train.kimg"),
        (("--rare", "crack deep", "--out", "full"), "other files"),
        (("--rare", "crack deep", "--out", "data/ok"), "lies within"),
    ],
)
def test_wrong_options(place, answer, options, words):
    out = () if "--out" in options else ("--out", "never")
    code, printed, errors = answer("balance", "data", *options, *out)
    assert (code, printed) == (2, "")
    assert errors.count("error: ") == 1
    assert words in errors
    assert not (place / "never").exists()


def test_wrong_folders(place, answer):
    few = bars(place / "few", 3, 30)
    one = place / "one"
    one.mkdir()
    for number in range(4):
        Image.new("L", (16, 16), 40 * number).save(one / f"{number}.png")
    mixed = bars(place / "mixed", 10, 10, seed=3)
    Image.new("L", (20, 24), 9).save(mixed / "ok" / "large.png")
    for folder, words in ((few, "at least 5"), (one, "no classes"), (mixed, "--size")):
        code, _, errors = answer("balance", folder, "--rare", "crack deep", "--out", "never")
        assert code == 2
        assert words in errors
    assert not (place / "never").exists()


def test_wrong_options_are_refused_before_tensorflow(place):
    code = (
        "import sys; from ganvas.cli import run_command; "
        "code = run_command(['balance', 'data', '--rare', 'a', '--out', 'o', '--arms', 'real']); "
        "sys.exit(code + 10 * ('tensorflow' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, check=False)
    assert done.returncode == 2


def test_it_exits_with_one_where_it_hurts(monkeypatch, capsys):
    from ganvas.cli import run_command

    about = About(("1",), {}, "a test", "image", (), rare_class.Plan(("1",)))
    leaks = LeakCounts(0, 0, 0, 0, 0, 0.0, 1.0, 0.005, False)
    found = rare_class.Verdict(
        "hurts", "worse.", "real", "Use real.", "real", "gan", (), (), (), {}, None, leaks, (),
        about, Path("o"),
    )  # fmt: skip
    monkeypatch.setattr(rare_class, "balance", lambda *a, **k: found)
    words = ["balance", "mnist", "--rare", "8", "--out", "o"]
    assert run_command(words) == 1
    assert "hurts: worse.\nUse real.\n" in capsys.readouterr().out
    monkeypatch.setattr(rare_class, "balance", lambda *a, **k: replace(found, word="helps"))
    assert run_command(words) == 0


def test_a_planted_leak_is_reported(done, place, tmp_path, monkeypatch):
    """Test images among the training images are found and left out. The generators are those of
    other images: the leak is not theirs."""

    def generator(train, plan, seed, folder, progress, begun):
        shutil.copytree(place / "out" / "seeds" / str(seed) / "run", folder)
        return Run.open(folder)

    monkeypatch.setattr(drawing, "generator", generator)
    monkeypatch.setattr(drawing, "majority", lambda *given: None)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (160, 16, 16, 3)).astype(np.uint8)
    labels = (np.arange(160) % 4 == 0).astype(int)
    scope: dict = {}
    exec(HOOK, scope)
    found = rare_class.balance(
        (images[:110], labels[:110]), "1", tmp_path / "out", test=(images[100:], labels[100:]),
        classifier=scope["fit"], progress=False, seeds=2, steps=4, ratios=(1.0,),
        arms=("oversampling", "gan"),
    )  # fmt: skip
    assert found.leaks.test_images_learnt_from == 10
    assert found.about.classes["1"]["test"] == (labels[110:] == 1).sum()
    assert "leak: 10 test images" in found.warnings[0]
    assert "leak: 10 test images" in (tmp_path / "out" / "report.html").read_text()
