"""Signals from known pictures, failures from synthetic logs, fixes for every recipe."""

from types import SimpleNamespace

import numpy as np
import pytest

from ganvas.config import load_recipe, parse_set, recipe_names
from ganvas.doctor import (
    FAILURES,
    PATTERNS,
    Diagnosis,
    diagnose,
    examine,
    examine_run,
    fixes_of,
    health_report,
    healthy as is_healthy,
    progress_of,
    signals,
    since_fix,
)  # fmt: skip
from ganvas.doctor.diagnosis import signals_of
from ganvas.doctor.fixes import CHANGES, SLOPES
from ganvas.errors import RunError
from ganvas.gan.losses import LOSSES
from ganvas.gan.penalties import PENALTIES
from ganvas.storage.run import Run
from refusals import refuses

REPORT = {"used": 60_000, "duplicates": 0, "constant": 0}


def healthy(count: int = 12) -> list[dict]:
    """A run that gets better: rows as they stand in log.jsonl."""
    rows = []
    for tick in range(1, count + 1):
        row = {
            "distance": 0.5 / tick**2, "diversity": 1 - 0.5 / tick, "coverage": 0.95,
            "duplicates": 0.0, "blank": 0.0, "saturated": -0.1, "checkerboard": 0.2,
            "drift": 1.0 / tick, "separation": max(0.7, 1 - 0.04 * tick), "contrast": 1.0,
            "memory": 0.5,
            "step/generator": 0.01, "step/discriminator": 0.01,
        }  # fmt: skip
        row = {f"signal/{name}": value for name, value in row.items()}
        row |= {"step": 25 * tick, "kimg": 1.6 * tick, "seconds": 1.0 * tick}
        row |= {"discriminator": 1.0, "generator": 0.9, "real": 0.5, "fake": -0.5}
        rows.append(row | {"slope/generator": 2.0, "slope/discriminator": 3.0})
    return rows


def severities(rows: list[dict]) -> list[str]:
    return [finding.severity for finding in examine(rows, REPORT)]


def changed(since: int, **values) -> list[dict]:
    """The healthy run, with these signals from a tick on (counted from 0)."""
    rows = healthy()
    for row in rows[since:]:
        for name, value in values.items():
            own = name in ("real", "fake", "discriminator", "generator")
            row[name if own else f"signal/{name.replace('__', '/')}"] = value
    return rows


FAILING = {
    "mode_collapse": [
        changed(6, duplicates=0.9, distance=0.6, diversity=0.1),
        changed(6, diversity=0.3, distance=0.05),
    ],
    "vanishing_gradient": [
        changed(6, separation=1.0, distance=0.6),
        changed(6, separation=0.99, distance=0.03),
    ],
    "discriminator_collapse": [
        changed(6, separation=0.5, distance=0.6),
        changed(6, step__discriminator=1e-9, distance=0.6),
    ],
    "oscillation": [changed(6, drift=1.2, distance=0.05)],
    "divergence": [
        changed(6, real=2e4, fake=-3e4),
        changed(6, real=200.0, fake=0.0, distance=0.5),
        changed(11, discriminator=400.0),
    ],
    "penalty_dominates": [
        changed(6, penalty_share=0.9, distance=0.05),
        changed(6, penalty_share=0.9, distance=0.6),
    ],
    "overfitting": [changed(6, memory=0.9)],
    "artifacts": [changed(6, checkerboard=1.5, distance=0.05), changed(6, saturated=0.6)],
}  # fmt: skip


@pytest.mark.parametrize(
    "failure, rows", [(d, rows) for d, several in FAILING.items() for rows in several]
)
def test_each_failure_is_named_first(failure, rows):
    found = examine(rows, REPORT)
    assert found and found[0].failure == failure, found
    assert found[0].since_kimg > rows[5]["kimg"]
    assert set(found[0].evidence) and all(np.isfinite(v) for v in found[0].evidence.values())


def test_a_healthy_run_has_nothing_at_any_time():
    rows = healthy(30)
    for count in range(1, len(rows) + 1):
        assert examine(rows[:count], REPORT) == []
        assert count < 4 or is_healthy(rows[:count], REPORT)


