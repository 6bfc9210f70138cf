# ruff: noqa: E402 - the extra may be absent
"""The search without training: space, order of trials, report."""

import contextlib
import dataclasses
import datetime
import json
import math
import shutil
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

optuna = pytest.importorskip("optuna", reason="the extra [tune] is not installed")

from ganvas import __version__
from ganvas.config import Range, load_recipe, parse, recipe_names
from ganvas.errors import ConfigError, UsageError
from ganvas.storage.run import Run
from ganvas.tuning import BestTrial, Repeats, TrialResult, TuningResult, study as studies
from ganvas.tuning.space import digest, distributions, parameters_of, space_of, summary, values_of
from ganvas.tuning.study import Study
from ganvas.tuning.study_report import page, sentences
from ganvas.tuning.trial import copies_of
from ganvas.tuning.verdict import best_recipe, compare
from refusals import refuses

QUICK = load_recipe("quick")
SPACE = {
    "train.learning_rate": Range(low=1e-4, high=1e-2, log=True),
    "train.discriminator_steps": Range(low=1, high=4),
    "augment": ["diff", {"name": "ada", "kimg": 5.0}],
    "penalties.r1.weight": Range(low=0.01, high=10.0, log=True),
}


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_can_be_searched(name):
    config = load_recipe(name)
    space = space_of(config)
    assert "train.learning_rate" in space
    found = parameters_of(space, config)
    assert found is None or set(found) == set(space)


def test_a_recipe_without_a_space_is_searched_around_its_values():
    config = load_recipe("wgan-gp")
    space = space_of(config)
    rate = config.train.learning_rate
    assert space["train.learning_rate"] == Range(low=rate / 10, high=rate * 10, log=True)
    assert space["penalties.gradient.weight"] == Range(low=1.0, high=100.0, log=True)
    assert parameters_of(space, config)["penalties.gradient.weight"] == 10.0


@pytest.mark.parametrize(
    "values, options, own",
    [
        ({}, {"networks.width": [16, 32]}, {"networks.width": 32}),
        ({}, {"networks.width": Range(low=8, high=64)}, {"networks.width": 32}),
        ({"networks": "dcgan"}, {"networks": [{"name": "dcgan", "width": 32}]},
         {"networks": '{"name": "dcgan", "width": 32}'}),
        ({}, {"loss": ["nonsaturating", {"name": "hinge"}]}, {"loss": '{"name": "hinge"}'}),
        ({"augment": "ada"}, {"augment.target": [0.5, 0.6]}, {"augment.target": 0.6}),
        ({"augment": {"name": "diff"}}, {"augment": ["ada", "diff"]}, {"augment": "diff"}),
        ({}, {"train.discriminator_learning_rate": [4e-3]},
         {"train.discriminator_learning_rate": 4e-3}),
        ({}, {"networks.width": [16, 64]}, None),
    ],
)  # fmt: skip
def test_the_recipes_own_values_are_found_however_they_are_written(values, options, own):
    """Left to a part's default, as a word or as a table."""
    config = QUICK.with_values({**values, "tune": options})
    assert parameters_of(space_of(config), config) == own


def test_toml_with_and_without_quotes_says_the_same():
    one = tomllib.loads('[tune]\n"train.beta1" = [0.0, 0.5]\n"train.batch" = {low=8, high=64}')
    other = tomllib.loads("[tune]\ntrain.beta1 = [0.0, 0.5]\ntrain.batch = {low=8, high=64}")
    assert parse(one) == parse(other)
    again = parse(tomllib.loads(parse(one).toml()))
    assert again.tune == {"train.beta1": [0.0, 0.5], "train.batch": Range(low=8, high=64)}


@pytest.mark.parametrize(
    "tune, words",
    [
        ({"train.learning_rat": [1]}, "did you mean 'train.learning_rate'"),
        ({"penalties.r2.weight": [1.0]}, "unknown penalty of this recipe 'r2'; accepted: r1"),
        ({"train.beta1": {"low": 0.5, "high": 2.0}}, "train.beta1 must be < 1, got 2.0"),
        ({"loss": ["hinge", "hing"]}, "did you mean 'hinge'"),
        ({"train.batch": {"low": 9, "high": 8}}, "low must be < high, got low = 9, high = 8"),
        ({"train.batch": {"low": 0, "high": 8, "log": True}}, "log = true needs low > 0"),
        ({"train.batch": 3}, "is not a range"),
        ({"train.batch": []}, "is not a range"),
        ({"train.batch": {"low": 3}}, "field required"),
    ],
)
def test_what_cannot_be_searched_is_said(tune, words):
    with pytest.raises(ConfigError) as error:
        space_of(QUICK.with_values({"penalties": [{"name": "r1", "weight": 1.0}], "tune": tune}))
    assert words in str(error.value)


