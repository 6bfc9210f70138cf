"""The verdict of the rare-class kit: choices, words, tricks that must not work, and the gate."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from ganvas.errors import UsageError
from ganvas.kits.rare_class import (
    choosing,
    concluding,
    frozen,
    gate,
    leaks,
    metrics,
    pilot,
    verdict,
)
from ganvas.kits.rare_class.comparing import Compared
from ganvas.kits.rare_class.parts import Material, Part
from ganvas.kits.rare_class.plan import PLACEBO, Plan
from ganvas.kits.rare_class.results import Change, Comparison, Gate

GOOD = {"1": Gate(True, 0.8, 0.9, 0.9)}
NOISE = {"1": Gate(False, 0.02, 0.05, 0.9)}
MEASURES = ("auroc", "sensitivity_at_90_specificity", "sensitivity_at_95_specificity")


# --- the word --------------------------------------------------------------------------------


def comparison(value, low, high, p, kind="best", against="classical", lead=0.0):
    change, none = Change(value, low, high, p, p, lead), Change(0.0, -0.1, 0.1, 1.0, 1.0)
    measures = dict.fromkeys(MEASURES, none) | {"auroc": change}
    return Comparison("classical + gan", against, kind, measures, none)


def decided(found, lead=0.0, own=(0.0, -0.1, 0.1, 1.0), placebo=(0.05, 0.01, 0.1, 0.01),
            passed=GOOD):  # fmt: skip
    return verdict.decide(
        [comparison(*found, lead=lead)], [comparison(*own, kind="counterpart")],
        [comparison(*placebo, kind="placebo", against="classical + placebo")], passed,
        "classical + gan",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "lead", "word"),
    [
        ((0.03, 0.01, 0.05, 0.001), 0.01, "helps"),
        ((0.03, 0.01, 0.05, 0.001), -0.01, "no evidence"),  # another arm may be as good
        ((0.03, 0.01, 0.05, 0.06), 0.01, "no evidence"),  # not after Holm
        ((0.03, -0.01, 0.05, 0.01), -0.01, "no evidence"),
        ((-0.03, -0.05, -0.01, 0.001), -0.05, "no evidence"),  # that is not the generator's fault
    ],
)
def test_the_word_follows_from_interval_and_p(found, lead, word):
    said, sentence = decided(found, lead)
    assert said == word
    assert "after Holm" in sentence


def test_it_hurts_if_the_same_arm_is_better_without_a_generator():
    said, sentence = decided((0.0, -0.1, 0.1, 1.0), own=(-0.03, -0.05, -0.01, 0.001))
    assert (said, "the same without a generator" in sentence) == ("hurts", True)


def test_better_than_its_counterpart_alone_is_no_help():
    said, sentence = decided((-0.1, -0.2, -0.05, 0.001), own=(0.03, 0.01, 0.05, 0.001))
    assert said == "no evidence"
    assert "it is better than classical alone" in sentence


def test_noise_is_named_as_noise():
    helping = (0.03, 0.01, 0.05, 0.001)
    said, sentence = decided(helping, 0.01, passed=NOISE)
    assert said == "no evidence"
    assert sentence.startswith("the synthetic images are noise and no images of 1 (precision 0.02")


def test_what_does_not_beat_its_placebo_is_not_due_to_the_generator():
    said, sentence = decided((0.03, 0.01, 0.05, 0.001), -0.01, placebo=(0.0, -0.02, 0.02, 1.0))
    assert said == "no evidence"
    assert "not due to the generator" in sentence


def test_a_sensitivity_that_falls_prevents_help():
    found = comparison(0.03, 0.01, 0.05, 0.001, lead=0.01)
    fallen = Change(-0.2, -0.3, -0.1, 0.001, 0.001, -0.3)
    found = dataclasses.replace(found, measures={**found.measures, MEASURES[1]: fallen})
    assert (found.better, found.leads, found.word) == (False, False, "hurts")


# --- tricks ----------------------------------------------------------------------------------

RARE, MANY, WIDE = 10, 400, 24


def _more(kind, rare, others, rng, images):
    if kind == "blend":
        return 0.6 * rare + 0.4 * others
    return images(np.ones(64)) if kind == "truth" else 6 * rng.standard_normal((64, WIDE))


def trick(kind: str) -> dict[str, np.ndarray]:
    """Scores on the test of `classical` and of arms with 64 more images of the rare class, five
    seeds: `blend`, rare images mixed with majority images; `noise`; `truth`, real rare images."""
    rng = np.random.default_rng(0)
    direction = np.r_[1.6, np.zeros(WIDE - 1)]

    def images(labels):
        return rng.standard_normal((len(labels), WIDE)) + labels[:, None] * direction

    truth = np.repeat([1, 0], [300, 1200])
    test, labels = images(truth), np.repeat([1, 0], [RARE, MANY])
    arms: dict[str, list[np.ndarray]] = {"classical": [], "classical + gan": []}
    for _ in range(5):
        real = images(labels)
        rows, mixed = rng.integers(0, RARE, 64), real[RARE + rng.integers(0, MANY, 64)]
        more = _more(kind, real[rows], mixed, rng, images)
        both = np.concatenate([real, more]), np.r_[labels, np.ones(64, int)]
        seen = frozen.basis(real)
        for arm, (x, y) in (("classical", (real, labels)), ("classical + gan", both)):
            head = frozen.fitted("features", 0.01, x, y, np.ones(len(y)), seen)
            arms[arm].append(head(test))
    return {"truth": truth, **{arm: np.stack(scores) for arm, scores in arms.items()}}


def judged(found: dict[str, np.ndarray]) -> tuple[str, Comparison]:
    """The word on `classical + gan`, whose placebo is `classical` itself."""
    truth = found["truth"]
    scores = {"classical": found["classical"], "classical + gan": found["classical + gan"]}
    scores["classical + placebo"] = scores["classical"]
    guessed = {arm: one.argmax(axis=2) for arm, one in scores.items()}
    one = Compared(scores, guessed, truth, np.arange(len(truth)), (1,), 0)
    best = one.synthetic("classical")
    word, _ = verdict.decide(best, one.counterparts(), one.placebos(), GOOD, "classical + gan")
    return word, best[0]


def test_blending_moves_a_threshold_and_is_no_evidence():
    """Rare images mixed with the majority, labelled rare: more is called rare, so that balanced
    accuracy rises, and nothing is ranked better."""
    word, found = judged(trick("blend"))
    assert found.balanced_accuracy.low > 0.02  # what the measure of before took for help
    assert abs(found.measures["auroc"].value) < 0.01
    assert word == "no evidence"


def test_noise_is_no_evidence_or_hurts_and_more_real_images_help():
    assert judged(trick("noise"))[0] in ("no evidence", "hurts")
    assert judged(trick("truth"))[0] == "helps"


def test_thresholds_of_validation_undo_the_blend():
    rng = np.random.default_rng(0)
    truth = np.repeat([1, 0], [100, 900])
    likely = 1 / (1 + np.exp(2.5 - 1.5 * truth - rng.standard_normal(1000)))
    scores = np.stack([1 - likely, likely], axis=1)
    factor = choosing.factors(scores, truth, (1,))
    plain, chosen = (
        metrics.balanced_accuracy((scores * f).argmax(1), truth, 2) for f in (1.0, factor)
    )
    assert factor[1] > 1.5
    assert chosen > plain + 0.1
    (threshold,) = choosing.thresholds(scores, truth, 1, [0.9])
    assert (likely[truth == 0] > threshold).mean() == pytest.approx(0.1, abs=0.002)


# --- the gate --------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "passed"), [("real", True), ("noise", False), ("one", False)])
def test_the_gate_tells_noise_from_images(kind, passed):
    rng = np.random.default_rng(0)
    real = 3 + rng.standard_normal((60, 20))
    fake = {
        "real": 3 + rng.standard_normal((200, 20)),
        "noise": 6 * rng.standard_normal((200, 20)),
        "one": np.tile(real[:1], (200, 1)),  # one image again and again
    }[kind]
    found = gate.judged([(real[:40], real[40:], fake)] * 2)
    assert found.passed is passed, found
    assert found.real > 0.5


# --- a whole study ---------------------------------------------------------------------------


def part(count: int, share: float, seed: int = 0) -> Part:
    labels = (np.arange(count) < share * count).astype(np.int64)
    images = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1)).astype(np.uint8)
    return Part(images, labels, np.arange(count), tuple(map(str, range(count))))


class Simulated:
    """A study with simulated predictions: each arm separates the classes with a skill of its own,
    placebos with that of the arm without a generator."""

    def __init__(self, valid: dict[str, float], test: dict[str, float]):
        self.plan = Plan(("1",), seeds=5, arms=tuple(test), ratios=(0.5, 1.0)).resolved(28)
        learn, locked = part(100, 0.2), part(600, 0.3, seed=1)
        self.material = Material(learn, locked, ("0", "1"), (1,), True, "a test", "")
        self.skills, self.folder = (valid, test), None
        features = np.random.default_rng(0).standard_normal((100, 5))
        self.featured = SimpleNamespace(
            real={"learn": features}, of=lambda images: features[: len(images)]
        )

    def fold(self, seed):
        rows = np.arange(100) % 5 == seed
        return self.material.learn[~rows], self.material.learn[rows]

    def learning(self, seed):
        return np.flatnonzero(np.arange(100) % 5 != seed)

    def predictions(self, seed, arm, setting):
        def guess(labels, skill, where):
            rng = np.random.default_rng([seed, len(arm), where])
            gain = skill + (0.2 if setting == 1.0 and "gan" in arm else 0)
            logit = gain * labels + rng.standard_normal(len(labels))
            likely = 1 / (1 + np.exp(-logit))
            return np.stack([1 - likely, likely], axis=1)

        valid, test = (skill.get(arm, 0.5) for skill in self.skills)
        learn, locked = self.fold(seed)[1].labels, self.material.test.labels
        return SimpleNamespace(valid=guess(learn, valid, 0), test=guess(locked, test, 1))

    def pool(self, seed):
        counts = {"drawn": 9, "near_copies": 0, "disagreed": 0, "kept": 9,
                  "filters": ["copies", "label"]}  # fmt: skip
        return SimpleNamespace(of=lambda c: self.material.learn.images[:20], counts={"1": counts})


def clean(kept=None):
    return leaks.Leaks(0, 0, np.ones(600, bool) if kept is None else kept, 0.05, 100, 0, 0.0, 0.04)


def test_choices_are_made_on_validation():
    """The arm that is best on the test, but not on validation, is not the rival."""
    valid = {"real": 0.2, "oversampling": 2.0, "classical": 1.0, "gan": 1.5}
    test = {"real": 0.7, "oversampling": 1.0, "classical": 1.1, "gan": 2.8}
    found = concluding.conclude(Simulated(valid, test), clean())
    assert (found.best_real, found.best_gan, found.word) == ("oversampling", "gan", "helps")
    assert found.arm("gan").ratio == found.arm("placebo").ratio == 1.0
    assert found.advised == "gan"
    assert found.advice.startswith("Use gan, the best on validation: on the test it is better")
    assert {c.kind for c in found.others} == {"counterpart", "placebo", "baseline"}
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (
            -0.03,
            -0.01,
            "seems worse than class weights, but not after Holm's correction (AUROC -0.02",
        ),
        (0.01, 0.03, "seems better than class weights, but not after"),
        (-0.01, 0.05, "no difference from class weights is shown"),
    ],
)
def test_advice_does_not_hide_an_interval_beside_zero(low, high, words):
    change = SimpleNamespace(value=(low + high) / 2, low=low, high=high, better=False, worse=False)
    gain = SimpleNamespace(word="no evidence", against="class weights", measures={"auroc": change})
    assert words in verdict.advice("classical", gain)


def test_no_help_is_claimed_of_a_test_that_leaked():
    study = Simulated({"oversampling": 1.0, "gan": 1.0}, {"oversampling": 0.6, "gan": 2.8})
    leaked = leaks.Leaks(0, 0, np.ones(600, bool), 0.005, 100, 30, 0.2, 0.4)
    found = concluding.conclude(study, leaked)
    assert found.word == "no evidence"
    assert "cannot show that they help" in found.sentence
    assert found.leaks.fatal


def test_a_weak_rival_that_validation_names_does_not_make_a_helper():
    """Validation prefers `real`; on the test `classical` is as good as `gan`."""
    study = Simulated({"real": 2.5, "classical": 0.5, "gan": 1.0},
                      {"real": 0.6, "classical": 2.6, "gan": 2.3})  # fmt: skip
    found = concluding.conclude(study, clean())
    assert found.best_real == "real"
    (gan,) = (c for c in found.comparisons if c.arm == "gan")
    assert gan.better and not gan.leads
    assert found.word == "no evidence"
    assert "it is not shown that all other arms" in found.sentence


def test_images_left_out_are_not_judged():
    study = Simulated({"real": 0.5, "gan": 0.5}, {"real": 0.7, "gan": 0.7})
    found = concluding.conclude(study, clean(np.arange(600) < 190))  # 180 of class 1, 10 of 0
    assert found.about.classes == {
        "0": {"learn": 80, "test": 10},
        "1": {"learn": 20, "test": 180},
    }


def test_a_verdict_is_frozen_and_json_with_the_documented_keys():
    study = Simulated({"real": 0.5, "gan": 0.5}, {"real": 0.7, "gan": 0.7})
    found = concluding.conclude(study, clean())
    for result in (found, found.arms[0], found.comparisons[0], found.leaks, found.about):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, dataclasses.fields(result)[0].name, None)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(plain) == [
        "verdict", "word", "sentence", "advised", "advice", "best_real", "best_gan", "arms",
        "comparisons", "others", "gate", "external", "leaks", "warnings", "about", "folder",
    ]  # fmt: skip
    assert plain["verdict"] == plain["word"] == found.word
    assert {"name", "ratio", "valid", "test", "lowest", "highest", "classes", *MEASURES,
            "balanced_accuracy", "intervals", "points"} <= set(plain["arms"][0])  # fmt: skip
    assert [arm["name"] for arm in plain["arms"]] == ["real", "gan", PLACEBO["gan"]]
    assert {"arm", "against", "value", "low", "high", "p", "adjusted", "lead", "balanced_accuracy",
            *MEASURES} <= set(plain["comparisons"][0])  # fmt: skip
    assert list(plain["leaks"]) == [
        "test_images_learnt_from", "test_images_nearly_learnt_from", "left_out_of_the_test",
        "synthetic", "synthetic_copies_of_test_images", "low", "high", "chance", "fatal",
    ]  # fmt: skip
    assert list(plain["about"]) == ["rare", "classes", "tested_by", "unit", "pools", "plan"]
    assert plain["about"]["plan"] == json.loads(json.dumps(study.plan.to_dict()))


# --- the pilot -------------------------------------------------------------------------------


def test_a_study_that_would_take_too_long_is_refused(monkeypatch, tmp_path):
    study = Simulated({"real": 0.5, "gan": 0.5}, {"real": 0.5, "gan": 0.5})
    study.folder = tmp_path
    monkeypatch.setattr(pilot, "predicted", lambda study: 3 * 3600.0)
    with pytest.raises(UsageError, match=r"about 180 minutes .* at most 120 are allowed"):
        pilot.check(study)
    study.plan = dataclasses.replace(study.plan, minutes=200.0)
    pilot.check(study)
    study.plan = dataclasses.replace(study.plan, minutes=1.0)
    (tmp_path / "seeds" / "0").mkdir(parents=True)
    (tmp_path / "seeds" / "0" / "real.npz").touch()
    pilot.check(study)  # it has begun, and continues


def test_what_a_test_can_show_depends_on_its_rare_images():
    many, few = (pilot.detectable(part(600, share), 1) for share in (0.3, 0.02))
    assert 0.02 < many < 0.1 < few < 0.5
