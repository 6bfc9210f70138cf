"""What the shell completes, and what is suggested for a wrong word of the command line."""

import os
import subprocess
import sys

import pytest

from ganvas.cli import completion
from ganvas.config import recipe_names


def test_recipes_with_what_they_are_for():
    found = dict(completion.recipe_names(""))
    assert [*found] == recipe_names() and all(found.values())


def test_runs(tmp_path, monkeypatch):
    for name in ("runs/a", "runs/b", "here"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert completion.run_folders("") == ["here", "runs/a", "runs/b"]
    assert completion.run_folders("runs/") == ["runs/a", "runs/b"]
    assert completion.run_folders("runs/a") == ["runs/a"]
    assert completion.run_folders("ru") == ["runs/"]
    assert completion.run_folders(f"{tmp_path}/runs/b") == [f"{tmp_path}/runs/b"]
    assert completion.run_folders("x") == completion.run_folders("x/y") == []
    assert {"auto", "none", "photos", "here"} <= {*completion.beginnings("")}


def test_keys_and_their_values():
    every = dict(completion.set_keys(""))
    assert {"train.kimg=", "networks.width=", "penalties.r1.weight=", "loss="} <= every.keys()
    assert [one for one, _ in completion.set_keys("train.decay=")] == [
        "train.decay=none", "train.decay=linear", "train.decay=cosine",
    ]  # fmt: skip
    assert "loss=hinge" in dict(completion.set_keys("loss="))
    assert completion.set_keys("train.kimg=") == completion.set_keys("nothing=") == []
    assert {"train", "train.kimg", "networks.dcgan", "networks.dcgan.width"} <= dict(
        completion.config_keys("")
    ).keys()


def test_a_shell_gets_them_without_tensorflow(tmp_path):
    code = (
        "import sys; from ganvas.__main__ import main\n"
        "try: main()\n"
        "finally: assert 'tensorflow' not in sys.modules"
    )
    shell = {"COMP_WORDS": "ganvas train x --set train.lea", "COMP_CWORD": "4",
             "_GANVAS_COMPLETE": "complete_bash"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | shell, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == (0, ["train.learning_rate="]), done.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [("train x --tick-kimg 3", "--set train.tick_kimg=..."), ("train x --recip a", "--recipe"),
     ("train x --beta-1 0.5", "--set train.beta1=..."), ("trian", "'train'"),
     ("evaluate x --metric kid", "--metrics"), ("defects fitt", "'fit'"),
     ("resume x --ema-kmg 3", "--set train.ema_kimg=...")],
)  # fmt: skip
def test_a_wrong_word_suggests(here, words, named):
    done = here(*words.split())
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"Did you mean {named}?" in done.stderr


def test_a_word_like_no_other_suggests_nothing(here):
    for words in ("train x --bogus", "doctor x --tick-kimg 3", "train x --qq"):
        done = here(*words.split())
        assert done.returncode == 2 and "Did you mean" not in done.stderr
        assert "--help`" in done.stderr