def test_values_come_back_as_the_recipe_has_them():
    trial = optuna.create_study().ask(distributions(SPACE))
    values = values_of(SPACE, trial.params)
    assert values.keys() == SPACE.keys()
    assert values["augment"] in SPACE["augment"]
    assert isinstance(values["train.discriminator_steps"], int)
    config = QUICK.with_values({"penalties": ["r1"]}).with_values(values)
    assert config.penalties == [{"name": "r1", "weight": values["penalties.r1.weight"]}]
    assert summary({"train.beta1": 0.123456, "loss": "hinge"}) == "beta1 0.123, loss hinge"
    parts = {"penalties": [{"name": "r1", "weight": 0.1}], "augment": [], "data.labels": True}
    assert summary(parts) == "penalties r1 weight 0.1, augment none, labels True"


def test_the_same_values_have_the_same_name():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})


def study_in(folder, seed=0, about=None):
    space = {"train.learning_rate": Range(low=1e-4, high=1e-2, log=True)}
    return Study(str(folder / "s.db"), folder / "s-study", space, about or {"kimg": 1.0}, seed)


@pytest.mark.parametrize("name", ["a b", "a%20b", "a?b=1", "a#b", "ä"])
def test_a_study_lies_where_it_was_said(tmp_path, name):
    (tmp_path / name).mkdir()
    study_in(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "s.db").is_file()


def test_so_many_trials_and_no_more(tmp_path):
    study = study_in(tmp_path)
    with study.worker() as name:
        for number in range(4):
            study.optuna.tell(study.ask(4, name), float(number))
        assert study.ask(4, name) is None
        assert study.best().number == 0
        study.optuna.tell(study.ask(5, name), state=optuna.trial.TrialState.PRUNED)
    assert len(study.done()) == 5 and study.best().number == 0


def test_trials_that_copy_training_images_come_last(tmp_path):
    study = study_in(tmp_path)
    with study.worker() as name:
        for number, copies in enumerate((0.4, 0.2, 0.0, 0.0)):
            trial = study.ask(4, name)
            trial.set_user_attr("copies", copies)
            study.optuna.tell(trial, float(number))
    assert study.best().number == 2


@pytest.mark.parametrize(
    ("allowed", "last", "copies"), [(0.02, 0.5, 0.48), (0.02, 0.01, 0.0), (None, 0.5, 0.0)]
)
def test_copies_are_counted_where_training_images_judge(tmp_path, allowed, last, copies):
    run = Run(tmp_path)
    best = {"model": "a.keras", "by": "kid", "kid": 1.0, "step": 2, "kimg": 2.0}
    run.write_json("best.json", best | {"copies_allowed": allowed})
    shares = (1, 0.9), (2, last)
    rows = [{"step": n, "kimg": n, "seconds": n, "score/near_copies": share} for n, share in shares]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert copies_of(run) == pytest.approx(copies)


def choices(study, name, count):
    found = []
    for _ in range(count):
        trial = study.ask(100, name)
        found.append(trial.params["train.learning_rate"])
        study.optuna.tell(trial, math.log(found[-1]) ** 2)
    return found


def test_going_on_chooses_what_going_straight_would_have(tmp_path):
    """A sampler that starts over would draw its first values again."""
    for name in ("straight", "twice"):
        (tmp_path / name).mkdir()
    straight = study_in(tmp_path / "straight")
    with straight.worker() as name:
        expected = choices(straight, name, 8)
    found = []
    for count in (4, 4):
        study = study_in(tmp_path / "twice")
        with study.worker() as name:
            found += choices(study, name, count)
    assert found == expected
    assert len(set(found)) == 8 > studies.STARTUP


