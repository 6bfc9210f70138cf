"""Attacks of the privacy kit on images whose secrets are known."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from ganvas.data.mnist import mnist
from ganvas.errors import DataError
from ganvas.kits.privacy import (
    cautions,
    controls,
    copying,
    identity,
    membership,
    reconstruction,
    search,
    utility,
)
from ganvas.kits.privacy.case import Case
from ganvas.kits.privacy.part import Part
from ganvas.kits.privacy.people import identified
from ganvas.kits.privacy.remedies import Delivery, IdentitySplit, SplitPart
from ganvas.kits.privacy.result import AuditReport, Controls, Power, Result
from refusals import refuses


def smooth(count: int, seed: int, side: int = 16) -> np.ndarray:
    """uint8 [N, side, side, 1]: each image its own soft pattern."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, side // 4, side // 4))
    return np.kron(coarse, np.ones((4, 4), int)).astype(np.uint8)[..., None]


@pytest.fixture(scope="module")
def parts():
    return smooth(300, 1), smooth(300, 2)


def case_of(fakes, train, holdout, **options) -> Case:
    def part(pixels):
        source = SimpleNamespace(
            pixels=lambda rows: pixels[rows], places=(), names=(), count=len(pixels)
        )
        return Part(source, np.arange(len(pixels)), pixels)

    return Case("case", fakes, part(train), part(holdout), **options)


def planted(train, holdout, count, seed=5):
    fresh = smooth(600, 3)
    copies = controls.noisy(train[:count], np.random.default_rng(seed))
    return np.concatenate([copies, fresh[count:]])


@pytest.mark.parametrize("change", ["none", "shift", "flip"])
def test_copies_are_found_shifted_and_mirrored(parts, change):
    train, holdout = parts
    fakes = planted(train, holdout, 40)
    if change == "shift":
        fakes = np.roll(fakes, 1, axis=2)
    if change == "flip":
        fakes = fakes[:, :, ::-1]
    pairs = copying.in_pixels(fakes, np.concatenate([train, holdout]))
    assert (pairs.rows[:40] == np.arange(40)).mean() > 0.9
    result = copying.judge(pairs, 300, 300, 0, "pixels")
    assert result.p < 1e-3
    assert result.low <= result.value <= result.high


def test_no_copy_among_digits_is_missed_for_being_moved():
    """At a pixel down, a pixel left, mirrored and with noise: the coarse search must lose none."""
    pool = mnist("train")[0][:4000].reshape(-1, 28, 28, 1)
    rows = np.random.default_rng(0).permutation(4000)[:100]
    moved = np.roll(controls.noisy(pool[rows], np.random.default_rng(1)), (1, -1), (1, 2))
    pairs = copying.in_pixels(moved[:, :, ::-1], pool)
    np.testing.assert_array_equal(pairs.rows, rows)


def test_an_image_that_stands_many_times_does_not_hide_its_copies(parts):
    train, holdout = parts
    pool = np.concatenate([np.repeat(train[:1], 15, axis=0), train, holdout])
    pairs = copying.in_pixels(controls.noisy(train[:2], np.random.default_rng(0)), pool)
    assert pairs.rows.tolist() == [0, 16]
    assert (pairs.ratios < 0.4).all()


def test_no_copies_no_finding(parts):
    train, holdout = parts
    pairs = copying.in_pixels(smooth(600, 3), np.concatenate([train, holdout]))
    assert copying.judge(pairs, 300, 300, 0, "pixels").p > 0.01


def test_copies_in_features_are_found(parts):
    train, holdout = (part.reshape(300, -1).astype(np.float32) for part in parts)
    fakes = np.concatenate([train[:30] + 1, smooth(100, 3).reshape(100, -1)])
    pairs = copying.in_features(fakes, np.concatenate([train, holdout]))
    np.testing.assert_array_equal(pairs.rows[:30], np.arange(30))
    assert copying.judge(pairs, 300, 300, 0, "features").p < 1e-3


