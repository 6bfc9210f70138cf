"""`ganvas config` and `ganvas init`: what a recipe may hold is seen, and written to be edited."""

import json
import re
import subprocess
import sys

import pytest

from ganvas.config import load_recipe, recipe_names
from ganvas.config.keys import keys
from ganvas.config.schema import SCHEMA, schema_text
from ganvas.reports.tables import aligned


def test_all_keys_on_a_line_each(here):
    done = here("config")
    assert done.returncode == 0 and not done.stderr
    listed = re.findall(r"^ *([a-z]\w*)  ", done.stdout, re.MULTILINE)
    assert listed == [one.last for one in keys()]
    assert re.search(r"^  kimg +1000 +Length of the training, in kimg; > 0$", done.stdout, re.M)
    assert re.search(r"^  decay +none .*; none, linear or cosine$", done.stdout, re.M)
    assert re.search(r"^networks +dcgan .* dcgan, r3gan, resnet", done.stdout, re.M)


def test_one_key(here):
    done = here("config", "train.learning_rate")
    assert "Accepted: > 0." in done.stdout
    assert "quick 0.002" in " ".join(done.stdout.split())
    assert "--set train.learning_rate=0.0002" in done.stdout
    assert "--set penalties.r1.weight=..." in here("config", "penalties.r1.weight").stdout
    assert "--set networks.width=32" in here("config", "networks.dcgan.width").stdout
    assert "--set augment.policy=" in here("config", "augment.diff.policy").stdout


def test_a_part_and_a_kind_of_parts(here):
    done = here("config", "r1")
    assert "arXiv:1801.04406" in done.stdout
    assert "Use it: --set 'penalties=[{name = \"r1\", weight = ...}]'" in done.stdout
    assert re.search(r"^  weight +required +Factor", done.stdout, re.MULTILINE)
    assert "networks.r3gan" in here("config", "networks").stdout


def test_an_unknown_key(here):
    done = here("config", "train.kimgs")
    assert done.returncode == 2 and "'train.kimg'" in done.stderr and not done.stdout
    assert here("config", "xyz").returncode == 2


@pytest.mark.parametrize("words", [[], ["train.kimg"], ["networks.dcgan"], ["width"]])
def test_as_json(here, words):
    found = json.loads(here("config", *words, "--json").stdout)
    assert set(found) == {"keys", "parts"}
    every = [*found["keys"], *(one for part in found["parts"] for one in part["arguments"])]
    assert every and all(set(one) == {"key", "meaning", "default", "accepted"} for one in every)
    assert all(set(part) == {"part", "meaning", "source", "arguments"} for part in found["parts"])


def test_a_table_is_wrapped_to_a_terminal():
    rows = [("name", "1", "a long meaning of this name"), ("other", "20", "short")]
    assert aligned(rows, width=24).splitlines() == [
        "name   1   a long", "           meaning of", "           this name", "other  20  short",
    ]  # fmt: skip


@pytest.mark.parametrize("name", recipe_names())
def test_a_written_recipe_is_the_same_recipe(here, tmp_path, name):
    done = here("init", tmp_path / f"{name}.toml", "--recipe", name)
    assert done.returncode == 0 and f"{name}.toml" in done.stdout, done.stderr
    assert load_recipe(tmp_path / f"{name}.toml") == load_recipe(name)
    assert (tmp_path / SCHEMA).read_text() == schema_text()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.toml", SCHEMA}


def test_init_replaces_nothing(here, tmp_path):
    file = tmp_path / "mine.toml"
    assert here("init", file).returncode == 0
    before = file.read_text()
    done = here("init", file, "--recipe", "sngan")
    assert done.returncode == 2 and "exists" in done.stderr
    assert file.read_text() == before
    assert here("init", tmp_path / "other.toml", "--recipe", file).returncode == 0
    (tmp_path / SCHEMA).write_text("{}")
    assert "did not write it" in here("init", tmp_path / "third.toml").stderr
    assert not (tmp_path / "third.toml").exists()


@pytest.mark.parametrize("name", ["mine", "no/folder.toml", "mine.json"])
def test_where_no_recipe_is_written(here, tmp_path, name):
    assert here("init", tmp_path / name).returncode == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["config", "width"], ["init", "mine.toml"]])
def test_these_commands_need_no_tensorflow(tmp_path, words):
    code = (
        "import sys; from ganvas.__main__ import main; code = main(sys.argv[1:]); "
        "sys.exit(code or ('tensorflow' in sys.modules and 9))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