def test_the_trial_of_a_dead_worker_is_asked_for_again(tmp_path):
    study = study_in(tmp_path)
    with study.worker() as name:
        mine = study.ask(9, name)
    lost = mine.params
    other = study_in(tmp_path)
    with other.worker() as name:
        again = other.ask(9, name)
        assert again.params == lost and again.number != mine.number
        assert other.ask(9, name).params != lost, "a living worker's trial is its own"
    states = [trial.state.name for trial in other.trials()]
    assert states == ["FAIL", "RUNNING", "RUNNING"]


@pytest.mark.parametrize("dies", [False, True])
def test_who_has_nothing_left_waits_for_the_last_trial_of_another(tmp_path, monkeypatch, dies):
    """And plays it, when the other dies."""
    monkeypatch.setattr(studies, "POLL", 0.01)
    study, other = study_in(tmp_path), study_in(tmp_path)
    with ThreadPoolExecutor(1) as pool, other.worker() as waiting:
        with study.worker() as name:
            mine = study.ask(1, name)
            next_one = pool.submit(other.ask, 1, waiting)
            time.sleep(0.5)
            assert not next_one.done()
            if not dies:
                study.optuna.tell(mine, 1.0)
                assert study.ask(1, name) is None  # as a worker does before it ends
        found = next_one.result(timeout=60)
    assert found.params == mine.params if dies else found is None


def test_a_worker_that_reports_and_ends_while_another_looks_is_not_taken_for_dead(
    tmp_path, monkeypatch
):
    study, other = study_in(tmp_path), study_in(tmp_path)
    with contextlib.ExitStack() as stack:
        number = study.ask(1, stack.enter_context(study.worker())).number
        lives = other._lives

        def ends(worker, trial):
            study.optuna.tell(trial, 1.0)
            stack.close()
            return lives(worker, trial)

        monkeypatch.setattr(other, "_lives", ends)
        with other.worker() as another:
            assert other.ask(1, another) is None
    assert [trial.number for trial in other.done()] == [number]


def test_waiting_ends_when_it_is_over(tmp_path):
    study = study_in(tmp_path)
    with study.worker() as name:
        study.ask(1, name)
        assert study.ask(1, name, lambda: True) is None


def test_waiting_with_no_combination_left_leaves_no_trials(tmp_path):
    space = {"train.beta1": [0.0, 0.5]}
    study = Study(str(tmp_path / "s.db"), tmp_path / "s-study", space, {"kimg": 1.0}, 0)
    with study.worker() as name:
        assert study.ask(9, name).params != study.ask(9, name).params
        before = len(study.trials())
        for _ in range(3):
            assert study.ask(9, name, lambda: True) is None
    assert len(study.trials()) == before


def test_a_worker_whose_lock_lies_elsewhere_is_not_taken_for_dead(tmp_path):
    """As on a machine that reaches the database and not the folder."""
    study = study_in(tmp_path)
    with study.worker() as name:
        study.ask(9, name)
        shutil.rmtree(tmp_path / "s-study")
        other = study_in(tmp_path)
        for _ in range(2):
            with (
                other.worker() as another,
                refuses(UsageError, "0"),
            ):
                other.ask(9, another)
        assert [trial.state.name for trial in other.trials()] == ["RUNNING"]


def test_a_lock_that_vanishes_when_let_go_is_that_of_the_dead(tmp_path):
    """As some versions of filelock do, and Windows."""
    study = study_in(tmp_path)
    with study.worker() as name:
        lost = study.ask(9, name).params
    (tmp_path / "s-study" / "workers" / f"{name}.lock").unlink()
    with study.worker() as name:
        assert study.ask(9, name).params == lost


@pytest.mark.parametrize("progress", [False, True])
def test_what_takes_its_process_with_it_is_given_up(tmp_path, progress):
    """As a network that does not fit into memory would, for ever; not one that gets further."""
    log = tmp_path / "s-study" / "trials" / "mine" / "log.jsonl"
    study = study_in(tmp_path)
    log.parent.mkdir()
    for life in range(4):
        with study.worker() as name:  # which dies
            trial = study.ask(9, name)
            trial.set_user_attr("run", "mine")
        log.write_text("{}\n" * (life * progress))
        if life == 0:
            first = trial.params
    assert (trial.params == first) == progress
    assert [t.user_attrs["why"] for t in study.done()] == (
        [] if progress else ["died 3 times at the same place"]
    )


