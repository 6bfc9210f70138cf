"""The rare-class kit in parts: numbers against slow formulas, draws, splits, leaks, the verdict."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from ganvas.data import tables
from ganvas.errors import DataError, UsageError
from ganvas.kits.rare_class import (
    arms,
    checks,
    classifier,
    featured,
    groups,
    leaks,
    metrics,
    placebo,
)
from ganvas.kits.rare_class.folder import file_name
from ganvas.kits.rare_class.parts import Material, Part, deal, folds_of, gather, official, validates
from ganvas.kits.rare_class.plan import PIXEL_ARMS, Plan
from ganvas.stats import paired
from refusals import refuses

PLAN = Plan(("1",), steps=30, batch=20)
PIXELS = (*PIXEL_ARMS, "gan", "classical + gan", "placebo", "classical + placebo", "synthetic only")


def part(count=60, share=0.2, seed=0, size=8) -> Part:
    """Noise images; label 1 is rare, and brighter."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) < share * count).astype(np.int64)
    images = rng.integers(0, 128, (count, size, size, 1)) + 100 * labels[:, None, None, None]
    units = np.arange(count)
    return Part(images.astype(np.uint8), labels, units, tuple(map(str, units)))


# --- metrics ---------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_average_precision_is_the_sum_over_thresholds(seed, count):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 6, count) / 5, rng.random(count) < 0.4
    positive[0] = True
    slow, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        called = scores >= threshold
        recall = (called & positive).sum() / positive.sum()
        slow += (recall - before) * (called & positive).sum() / called.sum()
        before = recall
    assert metrics.auprc(scores, positive) == pytest.approx(slow)


def test_metrics_by_hand():
    truth = np.array([0, 0, 0, 1, 1, 2])
    guessed = np.array([0, 0, 1, 1, 0, 0])
    assert metrics.recalls(guessed, truth, 3) == pytest.approx([2 / 3, 1 / 2, 0])
    found = metrics.precisions(guessed, truth, 3)
    assert found[:2] == pytest.approx([2 / 4, 1 / 2])
    assert np.isnan(found[2])  # nothing was called 2
    assert metrics.balanced_accuracy(guessed, truth, 3) == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert metrics.brier(np.array([1.0, 0.5]), np.array([True, False])) == pytest.approx(0.125)
    assert np.isnan(metrics.auprc(np.ones(3), np.zeros(3, bool)))


def test_calibration_error_against_a_loop():
    rng = np.random.default_rng(1)
    predicted = rng.random(500)
    seen = rng.random(500) < predicted**2
    slow = 0.0
    for low in np.arange(15) / 15:
        inside = (predicted >= low) & (predicted < low + 1 / 15)
        slow += inside.mean() * abs(predicted[inside].mean() - seen[inside].mean())
    assert metrics.calibration_error(predicted, seen) == pytest.approx(slow)
    assert metrics.calibration_error(np.ones(4), np.ones(4)) == 0
    twice = np.repeat(np.arange(500), 1 + seen)  # those of the class count double
    weighted = metrics.calibration_error(predicted, seen, weights=1.0 + seen)
    assert weighted == pytest.approx(metrics.calibration_error(predicted[twice], seen[twice]))
    assert slow > 0.1


# --- intervals -------------------------------------------------------------------------------


def guesses(rng, truth, skill, seeds, spread, units):
    """Right with a skill that varies over seeds and units: what two classifiers share is left."""
    own = skill + spread * rng.standard_normal((seeds, 1))
    hard = 0.15 * rng.standard_normal(units.max() + 1)[units]
    right = rng.random((seeds, len(truth))) < own + hard
    return np.where(right, truth, 1 - truth)


@pytest.mark.parametrize("per_unit", [1, 6])
def test_intervals_cover_the_truth(per_unit):
    """Of 300 studies with no difference, few may claim one: 5 % at most, give or take."""
    rng = np.random.default_rng(per_unit)
    claims = 0
    for study in range(300):
        units = np.arange(240) // per_unit
        truth = (rng.random(units.max() + 1) < 0.2).astype(int)[units]
        one, other = (guesses(rng, truth, 0.7, 5, 0.05, units) for _ in range(2))
        tallies = [paired.tally(g, truth, units, 2) for g in (one, other)]
        found = paired.difference(*tallies, seed=study, draws=400)
        claims += not found.low <= 0 <= found.high
    assert claims <= 24  # 8 %: three standard errors above 5 %