def test_a_slow_start_that_gets_better_is_no_failure():
    """Every fake is told and the images are far off, but less with each tick."""
    rows = changed(0, separation=1.0, duplicates=0.9)
    for tick, row in enumerate(rows):
        row["signal/distance"] = 1.5 * 0.85**tick
        assert examine(rows[: min(tick + 1, 4)], REPORT) == []


def test_a_penalty_may_dominate_while_the_images_improve():
    rows = changed(0, penalty_share=1.7)
    assert all(examine(rows[:count], REPORT) == [] for count in range(1, len(rows) + 1))


@pytest.mark.parametrize(
    "values, severity",
    [
        ({"penalty_share": 0.9, "distance": 0.014}, "suspected"),  # no progress
        ({"penalty_share": 0.9, "distance": 0.05}, "certain"),  # worse
        ({"penalty_share": 0.6, "distance": 0.05}, None),
        ({"penalty_share": 0.9, "distance": 0.05, "step__discriminator": 4e-4}, None),  # too slow
    ],
)
def test_a_penalty_that_dominates(values, severity):
    found = examine(changed(6, **values), REPORT)
    assert [(f.failure, f.severity) for f in found] == (
        [("penalty_dominates", severity)] if severity else []
    )


@pytest.mark.parametrize("name", ["frechet", "kid"])
def test_worse_scores_tell_that_a_penalty_dominates(name):
    """Scores are rarer than ticks: the last one counts."""
    rows = changed(0, penalty_share=0.9)
    for tick, score in ((2, 3.0), (5, 2.0), (8, 3.4)):
        rows[tick][f"score/{name}"] = score
    assert "certain" not in severities(rows[:10])
    (finding,) = examine(rows[:11], REPORT)
    assert (finding.failure, finding.severity) == ("penalty_dominates", "certain")
    assert finding.evidence["setback"] == 1.7


def test_distances_within_their_noise_are_no_decline():
    rows = changed(4, penalty_share=0.9, distance=0.001)
    for row in rows[8:]:
        row["signal/distance"] = 0.008
    assert "certain" not in severities(rows)


def test_no_progress_is_expected_of_a_rate_that_has_decayed():
    for rate, names in ((1.0, ["vanishing_gradient"]), (0.3, []), (0.1, [])):
        rows = changed(6, separation=1.0, rate=rate)
        for tick, row in enumerate(rows[6:]):
            row["signal/distance"] = 0.6 * 0.93**tick
        assert [f.failure for f in examine(rows, REPORT)] == names


def test_the_first_tick_cannot_show_that_nothing_improves():
    """Three ticks of a run that is still far off are no failure; the fourth makes it one."""
    rows = changed(0, separation=1.0, duplicates=0.9, distance=0.8)
    assert examine(rows[:3], REPORT) == []
    assert examine(rows[:4], REPORT)[0].failure == "mode_collapse"


def test_a_bad_tick_or_two_are_no_failure_but_nothing_to_go_back_to():
    rows = changed(11, duplicates=0.9, distance=0.6)
    assert examine(rows, REPORT) == []
    assert not is_healthy(rows, REPORT)


def test_what_is_over_is_no_finding():
    rows = changed(2, duplicates=0.9, distance=0.6)[:8] + healthy()[8:]
    assert examine(rows, REPORT) == []


def test_a_number_that_is_not_finite():
    found = examine(healthy(), REPORT, {"what": "loss", "step": 400, "kimg": 25.6})
    assert [f.failure for f in found] == ["divergence"]
    assert found[0].since_kimg == 25.6
    assert examine([], REPORT, {"kimg": 0.5})[0].failure == "divergence"


@pytest.mark.parametrize(
    "report, severity",
    [({"used": 50}, "certain"), ({"used": 300}, "suspected"),
     ({"used": 1000, "duplicates": 600}, "certain"),
     ({"used": 1000, "constant": 200}, "suspected")],
)  # fmt: skip
def test_bad_data(report, severity):
    found = examine(healthy(), report)
    assert [(f.failure, f.severity) for f in found] == [("bad_data", severity)]


def test_warm_up_is_not_judged():
    rows = changed(0, separation=1.0, distance=0.9, step__generator=0, duplicates=1.0)
    for row in rows:
        row["slope/generator"] = 0.0
    assert examine(rows, REPORT)[0].failure == "mode_collapse"  # a dead generator is none
    for row in rows:
        row["generator"] = 0.0
    assert examine(rows, REPORT) == []