@pytest.mark.parametrize("attack", [membership.by_nearest, membership.by_crowd])
def test_members_stand_out_by_distance(parts, attack):
    train, holdout = parts
    case = case_of(planted(train, holdout, 60), train, holdout)
    queries = membership.draw_queries(case, 300)
    scores = attack(queries.small, case.small)
    assert membership.judged(scores, case, "").p < 1e-3
    fresh = case_of(smooth(600, 3), train, holdout)
    assert membership.judged(attack(queries.small, fresh.small), fresh, "").p > 0.01


def test_crowd_counts_by_the_formula():
    queries, fakes = smooth(20, 1), smooth(30, 2)
    x, y = (s.reshape(len(s), -1) / 255.0 for s in (queries, fakes))
    apart = np.linalg.norm(x[:, None] - y[None], axis=2)
    radius = np.median(apart.min(axis=1))
    expected = np.maximum(np.log(radius / apart), 0).sum(axis=1)
    np.testing.assert_allclose(membership.by_crowd(queries, fakes), expected, rtol=1e-3, atol=1e-3)


def test_reach_counts_above_the_allowed_false_alarms():
    others, members = np.arange(100.0), np.concatenate([np.full(30, 98.5), np.zeros(70)])
    found = membership.reach(members, others, 0.01)
    assert (found["value"], found["holdout"]) == (0.3, 0.01)
    assert membership.reach(members, others, 0.001)["value"] is None


def test_epsilon_is_bounded_by_what_the_rates_allow():
    rng = np.random.default_rng(0)
    members, others = rng.normal(10, 1, 1000), rng.normal(0, 1, 1000)
    assert 3 < membership.epsilon(members, others, 1e-5, 0) < np.log(500)
    above = [membership.epsilon(rng.normal(size=400), rng.normal(size=400), 1e-5, s) > 0
             for s in range(30)]  # fmt: skip
    assert np.mean(above) <= 0.15
    # Randomised response at epsilon = 1 must not be credited with more (but by bad luck).
    truth = np.exp(1) / (1 + np.exp(1))
    found = [membership.epsilon(1.0 * (rng.random(1500) < truth), 1.0 * (rng.random(1500) > truth),
                                0.0, s) for s in range(20)]  # fmt: skip
    assert np.mean(np.array(found) > 1) <= 0.15


def test_scores_that_are_equal_favour_neither_side(parts):
    train, holdout = parts
    case, flat = case_of(train, train, holdout), np.zeros(200)
    assert membership.judged(flat, case, "").more["auc"] == 0.5
    assert membership.of_sets(flat, 100, 0).value == 0.5


def test_sets_are_distinguished_where_members_are():
    rng = np.random.default_rng(0)
    leaky = np.concatenate([rng.normal(0.7, 1, 300), rng.normal(0, 1, 300)])
    assert membership.of_sets(leaky, 100, 0).value > 0.9
    assert membership.of_sets(leaky, 100, 0).p < 1e-3
    assert membership.of_sets(rng.normal(size=600), 100, 0).p > 0.01


def people_case(leak: bool) -> Case:
    """Faces are blocks; a person is a pattern, a photograph is that with noise."""
    rng = np.random.default_rng(0)

    def photographs(patterns, each):
        pixels = np.repeat(patterns, each, axis=0) + rng.normal(
            0, 6, (len(patterns) * each, 16, 16, 1)
        )
        return np.clip(pixels, 0, 255).astype(np.uint8)

    inside, outside, strangers = smooth(20, 1), smooth(20, 2), smooth(40, 3)
    fakes = photographs(np.concatenate([inside[:14], strangers]) if leak else strangers, 4)
    case = case_of(fakes, photographs(inside, 5), photographs(outside, 5))
    named = [np.repeat([f"{side}{i}" for i in range(20)], 5) for side in "ab"]
    return Case(
        case.name, case.fakes,
        Part(case.train.source, case.train.rows, case.train.small, people=named[0]),
        Part(case.holdout.source, case.holdout.rows, case.holdout.small, people=named[1]),
    )  # fmt: skip