def test_both_parts_of_the_interval_count():
    rng = np.random.default_rng(0)
    units, truth = np.arange(400), rng.integers(0, 2, 400)

    def width(spread, units):
        pair = [guesses(np.random.default_rng(s), truth, 0.75, 5, spread, np.arange(400))
                for s in (1, 2)]  # fmt: skip
        found = paired.difference(*(paired.tally(g, truth, units, 2) for g in pair))
        return found.high - found.low

    assert width(0.08, units) > 1.5 * width(0.0, units)  # seeds
    alike = np.repeat(np.arange(20), 20)
    assert 0.3 < width(0.0, alike) / width(0.0, units) < 3  # groups of unlike images: about equal


def test_two_seeds_that_differ_leave_everything_open():
    truth = np.arange(100) % 2
    one = np.stack([truth, 1 - truth])
    found = paired.difference(
        *(paired.tally(g, truth, np.arange(100), 2) for g in (one, np.zeros((2, 100), int)))
    )
    assert (found.low, found.high) == (-1, 1)  # no difference is larger
    assert found.p > 0.5


def test_groups_that_stand_or_fall_together_widen_the_interval():
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(40), 10)
    truth = np.repeat(np.arange(40) % 2, 10)
    right = np.tile(np.repeat(rng.random(40) < 0.7, 10), (5, 1))  # every seed says the same
    one, other = np.where(right, truth, 1 - truth), np.tile(1 - truth, (5, 1))
    widths = []
    for unit in (units, np.arange(400)):
        found = paired.difference(*(paired.tally(g, truth, unit, 2) for g in (one, other)))
        widths.append(found.high - found.low)
    assert widths[0] > 2 * widths[1]


def test_the_value_is_the_difference_of_balanced_accuracies():
    rng = np.random.default_rng(3)
    truth, units = rng.integers(0, 3, 200), rng.integers(0, 50, 200)
    one, other = rng.integers(0, 3, (2, 4, 200))
    found = paired.difference(*(paired.tally(g, truth, units, 3) for g in (one, other)))
    slow = np.mean([metrics.balanced_accuracy(a, truth, 3) - metrics.balanced_accuracy(b, truth, 3)
                    for a, b in zip(one, other, strict=True)])  # fmt: skip
    assert found.value == pytest.approx(slow)
    assert found.low < found.value < found.high
    assert found == paired.difference(*(paired.tally(g, truth, units, 3) for g in (one, other)))


def test_the_bootstrap_has_the_variance_of_theory():
    """Of a mean over n images in one stratum: their variance over n, also where n is 5."""
    apart = np.array([1.0, 0, 0, 1, 1])
    count = np.ones((5, 1))
    rng = np.random.default_rng(0)
    drawn = paired._resampled(apart[:, None], count, np.zeros(5), rng, 40_000)
    assert drawn.var() == pytest.approx(apart.var(ddof=1) / 5, rel=0.05)
    # Strata keep their size: 5 units of one weigh no less beside 500 of another.
    assert paired.weights(5, 10, rng).sum(axis=1) == pytest.approx(np.full(10, 5))


@pytest.mark.parametrize("few", [3, 8])
def test_a_few_images_that_agree_are_no_proof(few):
    """Where each of two arms that are equally good tosses a coin per image, for all seeds alike,
    three of three or eight of eight now and then speak for one of them."""
    claims = 0
    for study in range(300):
        rng = np.random.default_rng([few, study])
        truth = np.repeat([1, 0], [few, 60])
        right = rng.random((2, few + 60)) < np.where(truth == 1, 0.5, 0.95)
        tallies = [paired.tally(np.tile(np.where(one, truth, 1 - truth), (2, 1)), truth,
                                   np.arange(few + 60), 2) for one in right]  # fmt: skip
        claims += paired.difference(*tallies, seed=study, draws=400).p < 0.05
    assert claims <= 24


# --- splits ----------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(2, 5), st.integers(12, 60))
@settings(max_examples=40, deadline=None)
def test_folds_keep_groups_together_and_spread_classes(seed, folds, patients):
    rng = np.random.default_rng(seed)
    units = rng.integers(0, patients, 200)
    units[:12] = np.arange(12)
    labels = (units % 4 == 0).astype(np.int64)  # a class per patient
    one = Part(np.zeros((200, 4, 4, 1), np.uint8), labels, units, tuple(map(str, range(200))))
    fold = deal(one, 2, folds, seed)
    for unit in np.unique(units):
        assert len(np.unique(fold[units == unit])) == 1
    rare = len(np.unique(units[labels == 1]))
    if rare >= folds:
        assert set(fold[labels == 1]) == set(range(folds))