def test_what_came_before_a_fix_is_forgotten():
    rows = changed(6, duplicates=0.9, distance=0.6)
    assert since_fix([*rows, {"cure": ["a=1"]}, *healthy(2)]) == healthy(2)


def test_low_diversity_counts_in_frozen_features_where_they_are_logged():
    """Healthy runs on colour images have a low diversity in pixels at first."""
    values = {"diversity": 0.2, "distance": 0.05}
    assert examine(changed(6, **values), REPORT)[0].failure == "mode_collapse"
    assert examine(changed(6, **values, lite0__diversity=0.4), REPORT) == []
    found = examine(changed(6, **values, lite0__diversity=0.2), REPORT)
    assert [(f.failure, f.severity) for f in found] == [("mode_collapse", "certain")]
    assert found[0].evidence["lite0/diversity"] == 0.2


def test_progress_is_measured_in_frozen_features_where_they_are_logged():
    """A resumed run of an older version has them in its last ticks only."""
    rows = changed(9, distance=0.01, lite0__distance=0.4)
    progress = diagnosis_of(rows).progress
    assert (progress.features, progress.distance, progress.falling) == ("lite0", 0.4, None)
    rows = changed(0, distance=0.01, lite0__distance=0.4)
    assert diagnosis_of(rows).progress.falling is False
    text = health_report("x", rows, diagnosis_of(rows))
    assert "in frozen features is 0.4, which is far; 0 is equal. It no longer falls." in text
    near = changed(0, distance=0.01, lite0__distance=0.06)
    assert "which is far" not in health_report("x", near, diagnosis_of(near))


def test_every_pattern_belongs_to_a_failure_that_has_a_source():
    assert {pattern.failure for pattern in PATTERNS} == set(FAILURES)
    for failure in FAILURES.values():
        assert "arXiv" in failure.source or "doi" in failure.source
        assert {name for fix in failure.fixes for name in fix} <= set(CHANGES)


@pytest.mark.parametrize("recipe", recipe_names())
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("anew", [False, True])
def test_fixes_can_be_set(recipe, failure, anew):
    """The words that are printed give the recipe that healing would take."""
    config = load_recipe(recipe)
    for fix in fixes_of(failure, config, anew):
        fixed = config.with_values(parse_set(fix.settings))
        assert fixed == config.with_values(fix.values) != config
        assert fix.costs
        counted = ("kimg", "batch", "discriminator_steps", "seed", "tick_kimg")
        assert all(getattr(fixed.train, k) == getattr(config.train, k) for k in counted)


def test_cures_leave_alone_what_is_right():
    assert fixes_of("vanishing_gradient", load_recipe("quick")) == []
    wild = load_recipe("quick").with_values({"train.learning_rate": 0.5, "train.beta1": 0.9})
    first = fixes_of("mode_collapse", wild)[0]
    assert first.values == {"train.learning_rate": 2e-3, "train.beta1": 0.5} and not first.anew
    custom = wild.with_values({"recipe": "mine"})
    assert fixes_of("mode_collapse", custom)[0].values["train.learning_rate"] == 1e-3
    bare = load_recipe("quick").with_values({"penalties": []})
    (first, *_) = fixes_of("vanishing_gradient", bare)
    assert first.values == {"penalties": load_recipe("quick").penalties}
    small = bare.with_values({"networks.width": 1})
    assert set(fixes_of("vanishing_gradient", small, anew=True)[0].values) == {
        "penalties", "networks.width",
    }  # fmt: skip
    classic = load_recipe("classic")
    last = fixes_of("mode_collapse", classic)[-1]
    assert last.anew and last.values["networks"]["name"] == "dcgan"


def test_a_penalty_that_dominates_is_annealed_and_then_lighter():
    constant = load_recipe("quick").with_values(
        {"penalties": [{"name": "r1", "weight": 0.4, "start": 2.0}, {"name": "lecam"}],
         "train.burn_in_kimg": 50, "train.decay": "none"}
    )  # fmt: skip
    first, last = fixes_of("penalty_dominates", constant)
    assert first.values == {
        "penalties": [{"name": "r1", "weight": 0.04, "start": 0.4}, {"name": "lecam"}],
        "train.burn_in": 1.0, "train.decay": "cosine", "train.decay_to": 0.02,
    }  # fmt: skip
    assert last.values["penalties"][0] == {"name": "r1", "weight": 0.1, "start": 0.5}
    assert last.values["train.learning_rate"] == constant.train.learning_rate / 2
    (only,) = fixes_of("penalty_dominates", constant.with_values(first.values))
    assert only.values["penalties"][0] == {"name": "r1", "weight": 0.01, "start": 0.1}
    assert not any(fix.anew for fix in (first, last, only))


