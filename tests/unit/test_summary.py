"""`ganvas runs`: runs listed, sorted and compared; an empty place is no error."""

import json

import pytest

from ganvas.config import load_recipe
from ganvas.errors import RunError, UsageError
from ganvas.storage.run import Run
from ganvas.storage.summary import SORTS, compare, summaries, summary
from refusals import refuses


def make(folder, recipe, kimg, score=None, values=None, **best) -> Run:
    run = Run.create(folder, "", load_recipe(recipe).with_values(values or {}))
    run.log({"step": 3, "kimg": kimg, "seconds": 90.0})
    run.update_info(status="finished")
    if score is not None:
        by = best.pop("by", "kid")
        run.write_json("best.json", {"model": "x.keras", "by": by, by: score, "step": 3,
                                     "kimg": kimg / 2, "features_sha256": "a", **best})  # fmt: skip
    return run


@pytest.fixture
def three(tmp_path):
    """Runs a, b and c."""
    make(tmp_path / "a", "sngan", 20, 3.0)
    make(tmp_path / "b", "quick", 10)
    run = make(tmp_path / "c", "quick", 30, 2.5, {"networks.width": 8, "penalties.r1.weight": 1.0})
    (run.folder / "models" / "big").write_bytes(bytes(3_000_000))
    return tmp_path


def test_a_run_in_a_few_facts(three):
    found = summary(Run.open(three / "c"))
    assert (found.name, found.recipe, found.kimg, found.target_kimg) == ("c", "quick", 30, 600)
    assert (found.score, found.value, found.at_kimg) == ("kid", 2.5, 15)
    assert found.size_mb == pytest.approx(3.05, abs=0.05)
    assert (found.state, found.faults) == ("finished", ())
    assert summary(Run.open(three / "b")).value is None


@pytest.mark.parametrize(
    ("key", "order"),
    [("name", "abc"), ("recipe", "bca"), ("kimg", "cab"), ("seconds", "abc"), ("score", "cab"),
     ("size", "c"), ("state", "abc")],
)  # fmt: skip
def test_sorted(three, key, order):
    names = "".join(one.name for one in summaries(three, key))
    assert names.startswith(order)
    assert key in SORTS and len(SORTS) == 7


def test_frechet_distances_and_kids_are_not_mixed(tmp_path):
    for name, by, score in (("a", "kid", 5.0), ("b", "frechet", 9.0), ("c", "kid", 1.0)):
        make(tmp_path / name, "quick", 1, score, by=by)
    assert [one.name for one in summaries(tmp_path, "score")] == ["b", "c", "a"]


def test_an_unknown_key_and_no_folder(three):
    with refuses(UsageError, "'sze'", "'size'"):
        summaries(three, "sze")
    with refuses(RunError, "nowhere"):
        summaries(three / "nowhere")


def test_where_two_runs_differ(three):
    found = compare(Run.open(three / "b"), Run.open(three / "c"))
    assert found.keys == {"networks.width": (None, 8), "penalties.r1.weight": (0.02, 1.0)}
    assert found.scores == {"kid": (None, 2.5)} and found.comparable is None
    other = make(three / "d", "quick", 30, 2.0, features_sha256="b")
    assert compare(Run.open(three / "c"), other).comparable is False
    assert compare(other, other).keys == {} and compare(other, other).comparable


# --- the command -------------------------------------------------------------------------------


def test_the_list(here, three):
    done = here("runs", three, "--sort", "score")
    head, *rows = (line.split() for line in done.stdout.splitlines())
    assert head == ["run", "recipe", "kimg", "min", "best", "MB", "state"]
    assert rows[0] == ["c", "quick", "30/600", "1.5", "kid", "2.5", "3", "finished"]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_as_json(here, three):
    found = json.loads(here("runs", three, "--json").stdout)["runs"]
    assert [one["name"] for one in found] == ["a", "b", "c"]
    assert found == [one.to_dict() for one in summaries(three)]
    found = json.loads(here("runs", "--compare", three / "b", three / "c", "--json").stdout)
    assert set(found) == {"runs", "keys", "scores", "comparable"}
    assert found["keys"]["networks.width"] == [None, 8]


def test_side_by_side(here, three):
    done = here("runs", "--compare", three / "b", three / "c")
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    cells = {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}
    assert cells["networks.width"] == ["unset", "8"]
    assert cells["kid"] == ["2.5"] and cells["kimg so far"] == ["10", "30"]
    make(three / "d", "quick", 30, 2.0, features_sha256="b")
    assert "do not compare" in here("runs", "--compare", three / "c", three / "d").stderr


def test_an_empty_place_is_no_error(here, tmp_path):
    for words, place in (([], "runs/"), ([tmp_path], f"{tmp_path}/")):
        done = here("runs", *words)
        assert done.returncode == 0 and not done.stderr
        assert done.stdout == f"no runs in {place} yet: `ganvas train photos/` makes the first\n"
    assert json.loads(here("runs", "--json").stdout) == {"runs": []}


@pytest.mark.parametrize(
    ("words", "named"),
    [(["nowhere"], "nowhere"), (["--sort", "kimgs"], "'kimg'"), (["--compare", "a", "b"], "a"),
     (["--compare", "a"], "2 arguments")],
)  # fmt: skip
def test_refusals(here, words, named):
    done = here("runs", *words)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and named in done.stderr