def test_single_images_are_dealt_evenly():
    fold = deal(part(100), 2, 5, 0)
    rare = np.bincount(fold[:20], minlength=5)
    assert rare.tolist() == [4] * 5
    assert np.bincount(fold).tolist() == [20] * 5
    assert folds_of(part(100), 2) == 5
    assert not np.array_equal(fold, deal(part(100), 2, 5, 1))


def test_five_seeds_validate_by_every_image_once():
    one = part(100)
    found = np.stack([validates(one, 2, 0, seed) for seed in range(10)])
    assert (found[:5].sum(axis=0) == 1).all()
    assert (found[5:].sum(axis=0) == 1).all()
    assert not np.array_equal(found[0], found[5])  # another deal


def test_a_fold_without_a_class_to_train_on_is_refused():
    one = part(20)
    with refuses(DataError, "'b'"):
        checks.check_fold(one, one.labels == 1, ("a", "b"))


def save(tmp_path, rows, head="path,group"):
    file = tmp_path / "groups.csv"
    file.write_text("\n".join([head, *rows]) + "\n")
    return file


def test_groups_are_read_and_joined_by_equal_images(tmp_path):
    table = tables.read(save(tmp_path, ["0,a", "1,b", "2,b", "3,c"]), "group")
    found = groups.units(("0", "1", "2", "3"), table, np.array([0, 1, 2, 0]))
    assert found[0] == found[3]  # equal images of patients a and c
    assert found[1] == found[2] != found[0]


def test_groups_of_a_spreadsheet_in_china(tmp_path):
    file = tmp_path / "groups.csv"
    file.write_bytes("path,group\r\n甲.png,病人一\r\n".encode("gbk"))
    assert tables.read(file, "group") == {"甲.png": "病人一"}


@pytest.mark.parametrize(
    ("rows", "head", "words"),
    [
        (["0,a"], "file,patient", "got file,patient"),
        (["0,a", "0,b"], "path,group", "two values of group"),
        (["0,"], "path,group", "line 2"),
        (["0,a"], "path,group", "lacks 1 of 2, such as 1"),
    ],
)
def test_group_files_that_are_refused(tmp_path, rows, head, words):
    with pytest.raises(DataError, match=words):
        groups.units(("0", "1"), tables.read(save(tmp_path, rows, head), "group"), np.arange(2))


def test_missing_groups_file(tmp_path):
    with refuses(DataError):
        tables.read(tmp_path / "none.csv", "group")


@pytest.fixture
def bars(grey):
    """116 bars of class 0, 12 of class 1."""
    images, labels = grey[0][:160], grey[1][:160].copy()
    keep = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:12]])
    return images[keep], labels[keep]


def test_a_locked_test_shares_no_image_with_the_rest(bars, tmp_path):
    images, labels = bars
    twice = np.concatenate([images, images[-3:]]), np.concatenate([labels, labels[-3:]])
    found = gather(twice, Plan(("1",)))
    learn, test = ({i.tobytes() for i in p.images} for p in (found.learn, found.test))
    assert not learn & test  # the equal ones are on one side
    assert len(found.learn) + len(found.test) == len(twice[0])
    assert 2 <= (found.test.labels == 1).sum() <= 6