def test_a_penalty_is_added_with_its_schedule():
    bare = load_recipe("quick").with_values({"penalties": [], "train.burn_in": 0})
    values = CHANGES["slope"].values(bare)
    assert values == {"penalties": load_recipe("quick").penalties, "train.burn_in": 1.0}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_bound_on_the_slope_exists_and_suits_the_loss(loss):
    config = load_recipe("classic").with_values({"loss": loss})
    penalties = CHANGES["slope"].values(config)["penalties"]
    assert {p["name"] for p in penalties} <= set(PENALTIES) & set(SLOPES)
    assert ("gradient" in str(penalties)) == (loss == "wasserstein")
    bound = config.with_values({"penalties": penalties})
    assert CHANGES["slope"].values(bound) == {}


def diagnosis_of(rows: list[dict], planned: float = 300.0) -> Diagnosis:
    ticks = signals_of(rows, {}, None)
    kimg = rows[-1]["kimg"] if rows else 0.0
    return Diagnosis(tuple(examine(rows, REPORT)), progress_of(ticks, kimg, planned))


def test_the_sheet_shows_evidence_and_cure():
    rows = changed(6, duplicates=0.9, distance=0.6)
    diagnosis = diagnosis_of(rows)
    text = health_report("runs/x", rows, diagnosis)
    assert "failing: mode_collapse (certain), at 19.2 of 300 kimg\n" in text
    assert "since 11.2 kimg" in text and "duplicates 0.9" in text and "█" in text
    assert diagnosis.healthy is False and diagnosis.to_dict()["healthy"] is False


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_before_three_ticks_it_is_too_early_to_say(count):
    rows = healthy(count)
    diagnosis = diagnosis_of(rows)
    early = f"too early to say, at {1.6 * count:g} of 300 kimg ({count} of the 3 ticks"
    assert diagnosis.healthy is (True if count == 3 else None)
    assert (early in health_report("runs/x", rows, diagnosis)) == (count < 3)
    assert diagnosis.to_dict() == {"healthy": diagnosis.healthy, "findings": []}


def test_a_certain_failure_is_never_too_early():
    rows = changed(0, real=2e4, fake=-3e4)[:2]
    assert diagnosis_of(rows).healthy is False
    few = Diagnosis(tuple(examine(healthy(1), {"used": 300})), diagnosis_of(healthy(1)).progress)
    assert few.healthy is None
    assert "too early to say, but: bad_data (suspected)" in health_report("x", healthy(1), few)


def test_warm_up_and_what_was_before_a_fix_are_no_ticks():
    rows = healthy(4)
    for row in rows:
        row["generator"] = row["slope/generator"] = 0.0
    diagnosis = diagnosis_of(rows)
    assert (
        diagnosis.healthy is None
        and diagnosis.progress.ticks == 0
        and diagnosis.progress.kimg == 6.4
    )


def test_the_report_says_how_far_the_run_is_and_whether_it_improves():
    rows = healthy(12)
    text = health_report("runs/x", rows, diagnosis_of(rows))
    assert "runs/x: healthy, at 19.2 of 300 kimg\n" in text
    assert (
        "The distance to the real images in pixels is 0.0035; 0 is equal. It still falls.\n" in text
    )
    flat = changed(3, distance=0.3)
    assert "is 0.3; 0 is equal. It no longer falls." in health_report("x", flat, diagnosis_of(flat))
    text = health_report("x", rows[:5], diagnosis_of(rows[:5]))
    assert "is 0.02; 0 is equal.\n" in text


def test_a_run_is_diagnosed_with_its_own_length(tmp_path):
    run = Run(tmp_path)
    run.write("config.toml", load_recipe("quick").toml())
    for row in healthy(7):
        run.log(row)
    found = diagnose(run)
    assert found.healthy is True
    assert found.progress.planned_kimg == 600 and round(found.progress.kimg, 3) == 11.2