def test_labels_of_a_persons_photographs_count_as_one():
    """Right for all ten photographs of 8 people of 10, and of 4 held-out ones: luck of few."""
    case = people_case(False)
    right = np.repeat(np.arange(20) % 10 < np.repeat([8, 4], 10), 10)
    pixels, labels = smooth(200, 7), np.arange(200) % 2
    sides = [
        Part(case.train.source, np.arange(100), part, own.astype(np.int32), None)
        for part, own in zip(np.split(pixels, 2), np.split(labels, 2), strict=True)
    ]
    tested = Case("case", pixels, *sides, labels=np.where(right, labels, 1 - labels))
    rows = np.arange(100)
    people = np.repeat(np.arange(20), 10)
    p = [
        utility.inferred(tested, membership.Queries(rows, rows, pixels, who)).p
        for who in (None, people)
    ]
    assert p[0] < 1e-6 < 0.01 < p[1]


def test_a_bound_states_what_it_implies():
    bound = {"epsilon": 3.0, "delta": 1e-5}
    assert "at most 2 % of the training images" in cautions._bound(bound, False)[0]
    loose = cautions._bound({**bound, "epsilon": 10.0, "assumes": "much"}, True)
    assert "does not rule out" in loose[0]
    assert len(loose) == 3


@pytest.mark.parametrize("leak", [True, False])
def test_identity(leak, monkeypatch):
    def embed(images):
        return images.reshape(len(images), -1).astype(np.float32) - 128, None

    embed.sha256, embed.name, embed.resize = "0", "blocks", "none"
    monkeypatch.setattr(identity, "extractor", lambda word, shape: embed)
    result = identity.matched(people_case(leak), "any.keras")
    assert (result.p < 0.001) == leak
    assert (result.value > 0.15) == leak
    assert result.holdout < 0.1


def test_identity_needs_people_on_one_side_each():
    case = case_of(smooth(40, 1), smooth(40, 2), smooth(40, 3))
    with refuses(DataError):
        identity.matched(case, "any.keras")
    alike = people_case(False)
    shared = Case(alike.name, alike.fakes, alike.train, alike.train)
    with refuses(DataError, "20", "a0"):
        identity.matched(shared, "any.keras")


@pytest.mark.parametrize(
    "text,words",
    [
        ("path,person\n", "must be path,identity, got path,person"),
        ("path,identity\ntrain/0,ann\n", "lacks 3 of the 4 train images, such as train/1"),
        ("path,identity\n" + "".join(f"train/{i},a\nholdout/{i},a\n" for i in range(4)),
         "1 person .a. has images in both parts"),
    ],
)  # fmt: skip
def test_identity_files_that_are_wrong(text, words, tmp_path):
    file = tmp_path / "who.csv"
    file.write_text(text)
    case = case_of(smooth(4, 1), smooth(4, 2), smooth(4, 3))
    with pytest.raises(DataError, match=words):
        identified(case.train, case.holdout, file)


class Line:
    """A generator that can draw two patterns and what lies between."""

    conditional, names, shape, noise_size = False, [], (16, 16, 1), 2

    def __init__(self, patterns):
        self.patterns = patterns.reshape(len(patterns), -1) / 127.5 - 1

    def generator(self, inputs, training=False):
        import tensorflow as tf

        share = tf.nn.softmax(inputs["noise"])
        return tf.reshape(share @ tf.constant(self.patterns, tf.float32), (-1, 16, 16, 1))