def test_groups_keep_patients_on_one_side(bars, tmp_path):
    file = save(tmp_path, [f"{i},p{i // 2}" for i in range(len(bars[0]))])
    found = gather(bars, Plan(("1",)), groups=file)
    patients = [{int(place) // 2 for place in p.places} for p in (found.learn, found.test)]
    assert found.grouped
    assert not patients[0] & patients[1]


def test_official_test_parts(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=1, x_test=2)
    np.savez(tmp_path / "b.npz", x=1)
    assert official("mnist") == "mnist:test"
    assert official(str(tmp_path / "a.npz")) == f"{tmp_path}/a.npz:test"
    assert official(str(tmp_path / "b.npz")) is None
    assert official("keras:cifar10") == "keras:cifar10:test"
    assert official((1, 2)) is None


def test_bad_material_is_refused(bars, tmp_path):
    images, labels = bars
    plan = Plan(("1",))
    one_group = save(tmp_path, [f"{i},{'p' if labels[i] else i}" for i in range(len(images))])
    for data, options, words in [
        ((images, np.zeros(len(images), int)), {}, "1 class"),
        (images, {}, "no class"),
        ((images[:-8], labels[:-8]), {"test": bars}, "at least 5 training images .*got 4"),
        (bars, {"groups": one_group}, "group"),
        (bars, {"groups": one_group, "test": bars}, "--test-groups"),
        (bars, {"groups": one_group, "test": bars, "test_groups": one_group}, "both the data"),
        (bars, {"test": (images, labels + 5)}, "0, 1, got 5, 6"),
        (bars, {"test": (images[:-11], labels[:-11])}, "test part"),
    ]:
        with pytest.raises(DataError, match=words):
            gather(data, plan, **options)
    for options in ({"test_groups": one_group}, {"test": bars, "test_groups": one_group}):
        with refuses(UsageError, "--test-groups"):
            gather(bars, plan, **options)
    with refuses(UsageError):
        gather(bars, Plan(("1",), steps=10**9))
    with refuses(DataError, "'7'", "0", "1"):
        gather(bars, Plan(("7",)))
    with refuses(DataError):
        gather(bars, Plan(("0", "1")))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"arms": ("real", "gam")}, "did you mean 'gan'"),
        ({"arms": ("real",)}, "must include one of"),
        ({"rare": ()}, "no rare class"),
        ({"seeds": 1}, "at least 2"),
        ({"ratios": (0.0,)}, "above 0"),
        ({"truncation": 0.0}, "truncation must be above 0 and at most 2, got 0"),
        ({"test_share": 0.9}, "test_share must be above 0 and at most 0.5, got 0.9"),
        ({"kimg": -1.0}, "kimg must .* got -1"),
        ({"agreement": 1.0}, "below 1"),
        ({"ratios": (float("nan"),)}, "above 0"),
        ({"kimg": float("inf")}, "kimg must .* got inf"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"values": {"train.seed": 3}}, "train.seed is set by the study"),
    ],
)
def test_bad_plans(options, words):
    with pytest.raises(UsageError, match=words):
        Plan(**{"rare": ("a",), **options})


# --- arms ------------------------------------------------------------------------------------


def made(arm, ratio=0.0, plan=PLAN):
    """Draws of an arm whose fakes are images of value 255."""
    real = part()
    fake = {c: np.full((7, 8, 8, 1), 255, np.uint8) for c in (0, 1)}
    fake = fake if arm == "synthetic only" else {1: fake[1]}
    found = arms.draws(arm, ratio, real, fake, plan, 0)
    return found, (found.images == 255).all(axis=(1, 2, 3))


@pytest.mark.parametrize("arm", PIXELS)
def test_every_arm_is_as_long(arm):
    found, _ = made(arm, 1.0)
    assert found.images.shape == (600, 8, 8, 1)
    assert found.images.dtype == np.uint8
    assert len(found.labels) == len(found.weights) == 600
    assert found.weights.mean() == pytest.approx(1)
    again, _ = made(arm, 1.0)
    assert np.array_equal(found.images, again.images)


@pytest.mark.parametrize("arm", PIXELS[:2])
def test_arms_as_they_come_keep_the_shares(arm):
    found, fake = made(arm)
    assert not fake.any()
    assert np.bincount(found.labels).tolist() == [480, 120]
    seen = len({image.tobytes() for image in found.images})
    assert seen == 60  # every image as often
    if arm == "class weights":
        assert found.weights[found.labels == 1].sum() == pytest.approx(300)


@pytest.mark.parametrize("arm", PIXELS[2:])
def test_other_arms_balance(arm):
    found, _ = made(arm, 1.0)
    assert np.bincount(found.labels).tolist() == [300, 300]


@pytest.mark.parametrize("ratio", [0.25, 2.0])
def test_the_ratio_is_of_rare_draws(ratio):
    found, fake = made("gan", ratio)
    assert not fake[found.labels == 0].any()
    assert fake[found.labels == 1].mean() == pytest.approx(ratio / (1 + ratio), abs=0.07)
    _, fake = made("synthetic only")
    assert fake.all()


