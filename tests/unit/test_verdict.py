"""The sentence about the images: a table of scores and what they are; one draw from end to end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ganvas
from ganvas.data.mnist import mnist
from ganvas.evaluation.base import Comparison, Sample, Score
from ganvas.evaluation.case import Case
from ganvas.evaluation.detail import detail
from ganvas.evaluation.lost import lost_classes
from ganvas.evaluation.verdict import NAMES, RULES, read

REAL = {
    "coverage": (0.96, 0.97), "kid": (0.001, 0.0), "precision": (0.7, 0.68), "recall": (0.65, 0.64),
    "diversity": (1.0, 1.0), "detail": (1.0, 1.0), "duplicates": (0.02, 0.02),
    "near_copies": (0.01, 0.01),
}  # fmt: skip
"""Scores and floors of real images in place of fakes."""

MIDDLE = {"coverage": (0.43, 0.97), "kid": (1.8, 0.002), "precision": (0.91, 0.68), "recall": 0}
BLOBS = {"coverage": (0.11, 0.97), "kid": (0.52, 0), "precision": (0.19, 0.84), "recall": 0}
NOISE = {"coverage": (0.02, 0.97), "kid": (1.19, 0), "precision": (1.0, 0.84), "recall": 0,
         "diversity": 0.12, "detail": 1.8}  # fmt: skip


def scores(width: float = 0.04, **changed) -> dict[str, Score]:
    """Those of real images with changes: a value, or a value and its floor; None: no value."""
    found = {}
    for name, pair in REAL.items():
        given = changed.get(name, pair)
        value, floor = given if isinstance(given, tuple) else (given, pair[1])
        half = 0.003 if name == "kid" else width / 2
        bare = Score(None, why="it was not requested")
        found[name] = bare if value is None else Score(value, value - half, value + half, floor)
    return found


CASES = [
    ("as_good_as_real", {}, {}, "as good as real in these scores (KID 0.001 where real ones get"),
    ("as_good_as_real", {"precision": 0.75, "recall": 0.6}, {}, "look at the images"),
    ("close", {"kid": 0.05}, {}, "close to your images, and not the same (KID 0.050 where"),
    ("close", {"coverage": 0.75}, {}, "coverage 0.75 where they get 0.97"),
    ("partial", {"coverage": 0.5, "kid": 0.2, "recall": 0.3}, {}, "some of your images are"),
    ("far", BLOBS, {}, "varied blobs, or images of another kind: far from your images (KID 0.520"),
    ("far", {"coverage": 0, "kid": 2}, {}, "train longer, or begin pretrained"),
    ("far", {**BLOBS, "coverage": 0.02, "detail": 0.3}, {}, "far from your images"),
    ("blurred", MIDDLE, {}, "close to the middle of your data, and not as varied: precision 0.91"),
    ("blurred", {"coverage": 0.3, "kid": 0.3, "detail": 0.3}, {}, "0.30 of the fine detail"),
    ("noise", NOISE, {}, "noise: nothing like your images (KID 1.190 where"),
    ("noise", {**NOISE, "detail": 0.1}, {}, "noise: nothing like your images"),
    ("noise", {"coverage": 0.5, "detail": 2.6}, {}, "2.6 times the fine detail of real ones"),
    ("collapsed", {"duplicates": 1.0, "coverage": 0.2}, {}, "few distinct images: 100% of them"),
    ("collapsed", {**NOISE, "duplicates": 1.0}, {}, "few distinct images"),
    ("far", {**BLOBS, "coverage": 0.07, "duplicates": 0.64}, {}, "varied blobs"),
    ("collapsed", {**BLOBS, "coverage": 0.07, "duplicates": 0.95}, {}, "few distinct images"),
    ("collapsed", {"diversity": 0.2, "coverage": 0.15}, {}, "0.20 of the variety of real ones"),
    ("copies", {"near_copies": 1.0}, {"copied": True}, "copies of training images: 100% of the"),
    ("copies", {"near_copies": 1.0, "duplicates": 1.0}, {"copied": True}, "nearly copy one"),
    ("copies", {"near_copies": 0.2}, {"copied": True}, "20% of the images nearly copy one (other"),
    ("copies", {"near_copies": 0.9}, {"copied": None}, "copies of training images"),
    ("as_good_as_real", {"near_copies": 0.2}, {"copied": None}, "as good as real"),
    ("as_good_as_real", {"near_copies": (0.38, 0.4)}, {"copied": False}, "as good as real"),
    ("class_missing", {}, {"lost": ["cat"]}, "a class is missing or rare: cat (KID"),
    ("class_missing", {"coverage": 0.7}, {"lost": list("abcdefg")},
     "7 classes are missing or rare: a, b, c, d, e and 2 more (KID"),
    ("blurred", MIDDLE, {"lost": ["cat"]}, "blurred"),
    ("too_few", {}, {"n_fake": 49}, "49 generated and 1,000 real ones were compared, 50 of"),
    ("too_few", {"kid": 3, "coverage": 0}, {"n_real": 10}, "too few images to say"),
    ("too_few", {"width": 0.5}, {}, "coverage is between 0.71 and 1.21"),
    ("not_judged", {"coverage": None, "recall": None}, {}, "without a value: coverage, recall"),
]  # fmt: skip


def case(changed: dict, about: dict) -> Case:
    return Case(scores(**changed), **{"n_real": 1000, "n_fake": 1000, "copied": False, **about})


@pytest.mark.parametrize("name, changed, about, words", CASES)
def test_scores_and_what_the_images_are(name, changed, about, words):
    found = read(case(changed, about))
    assert found.name == name, found.sentence
    assert words in found.sentence


def test_a_pretrained_run_is_not_told_to_begin_pretrained():
    for name, changed, about, _ in CASES:
        said = read(case(changed, about | {"pretrained": True})).sentence
        assert "begin pretrained" not in said, name
    assert "or begin pretrained (--from auto)" in read(case(MIDDLE, {})).sentence


def test_every_verdict_is_in_the_table():
    assert {name for name, *_ in CASES} == set(NAMES)


@pytest.mark.parametrize("changed, about", [one[1:3] for one in CASES])
def test_a_sentence_says_what_to_do_and_can_be_read(changed, about):
    found = read(case(changed, about))
    assert (
        "nan" not in found.sentence and "None" not in found.sentence and "-0." not in found.sentence
    )
    assert "; " in found.sentence or found.name in ("not_judged",)
    assert found.to_dict().keys() == {"verdict", "sentence", "notes"}


def test_whatever_is_missing_there_is_a_verdict():
    for name in REAL:
        assert read(case({name: None}, {})).name in (*NAMES,)
        bare = scores()
        bare[name] = replace(bare[name], floor=None, low=None, high=None)
        assert read(Case(bare, 1000, 1000)).sentence
    assert read(Case({}, 1000, 1000)).name == "not_judged"
    assert RULES[-1].applies(case({}, {}))


def test_precision_that_misleads_is_explained():
    """Above its floor for noise and for blobs; of real images it is what it says."""
    (note,) = read(case(NOISE, {})).notes
    assert "precision 1.00 (real ones: 0.84) does not mean good images" in note
    assert "recall is 0.00" in note
    assert not read(case(MIDDLE, {})).notes, "its sentence says so"
    assert "recall is 0.00" in read(case(MIDDLE, {})).sentence
    assert not read(case({}, {})).notes
    few = read(case({"near_copies": 0.04}, {"copied": True}))
    assert few.name == "as_good_as_real" and "4% of the images nearly copy one" in few.notes[0]


def sample(images: np.ndarray) -> Sample:
    return Sample(np.zeros((len(images), 1), np.float32), images)


def test_detail_is_less_for_blur_and_more_for_noise():
    rng = np.random.default_rng(0)
    real, other = rng.integers(0, 256, (2, 200, 12, 10, 3)).astype(np.uint8)
    smooth = np.tile(np.arange(10, dtype=np.uint8), (200, 12, 1))[..., None].repeat(3, axis=3)
    same = detail(Comparison(sample(real), sample(other)))
    assert same.low < 1 < same.high and same.floor == pytest.approx(1, abs=0.05)
    assert detail(Comparison(sample(real), sample(smooth))).high < 0.05
    assert detail(Comparison(sample(real // 2), sample(other))).low > 1.8
    assert "fine detail" in detail(Comparison(sample(smooth * 0), sample(real))).why


def test_a_class_that_is_missing_is_found_although_the_classifier_errs():
    """Clusters that overlap: the classifier takes other images for those of the missing class."""
    rng = np.random.default_rng(1)

    def drawn(labels: np.ndarray) -> Sample:
        centres = 2.0 * np.eye(4, 6)[labels]
        x = (centres + rng.normal(size=(len(labels), 6))).astype(np.float32)
        return Sample(x, np.zeros((len(x), 2, 2, 1), np.uint8), None, labels.astype(np.int32))

    real, spare, whole = (drawn(rng.integers(0, 4, 800)) for _ in range(3))
    without = drawn(rng.integers(0, 3, 800))
    rare = drawn(np.append(rng.integers(0, 3, 760), np.full(40, 3)))
    assert lost_classes(Comparison(real, whole, spare)) == ()
    assert lost_classes(Comparison(real, without, spare)) == (3,)
    assert lost_classes(Comparison(real, rare)) == (3,)
    assert lost_classes(Comparison(replace(real, labels=None), without)) == ()
    assert lost_classes(Comparison(real[:5], without[:5])) == ()


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> tuple[np.ndarray, np.ndarray]:
    images, labels = mnist("test")
    return images[:1200, ..., None], labels[:1200]


@pytest.mark.parametrize(
    "how, name",
    [("real", "as_good_as_real"), ("noise", "noise"), ("blank", "collapsed"),
     ("no ones", "class_missing")],
)  # fmt: skip
def test_digits_from_end_to_end(digits, how, name, tmp_path, monkeypatch):
    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path))
    images, labels = digits
    fakes, rest = images[:600], np.flatnonzero(labels != 1)
    fakes = {
        "real": fakes,
        "noise": np.random.default_rng(0).integers(0, 256, fakes.shape).astype(np.uint8),
        "blank": np.zeros_like(fakes),
        "no ones": images[rest[rest < 700]],
    }[how]
    reals = tmp_path / "reals.npz"
    np.savez(reals, images=images[700:], labels=labels[700:])
    found = ganvas.evaluate(fakes, reals)
    assert found.verdict.name == name, found.verdict.sentence
    assert found.lost_classes == (("1",) if how == "no ones" else found.lost_classes)
    assert found.to_dict()["sentence"] == found.verdict.sentence