def test_search_finds_what_the_generator_can_draw():
    import tensorflow as tf

    patterns, strangers = smooth(2, 1), smooth(2, 9)
    line = Line(patterns)
    noise = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    made = np.asarray(line.generator({"noise": tf.constant(noise)}))
    fakes = np.clip((made + 1) * 127.5, 0, 255).astype(np.uint8)
    case = case_of(fakes, patterns, strangers, noise=noise, sampler=line)
    small = np.concatenate([patterns, strangers])
    scores = search.by_search(case, small, (small / 127.5 - 1).astype(np.float32), 150)
    assert scores[:2].min() > -0.01
    assert scores[2:].max() < -0.1


@pytest.mark.parametrize("attack", [reconstruction.masked, reconstruction.blurred])
def test_what_the_generator_can_draw_is_restored_from_a_part(attack):
    import tensorflow as tf

    patterns, strangers = smooth(2, 1), smooth(2, 9)
    line = Line(patterns)
    noise = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    made = np.asarray(line.generator({"noise": tf.constant(noise)}))
    fakes = np.clip((made + 1) * 127.5, 0, 255).astype(np.uint8)
    case = case_of(fakes, patterns, strangers, noise=noise, sampler=line)
    small = np.concatenate([patterns, strangers])
    scores = attack(case, small, (small / 127.5 - 1).astype(np.float32), 150)
    assert scores[:2].min() > -0.1, "nothing is lost"
    assert scores[2:].max() < -0.5


def test_the_classifier_learns(grey):
    images, labels = grey[0][..., None], grey[1]
    ridge = utility.Ridge(2).fit(images[:200], labels[:200])
    assert (ridge.predict(images[200:]) == labels[200:]).mean() > 0.9


def audited(**changes) -> AuditReport:
    test = Result(0.5, 0.4, 0.6, 0.1, 0.01, "meaning", more={"auc": 0.7})
    fields = {
        "verdict": "leak found",
        "tests": {"identity": test.having(adjusted=0.02, leak=True), "utility": Result(None)},
        "found": ("identity",), "alpha": 0.01, "power": Power(None, 1.0, 0.9, "no leak"),
        "controls": Controls(0.1, True, False, False, 1.0, 0, 400), "bound": None,
        "notes": ("a note",), "subject": "run", "n_fake": 1, "n_train": 2, "n_holdout": 3,
        "seconds": {"identity": 0.1}, "pictures": {"train": np.zeros((2, 2, 3), np.uint8)},
    }  # fmt: skip
    return AuditReport(**{**fields, **changes})


RESULTS = {
    "audit": (audited(), [
        "verdict", "tests", "found", "alpha", "power", "controls", "bound", "notes", "subject",
        "n_fake", "n_train", "n_holdout", "seconds", "people", "record", "summary", "risks",
        "opinion_28_2024",
    ]),
    "test": (audited().tests["identity"],
             ["value", "low", "high", "holdout", "p", "says", "auc", "adjusted", "leak"]),
    "power": (audited().power, ["copies_needed", "least_share", "power", "says"]),
    "controls": (audited().controls, [
        "planted", "found", "false_alarm", "unlike", "recovered", "shared", "images",
        "enough", "shared_of", "good",
    ]),
    "delivery": (Delivery(64, 3, 0.5, 0, 1000, "ab"),
                 ["delivered", "left_out", "near", "seed", "compared_with", "sha256"]),
    "split": (IdentitySplit(SplitPart(10, 2), SplitPart(10, 2)), ["holdout", "train"]),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_frozen_and_json_with_the_documented_keys(name):
    result, keys = RESULTS[name]
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert list(found) == keys
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(result, dataclasses.fields(result)[0].name, None)


def test_results_survive_json():
    test = audited().tests["identity"]
    assert (test.adjusted, test.leak) == (0.02, True)
    for result in (test, Result(None, why="no people")):
        assert Result.of(json.loads(json.dumps(result.to_dict()))) == result
    controls = audited().controls
    assert Controls.of(controls.to_dict()) == controls and controls.good
    assert audited(pictures={}) == audited(), "pictures do not count"