def test_another_search_in_the_same_study_is_refused(tmp_path):
    study_in(tmp_path, about={"kimg": 1.0})
    with refuses(UsageError, "1.0", "2.0"):
        study_in(tmp_path, about={"kimg": 2.0})


def test_a_place_that_is_no_database(tmp_path):
    (tmp_path / "s.db").write_text("no database")
    with refuses(UsageError):
        study_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


def test_the_comparison_is_students_paired_interval():
    best, default = [1.0, 1.2, 0.9], [2.0, 2.5, 1.8]
    found = compare(best, default)
    gaps = np.array(best) - default
    half = 4.302653 * gaps.std(ddof=1) / math.sqrt(3)
    assert found.difference == pytest.approx(gaps.mean())
    assert found.low == pytest.approx(gaps.mean() - half, rel=1e-5)
    assert found.high == pytest.approx(gaps.mean() + half, rel=1e-5)
    assert found.verdict == "helps"
    assert compare(default, best).verdict == "hurts"
    assert compare([1.0, 2.0, 3.0], [2.0, 1.0, 3.0]).verdict == "no evidence"


@pytest.mark.parametrize(
    "best, default, verdict",
    [
        ([1.0, 1.0], [None, None], "helps"),
        ([None, None], [1.0, 1.0], "hurts"),
        ([None, 1.0], [None, None], "no evidence"),
        ([1.0, 1.0], [None, 5.0], "no evidence"),
        ([1.0], [5.0], "no evidence"),
    ],
)
def test_runs_that_died_and_too_few_seeds(best, default, verdict):
    found = compare(best, default)
    assert found.verdict == verdict and found.low is None


def result_of(tmp_path, verdict="helps"):
    study = study_in(tmp_path)
    rates = [1e-3, 2e-3, 5e-3]
    arguments = ["diff", {"name": "ada"}, "diff"]
    trials = [
        TrialResult(n, v, w, (), {"train.learning_rate": r, "augment": a}, "x")
        for n, (v, w, r, a) in enumerate(
            zip([3.0, 1.0, None], [None, None, "diverged"], rates, arguments, strict=True))
    ]  # fmt: skip
    repeats = Repeats(-1.9, -2.0, -1.8, verdict, (1, 2), (1.1, 1.2), (3.0, 3.1))
    return TuningResult(
        recipe="quick", data="mnist", kimg=1.0, folder=str(study.folder), study=study.address,
        images="f00d", by="frechet", against="held-out images",
        best=BestTrial(1, 1.0, trials[1].values), trials=tuple(trials), repeats=repeats,
        importance={"train.learning_rate": 0.7, "augment": 0.3},
    )  # fmt: skip


def test_the_best_recipe_trains_with_the_best_values(tmp_path):
    text = best_recipe(QUICK, result_of(tmp_path))
    config = parse(tomllib.loads(text))
    assert config.train.learning_rate == 2e-3 and config.augment["name"] == "ada"
    assert config.recipe == "quick-tuned" and not config.data.source
    assert config.scores == QUICK.scores and config.watch == QUICK.watch
    score = "frechet on held-out images: 1 in the search; 1.1, 1.2 with seeds [1, 2]"
    assert f"# score: {score}\n" in text
    made = f"by ganvas {__version__} on {datetime.date.today().isoformat()}"
    data = "data: searched on mnist, fingerprint f00d"
    for line in (data, f"study: {tmp_path}/s.db", f"made: {made}"):
        assert f"# {line}\n" in text


def test_a_password_is_not_passed_on(tmp_path):
    study = study_in(tmp_path)
    study.place = "postgresql://me:secret@host/tune?password=secret"
    assert study.address == "postgresql://me:***@host/tune"


@pytest.mark.parametrize(
    "verdict, repeats", [("helps", True), ("no evidence", True), ("hurts", True), ("helps", False)]
)
def test_the_page_says_what_was_found(tmp_path, verdict, repeats):
    result = result_of(tmp_path, verdict)
    result = result if repeats else dataclasses.replace(result, repeats=None)
    words = page(result).html()
    assert sentences(result)[0] in words.replace("&#x27;", "'")
    assert words.count("<svg") == 2 and "diverged" in words
    assert ("the best of many" in words) == repeats