@pytest.fixture
def clouds():
    """Features of 300 usual and 60 rare images, around two centres; and a study of them."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [300, 60])
    features = rng.normal(size=(360, 1280)).astype(np.float32)
    features[:, 0] += 8 * labels
    learn = Part(np.zeros((360, 8, 8, 1), np.uint8), labels, np.arange(360) // 2, ("",) * 360)
    material = Material(learn, learn, ("usual", "rare"), (1,), True, "", "")
    study = featured.Featured(Path("none"), material)
    study.__dict__["real"] = {"learn": features}
    study.of = lambda images: images
    return study


def test_the_filter_leaves_out_as_many_real_images_as_it_says(clouds):
    rng = np.random.default_rng(1)
    rare = rng.normal(size=(400, 1280)).astype(np.float32)
    usual = rare.copy()
    rare[:, 0] += 8
    passes = clouds.passes(np.arange(360), 0.1)
    assert 0.8 < passes(rare, 1).mean() < 0.97  # 0.9, from 60 images
    assert passes(usual, 1).mean() < 0.02
    assert passes(usual, 0).mean() > 0.8


def test_the_filter_drops_nothing_where_one_unit_cannot_tell(clouds):
    rows = np.concatenate([np.arange(300), [300, 301]])  # both of unit 150
    assert clouds.passes(rows, 0.3)(np.zeros((5, 1280), np.float32), 1).all()


def test_a_placebo_is_the_real_images_and_nothing_new():
    real = part(20).images[:5]
    found = placebo.placebo(real, 20, 0)
    assert found.shape == (20, 8, 8, 1)
    blurred, shuffled = found[:5], found[5:10]
    assert (blurred.std(axis=(1, 2, 3)) < 0.7 * real.std(axis=(1, 2, 3))).all()
    for image, own in zip(shuffled, real, strict=True):
        assert sorted(image.ravel()) == sorted(own.ravel())
        assert not np.array_equal(image, own)
    assert np.array_equal(found, placebo.placebo(real, 20, 0))


def test_classical_augmentation_changes_a_little():
    images = np.zeros((200, 16, 16, 1), np.uint8)
    images[:, 7:9, 7:9] = 200
    rng = np.random.default_rng(0)
    found = arms.changed(images, rng)
    assert len({image.tobytes() for image in found}) > 190
    at = np.argwhere(found[..., 0] > 100)
    assert at[:, 1:].min() >= 5  # moved by up to 1.3 pixels, not away
    assert at[:, 1:].max() <= 10
    still = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.abs(arms.changed(still, rng).astype(int) - still).mean() < 60


def test_alpha_keeps_its_contrast():
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 4)).astype(np.uint8)
    images[..., 3] = np.array([255, 40])[np.arange(50) % 2][:, None, None]
    found = arms.changed(images, np.random.default_rng(0))
    assert np.array_equal(found[..., 3], images[..., 3])  # level, so moving leaves it
    assert not np.array_equal(found[..., :3], images[..., :3])


def test_flipping_flips_half():
    images = np.zeros((400, 16, 16, 1), np.uint8)
    images[:, :, :4] = 255
    found = arms.changed(images, np.random.default_rng(0), flip=True)
    left = found[:, 8, 1, 0] > found[:, 8, -2, 0]
    assert 0.4 < left.mean() < 0.6
    assert arms.changed(images, np.random.default_rng(0))[:, 8, 1, 0].min() > 100


# --- the classifier --------------------------------------------------------------------------


def fitted(seed, draws):
    return classifier.fit(
        draws.images, draws.labels, classes=2, seed=seed, weights=draws.weights, batch=20
    )


def test_the_classifier_learns_and_repeats():
    real = part(200, 0.5)
    draws = arms.draws("oversampling", 0.0, real, {}, PLAN, 0)
    predict = fitted(0, draws)
    other = fitted(1, draws)
    found = classifier.checked(predict, real.images, 2)
    assert (found.argmax(1) == real.labels).mean() > 0.95
    again = fitted(0, draws)
    assert np.allclose(again(real.images), found, atol=1e-5)
    assert not np.allclose(other(real.images), found, rtol=1e-3, atol=0)
    # A later fit leaves an earlier one as it was.
    assert np.allclose(predict(real.images), found)


def test_weights_reach_the_loss():
    real = part(200, 0.5)
    draws = arms.draws("oversampling", 0.0, real, {}, PLAN, 0)
    one_sided = draws._replace(weights=np.where(draws.labels == 1, 2, 0).astype(np.float32))
    assert (fitted(0, one_sided)(real.images).argmax(1) == 1).all()


def test_a_classifier_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "mine_rare.py").write_text("def fit(*a, **k): ...\nnumber = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert classifier.find("mine_rare:fit").__name__ == "fit"
    assert classifier.find(None) is classifier.fit
    for word in ("mine_rare", "mine_rare:none", "mine_rare:number", "nothing_there:fit"):
        with pytest.raises(UsageError, match=word):
            classifier.find(word)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(np.ones((3, 3)), r"\[3, 2\]"), (np.full((3, 2), np.nan), "sum to one"),
     (np.ones((3, 2)), "softmax"), (np.array([[2, -1]] * 3), "negative")],
)  # fmt: skip
def test_answers_that_are_no_probabilities(answer, words):
    with pytest.raises(DataError, match=words):
        classifier.checked(lambda images: answer, np.zeros((3, 4, 4, 1), np.uint8), 2)


# --- leaks -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise():
    """Three sets of smooth images that have nothing in common."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (700, 6, 6, 1)).astype(np.float32)
    images = coarse.repeat(4, 1).repeat(4, 2)[:, :20, :20]
    images += rng.normal(0, 4, images.shape)
    images = np.clip(images, 0, 255).astype(np.uint8)
    return images[:300], images[300:500], images[500:]