def test_runs_that_cannot_be_examined(tmp_path):
    run = Run(tmp_path)
    run.write("config.toml", load_recipe("quick").toml())
    with refuses(RunError):
        examine_run(run)
    run.log({"step": 1, "kimg": 0.1, "seconds": 1.0})
    with refuses(RunError):
        examine_run(run)


# --- signals --------------------------------------------------------------------------------


def noise(count: int, seed: int, low: int = 0, high: int = 256) -> np.ndarray:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(low, high, (count, 4, 4, 1))
    return blocks.repeat(4, 1).repeat(4, 2).astype(np.uint8)


def test_signals_of_like_pictures():
    found = signals.of_pictures(noise(128, 1), noise(128, 2), noise(128, 1))
    assert abs(found["distance"]) < 0.02 and abs(found["diversity"] - 1) < 0.05
    assert found["coverage"] > 0.8 and found["duplicates"] == found["blank"] == 0
    assert abs(found["saturated"]) < 0.02 and abs(found["checkerboard"]) < 0.1
    assert found["drift"] == 0


@pytest.mark.parametrize(
    "fake, name, least",
    [
        (np.repeat(noise(1, 1), 128, 0), "duplicates", 1.0),
        (np.full((128, 16, 16, 1), 40, np.uint8), "blank", 1.0),
        (np.where(noise(128, 1) > 127, 255, 0).astype(np.uint8), "saturated", 0.9),
        (np.where(np.indices((128, 16, 16, 1)).sum(0) % 2, 200, noise(128, 1)).astype(np.uint8),
         "checkerboard", 0.5),
        (noise(128, 1, 200), "distance", 0.2),
    ],
)  # fmt: skip
def test_signals_of_sick_pictures(fake, name, least):
    found = signals.of_pictures(fake, noise(128, 2), noise(128, 7))
    assert found[name] >= least, found


def test_half_the_modes_are_half_covered():
    many, few = noise(16, 1).repeat(8, 0), noise(8, 1).repeat(16, 0)
    jitter = np.random.default_rng(0).integers(0, 6, many.shape).astype(np.uint8)
    other = np.random.default_rng(1).integers(0, 6, many.shape).astype(np.uint8)
    found = signals.of_pictures(few // 2 + jitter, many // 2 + other)
    assert 0.3 < found["coverage"] < 0.6


def test_energy_distance_is_that_of_the_definition():
    x, y = noise(12, 3), noise(12, 4)
    a, b = signals.vectors(x), signals.vectors(y)

    def mean(p, q):
        return np.mean([np.linalg.norm(i - j) for i in p for j in q])

    def pairs(p):
        return np.mean(
            [np.linalg.norm(p[i] - p[j]) for i in range(12) for j in range(12) if i != j]
        )

    wanted = (2 * mean(a, b) - pairs(a) - pairs(b)) / pairs(b)
    assert np.isclose(signals.of_pictures(x, y)["distance"], wanted, atol=1e-5)


def test_logits():
    found = signals.of_logits(np.arange(10.0), np.arange(10.0) - 100, np.arange(10.0))
    assert found["separation"] == 1 and found["memory"] == 0.5 and found["contrast"] > 1.9
    assert "memory" not in signals.of_logits(np.ones(4), np.zeros(4))


class Some:
    """Images as a source of a run."""

    classes, count = 0, 64
    rows = np.arange(64)

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        return self.images[rows]

    def held_out(self) -> None:
        return None


def test_colour_images_are_compared_in_frozen_features_and_digits_are_not():
    from ganvas.data.mnist import mnist
    from ganvas.training.callbacks import Signals

    colour = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype(np.uint8)
    plan, sampler = SimpleNamespace(batch=64), SimpleNamespace(noise_size=4)
    of_colour = Signals(None, plan, sampler, Some(colour))
    found = of_colour._frozen(of_colour.real)
    assert set(found) == {f"lite0/{s}" for s in ("distance", "diversity", "coverage", "duplicates")}
    assert found["lite0/diversity"] == 1 and found["lite0/coverage"] == 1
    blank = of_colour._frozen(np.zeros_like(of_colour.real))
    assert blank["lite0/distance"] > 0.5 and blank["lite0/diversity"] < 0.01
    digits = mnist("test")[0][:64, :, :, None]
    assert Signals(None, plan, sampler, Some(digits))._frozen(digits) == {}