def searched(learn, test, fakes):
    return leaks.with_synthetic(leaks.find(learn, test), test, [fakes])


def test_clean_parts_have_no_leak(noise):
    found = searched(noise[0], noise[1], noise[2])
    assert (found.exact, found.near, found.copied, found.fatal) == (0, 0, 0, False)
    assert found.kept.all()
    assert found.sentences() == []


def test_planted_test_images_are_found_and_left_out(noise):
    learn = np.concatenate([noise[0], noise[1][:5]])
    near = noise[1][5:8].astype(int) + np.random.default_rng(1).integers(-6, 7, (3, 20, 20, 1))
    learn = np.concatenate([learn, np.clip(near, 0, 255).astype(np.uint8)])
    found = leaks.find(learn, noise[1])
    assert (found.exact, found.near) == (5, 3)
    assert np.flatnonzero(~found.kept).tolist() == list(range(8))
    assert "8 are left out" in found.sentences()[0]


def test_synthetic_copies_of_test_images_are_fatal(noise):
    shifted = np.roll(noise[1][:10], 1, axis=2)
    fakes = np.concatenate([noise[2], noise[1][:10], shifted])
    # Of images that are left out of the test, copies do no harm.
    learn = np.concatenate([noise[0], noise[1][:10]])
    assert searched(learn, noise[1], fakes).copied < 5
    found = searched(noise[0], noise[1], fakes)
    assert searched(noise[0], noise[1][:20], fakes).fatal  # in a small test, too
    assert found.copied >= 15
    assert found.fatal
    assert "cannot show that they help" in found.sentences()[0]


def test_images_that_are_all_alike_stay_in(noise):
    rng = np.random.default_rng(2)
    learn, test, fakes = (
        np.clip(noise[0][:40].astype(int) + rng.integers(-6, 7, (40, 20, 20, 1)), 0, 255)
        for _ in range(3)
    )
    found = searched(*(x.astype(np.uint8) for x in (learn, test, fakes)))
    assert found.near == 40
    assert not found.fatal  # as alike as real images are
    assert found.kept.all()
    assert "similar by nature" in found.sentences()[0]


def test_a_test_without_a_class_is_refused(noise):
    from ganvas.kits.rare_class.parts import Material

    units = np.arange(200)
    test = Part(noise[1], np.r_[np.ones(5, int), np.zeros(195, int)], units, tuple("x" * 200))
    found = leaks.find(np.concatenate([noise[0], noise[1][:4]]), noise[1])
    with refuses(DataError, "'b'", "1"):
        leaks.refuse_empty(found, Material(test, test, ("a", "b"), (1,), False, "", ""))


# --- folders ---------------------------------------------------------------------------------


def test_class_names_as_folders():
    names = ["shirt", "T-shirt/top", "T-shirt_top", "..", "läsion"]
    found = [file_name(name) for name in names]
    assert found[0] == "shirt"
    assert len(set(found)) == len(names)
    for one, other in itertools.product(found, "/\\"):
        assert other not in one and one.strip(".")
