"""The parts of the defects kit: patches, moves, densities, alpha, reading, masks, results."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from ganvas.errors import DataError, UsageError
from ganvas.images import to_float, write_png
from ganvas.kits.defects import good_images, judging, moves
from ganvas.kits.defects.baselines import Baselines
from ganvas.kits.defects.blur import blurred
from ganvas.kits.defects.card import chosen_by
from ganvas.kits.defects.choosing import WHOLE, choose, wants_gan
from ganvas.kits.defects.dealing import distinct, some_patches
from ganvas.kits.defects.density import SHRINK, Gaussian, Nearest
from ganvas.kits.defects.detector import conformal
from ganvas.kits.defects.frozen import Frozen, resizing, seen_size
from ganvas.kits.defects.masks import read_masks
from ganvas.kits.defects.overlay import overlay
from ganvas.kits.defects.patches import Grid
from ganvas.kits.defects.places import FLOOR, Bank, PlaceGaussian, PlaceMoments, coreset
from ganvas.kits.defects.planting import CONTRASTS, KINDS, SEEN, SIZES, plant
from ganvas.kits.defects.regions import level_of, regions
from ganvas.kits.defects.results import DefectsReport, FalseAlarms, ImageScores, Lead, PixelScores
from ganvas.kits.defects.roi import Roi, read_roi
from ganvas.stats.intervals import Interval, bootstrap
from ganvas.stats.ranking import auroc
from refusals import refuses

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [(96, 96), (50, 70), (33, 32)])
def test_patches_cover_an_image_and_come_back(size):
    grid = Grid(size)
    images = RNG.normal(0, 1, (3, *size, 2)).astype(np.float32)
    cut = grid.cut(tf.constant(images)).numpy()
    assert cut.shape == (3 * grid.count, 32, 32, 2)
    corners = [(y, x) for y in grid.places[0] for x in grid.places[1]]
    for number, (y, x) in enumerate(corners):
        assert (cut[grid.count + number] == images[1, y : y + 32, x : x + 32]).all()
    merged = grid.merge(tf.constant(cut[..., 0])).numpy()
    assert merged == pytest.approx(images[..., 0], abs=1e-5)


def test_a_small_square_is_one_patch_and_stays_as_it_is():
    grid = Grid((28, 28))
    image = tf.constant(RNG.normal(0, 1, (2, 28, 28, 1)))
    assert grid.count == 1 and grid.cut(image) is image


@pytest.mark.parametrize(("size", "side"), [((12, 40), None), ((64, 64), 8), ((40, 40), 48)])
def test_patches_that_do_not_fit(size, side):
    with refuses(UsageError, "16", "64"):
        Grid(size, side)


def test_moves_in_the_graph_are_those_that_are_learnt():
    images = RNG.normal(0, 1, (2, 20, 20, 3)).astype(np.float32)
    every, labels = moves.moved(images)
    assert labels.tolist() == [k for k in range(8) for _ in range(2)]
    for number in range(len(moves.MOVES)):
        assert (moves.move(tf.constant(images), number).numpy() == every[labels == number]).all()
    assert len(np.unique(every.reshape(16, -1), axis=0)) == 16


def test_doubt_is_the_negative_log_likelihood_also_near_certainty():
    logits = RNG.normal(0, 3, (8, 50, 8))
    logits[:, 25:] += 40 * np.eye(8)[:, None]  # nearly certain: float32 has 1 - p = 0
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    with np.errstate(divide="ignore"):
        wrong = np.exp(logits)
        wrong[np.arange(8), :, np.arange(8)] = 0
        exact = np.where(
            logs > -1e-9, 0, np.log1p(wrong.sum(-1)[..., None] / np.exp(logits)))  # fmt: skip
    wanted = sum(exact[k, :, k] for k in range(8)) + moves.NOTHING
    assert moves.unsure(tf.constant(logits, tf.float32)).numpy() == pytest.approx(wanted, rel=1e-4)


def test_blur_is_scipys():
    image = RNG.normal(0, 1, (2, 20, 24, 2))
    wanted = ndimage.gaussian_filter(image, (0, 1, 1, 0), truncate=3, mode="reflect")
    assert blurred(tf.constant(image, tf.float32)).numpy() == pytest.approx(wanted, abs=1e-5)


def test_gaussian_is_the_shrunk_mahalanobis_distance():
    x = RNG.normal(0, 1, (400, 6)) @ RNG.normal(0, 1, (6, 6)) + 3
    new = RNG.normal(0, 4, (30, 6)).astype(np.float32)
    fitted = Gaussian(Gaussian.fit(x, axes=5))
    covariance = np.cov(x.T, bias=True)
    whole = (1 - SHRINK) * covariance + SHRINK * np.trace(covariance) / 6 * np.eye(6)
    apart = new - x.mean(0)
    wanted = np.einsum("nd,nd->n", apart @ np.linalg.inv(whole), apart) / 6
    assert fitted(tf.constant(new)).numpy() == pytest.approx(wanted, rel=2e-3)


def test_gaussian_of_many_numbers_has_the_leading_axes():
    axes = np.linalg.qr(RNG.normal(0, 1, (300, 3)))[0]
    x = RNG.normal(0, 1, (200, 3)) * (9, 6, 4) @ axes.T + RNG.normal(0, 0.1, (200, 300))
    fitted = Gaussian(Gaussian.fit(x, axes=3))
    inside, outside = tf.constant([5 * axes[:, 0], 5 * RNG.normal(0, 300**-0.5, 300)], tf.float32)
    near, far = fitted(tf.stack([inside, outside])).numpy()
    assert far > 20 * near


def test_nearest_is_the_nearest():
    x = RNG.normal(0, 1, (150, 10))
    new = RNG.normal(0, 2, (20, 10)).astype(np.float32)
    squares = np.square(new[:, None] - x).sum(-1).min(1) / x.var(0).sum()
    assert Nearest(Nearest.fit(x))(tf.constant(new)).numpy() == pytest.approx(squares, rel=1e-3)
    assert Nearest(Nearest.fit(x))(tf.constant(x, tf.float32)).numpy().max() < 2e-5


def test_each_place_has_its_own_gaussian():
    """In chunks, and away from the means, as NumPy has it at once."""
    mix = RNG.normal(0, 1, (5, 4, 4))
    x = np.stack([RNG.normal(0, 1, (60, 4)) @ mix[i] + i for i in range(5)], 1)
    moments = PlaceMoments(x.mean(0) + 0.1)
    for start in range(0, 60, 16):
        moments.add(x[start : start + 16])
    apart = x - x.mean(0)
    covariance = np.einsum("npi,npj->pij", apart, apart) / 60
    assert moments.covariances() == pytest.approx(covariance, abs=1e-9)
    shares = []
    for place in range(5):  # Ledoit & Wolf 2004, lemma 3.2 to 3.5, image by image
        scatter, middle = covariance[place], np.trace(covariance[place]) / 4
        off = np.square(scatter - middle * np.eye(4)).sum()
        each = [np.square(np.outer(one, one) - scatter).sum() for one in apart[:, place]]
        shares.append(min(1, np.mean(each) / 60 / off))
    assert moments.share() == pytest.approx(np.mean(shares), rel=0.15)
    share, new = moments.share(), RNG.normal(0, 3, (7, 5, 4)).astype(np.float32)
    typical = np.trace(covariance, axis1=1, axis2=2) / 4
    found = PlaceGaussian(moments.fit())(tf.constant(new)).numpy()
    for place in range(5):
        shrunk = (1 - share) * covariance[place]
        shrunk += (share * typical[place] + FLOOR * typical.mean()) * np.eye(4)
        off = new[:, place] - x[:, place].mean(0)
        wanted = np.einsum("nd,nd->n", off @ np.linalg.inv(shrunk), off) / 4
        assert found[:, place] == pytest.approx(wanted, rel=1e-4)


def test_a_place_that_never_varies_has_a_finite_distance():
    x = RNG.normal(0, 1, (30, 2, 3))
    x[:, 1] = 7
    moments = PlaceMoments(x.mean(0))
    moments.add(x)
    gaussian = PlaceGaussian(moments.fit())
    same, other = gaussian(tf.constant(np.stack([x[0], x[0] + 1]), tf.float32)).numpy()
    assert same[1] < 1e-3 < 10 < other[1] < np.inf


def test_a_bank_covers_and_finds_the_nearest():
    x = RNG.normal(0, 1, (300, 6))
    rows = coreset(x, 40)
    assert len(set(rows)) == 40 and sorted(coreset(x, 999)) == list(range(300))
    away = [np.square(x[:, None] - x[some]).sum(-1).min(1).max() for some in (rows, range(40))]
    assert away[0] < 0.8 * away[1], "it covers better than the first rows"
    bank, new = Bank(Bank.fit(x, 40)), RNG.normal(0, 2, (3, 4, 6)).astype(np.float32)
    wanted = np.square(new[:, :, None] - x[rows]).sum(-1).min(-1) / x.var(0).sum()
    assert bank(tf.constant(new)).numpy() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("size", "seen"), [((28, 28), (128, 128)), ((200, 100), (128, 64)), ((90, 900), (32, 128))]
)
def test_the_network_sees_the_aspect_ratio(size, seen):
    assert seen_size(size, 128) == seen


def test_resizing_is_pillows_bicubic_with_its_antialiasing():
    from PIL import Image

    image = RNG.uniform(0, 255, (90, 60)).astype(np.float32)
    for height, width in ((32, 48), (128, 96)):
        small = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
        ours = resizing(90, height) @ image @ resizing(60, width).T
        assert ours == pytest.approx(np.asarray(small), abs=0.02)


def test_features_of_a_place_depend_on_its_neighbourhood():
    frozen = Frozen((64, 64, 1), 128)
    image = np.full((1, 64, 64, 1), 90, np.uint8)
    image[0, 40:44, 8:12] = 250
    places, pooled = frozen(tf.constant(image))
    plain, _ = frozen(tf.constant(np.full_like(image, 90)))
    apart = np.abs(places - plain).mean(-1)[0]
    assert places.shape == (1, 16, 16, 232) and pooled.shape == (1, 1280)
    y, x = np.unravel_index(apart.argmax(), apart.shape)
    assert abs(y - 10) <= 1 and abs(x - 2) <= 1
    colour, _ = frozen(tf.constant(np.repeat(image, 3, -1)))
    assert colour.numpy() == pytest.approx(places.numpy(), abs=1e-4)


def test_planted_defects_are_drawn_by_address():
    good = RNG.integers(60, 200, (4, 40, 48, 3)).astype(np.uint8)
    planted = plant(good, 6, seed=3)
    assert planted.images.shape == (24, 40, 48, 3) and planted.rows.tolist() == sorted(
        [*range(4)] * 6
    )
    assert set(planted.kinds[:6]) == set(KINDS)
    assert ((planted.images != good[planted.rows]).any(-1) == planted.masks).all()
    change = np.abs(planted.images.astype(int) - good[planted.rows]).max(-1)
    assert all(
        one[mask].mean() >= SEEN / 2 for one, mask in zip(change, planted.masks, strict=True)
    )
    assert (SIZES[0] <= planted.sizes).all() and (planted.contrasts <= CONTRASTS[1]).all()
    some = plant(good, 6, seed=3, rows=[2])
    assert (some.images == planted.images[12:18]).all() and some.kinds == planted.kinds[12:18]
    assert (plant(good, 6, seed=4).images != planted.images).any()
    fixed = plant(good, 3, 0, kinds=["blob"], sizes=(0.2, 0.2), contrasts=(2, 2))
    assert fixed.kinds == ("blob",) * 12 and np.ptp(fixed.sizes) < 1e-9
    side = np.sqrt(fixed.masks.mean((1, 2)))
    assert ((side > 0.1) & (side < 0.25)).all()


def test_a_flat_image_gets_a_defect_as_well():
    planted = plant(np.full((2, 32, 32, 1), 128, np.uint8), 6, 0)
    assert planted.masks.any((1, 2)).all()


def test_the_better_part_is_chosen_and_others_only_if_they_help():
    rng = np.random.default_rng(0)
    hidden = rng.normal(0, 1, (600, 4))
    good = hidden[:200]
    bad = hidden[200:] + np.array([2, 1.8, 0, 0])
    bad[:, 2] = bad[:, 0]
    good[:, 2] = good[:, 0]
    names = ("strong", "other", "copy", "noise")
    found = choose(good, bad, names, ["a", "b"] * 200)
    assert found.parts == ("strong", "other")
    assert (
        found.auroc
        == found.steps[-1]
        == pytest.approx(auroc(good[:, :2].mean(1), bad[:, :2].mean(1)), abs=1e-5)
    )
    few = choose(good[:8], bad, names, ["a"] * 400)
    assert len(few.parts) == 1, "with 8 good images, the rise may be chance"
    assert found.alone["noise"] == pytest.approx(0.5, abs=0.06) and set(found.kinds) == {"a", "b"}
    assert json.loads(json.dumps(found.to_dict()))["planted"] == 400


def test_the_choice_begins_with_four_parts_for_small_images():
    rng = np.random.default_rng(0)
    names = ("position", *reversed(WHOLE), "moves", "local")
    good, bad = rng.normal(0, 1, (200, 7)), rng.normal(0, 1, (400, 7))
    bad += np.array([0.5, 1, 1, 1, 1, 3, 0])
    found = choose(good, bad, names, ["a"] * 400, whole=True)
    assert found.parts == (*WHOLE, "moves") and found.given == len(WHOLE)
    assert "The first 4 always score small images; others were" in chosen_by(found.to_dict())
    taken = [names.index(name) for name in WHOLE]
    assert found.steps[3] == pytest.approx(
        auroc(good[:, taken].mean(1), bad[:, taken].mean(1)), abs=1e-5
    )


@pytest.mark.parametrize(
    ("with_gan", "whole", "reached", "wanted"),
    [("yes", False, 1.0, True), ("no", True, 0.5, False), ("auto", True, 0.74, True),
     ("auto", True, 0.75, False), ("auto", False, 0.5, False)],
)  # fmt: skip
def test_by_default_a_gan_is_trained_where_the_others_do_not_do(with_gan, whole, reached, wanted):
    assert wants_gan(with_gan, whole, reached) == wanted


def test_conformal_p_values_by_hand():
    assert conformal(np.array([0, 3, 9]), np.array([1, 3, 5, 7])).tolist() == pytest.approx(
        [1, 0.8, 0.2]
    )
    rng = np.random.default_rng(5)
    scores = rng.permutation(np.repeat(rng.normal(0, 1, 60), 2)).reshape(-1, 120)[0]
    p = conformal(scores[60:], scores[:60])  # ties may only make it more careful
    assert (p >= 1 / 61).all() and p.max() <= 1


@pytest.mark.parametrize(("alpha", "count"), [(0.05, 19), (0.01, 99), (0.001, 999), (0.3, 3)])
def test_an_alpha_needs_so_many_images(alpha, count):
    assert good_images.needed(alpha) == count
    good_images.check_alpha(alpha, count)
    with pytest.raises(UsageError, match=rf"at least {count} calib.* got {count - 1}:"):
        good_images.check_alpha(alpha, count - 1)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.3])
def test_splits_keep_the_guarantee_and_share_nothing(alpha):
    least = good_images.fewest(alpha)
    for count in (least, least + 57, 5000):
        parts = good_images.split(count, alpha, seed=1)
        assert sorted(np.concatenate(parts)) == list(range(count))
        assert (
            len(parts.calibrate) >= good_images.needed(alpha)
            and len(parts.learn) >= good_images.FEWEST
        )
    with pytest.raises(DataError, match=rf"alpha = {alpha:g} needs at least {least} good"):
        good_images.split(least - 1, alpha, seed=1)
    for wrong in (0, 1, -0.1):
        with refuses(UsageError, "0", "1"):
            good_images.split(1000, wrong, 0)


def test_equal_images_count_once():
    images = RNG.integers(0, 256, (10, 16, 16, 1)).astype(np.uint8)
    assert (distinct(np.concatenate([images, images[:4]])) == images).all()


def test_patches_to_learn_from_are_of_the_images():
    images = RNG.integers(0, 256, (3, 48, 64, 1)).astype(np.uint8)
    grid = Grid((48, 64))
    found = some_patches(images, grid, 0)
    every = grid.cut(tf.constant(images)).numpy()
    assert len(found) == 3 * grid.count
    assert {one.tobytes() for one in found} == {one.tobytes() for one in every}


def test_baselines_by_their_definitions():
    images = RNG.integers(0, 256, (90, 16, 16, 1)).astype(np.uint8)
    rivals = Baselines.fit(images, Grid((16, 16)))
    x = to_float(images[..., 0]).reshape(90, -1).astype(np.float64)
    left, spread, axes = np.linalg.svd(x - x.mean(0), full_matrices=False)
    rest = (left[:, 32:] * spread[32:]) @ axes[32:]
    found = rivals.score(images)
    assert found["pca"] == pytest.approx(np.square(rest).mean(1), rel=1e-3)
    assert found["nearest"] == pytest.approx(np.zeros(90), abs=1e-3)
    odd = np.zeros((1, 16, 16, 1), np.uint8)
    assert rivals.score(odd)["mahalanobis"] > 2 * found["mahalanobis"].max()
    flat = Baselines.fit(RNG.integers(90, 99, (90, 16, 16, 1)).astype(np.uint8), Grid((16, 16)))
    hole = np.full((1, 16, 16, 1), 95, np.uint8)
    hole[0, 4:7, 9:12] = 0
    assert np.unravel_index(flat.map(hole)[0].argmax(), (16, 16)) == (5, 10)


def test_labels_among_good_images_are_refused(tmp_path, grey):
    with refuses(DataError, "--all-good"):
        good_images.read_good(grey)
    assert good_images.read_good(grey, all_good=True).pixels.shape == (256, 16, 16, 1)
    for number, image in enumerate(grey[0][:6]):
        write_png(tmp_path / "ab"[number % 2] / f"{number}.png", image)
    with refuses(DataError):
        good_images.read_good(tmp_path)


def test_sizes_are_never_changed_unasked(tmp_path):
    image = RNG.integers(0, 256, (40, 72, 3)).astype(np.uint8)
    write_png(tmp_path / "a.png", image)
    write_png(tmp_path / "b.png", 255 - image)
    assert good_images.read_good(tmp_path).pixels.shape == (2, 40, 72, 3)
    assert good_images.read(tmp_path).paths == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert good_images.read(tmp_path, (40, 72, 1)).pixels.shape == (2, 40, 72, 1)
    np.savez(tmp_path / "x.npz", x=RNG.integers(0, 256, (3, 100, 90)).astype(np.uint8))
    assert good_images.read(tmp_path / "x.npz").pixels.shape == (3, 100, 90, 1)
    with refuses(DataError, "40×72", "32×32"):
        good_images.read(tmp_path, (32, 32, 3))
    write_png(tmp_path / "c.png", image[:30])
    with refuses(DataError, "2", "--size", "40x72"):
        good_images.read_good(tmp_path)
    assert good_images.read_good(tmp_path, (32, 32)).pixels.shape == (3, 32, 32, 3)


def test_nothing_to_read(tmp_path):
    with refuses(DataError):
        good_images.read_good(tmp_path)
    with refuses(DataError):
        good_images.read(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no image")
    with refuses(DataError, "a.png"):
        good_images.read(tmp_path)
    with refuses(DataError, "uint8"):
        good_images.read(np.zeros((3, 16, 16)))


def test_overlays_are_red_where_it_is_unusual():
    image = np.full((16, 16, 1), 100, np.uint8)
    heat = np.zeros((16, 16))
    heat[3, 4] = 20
    shown = overlay(image, heat)
    assert (shown[0, 0] == 100).all()
    assert shown[3, 4, 0] > 180 and shown[3, 4, 1] < 60


def test_the_lead_is_that_of_the_same_images():
    """Scores that differ by little noise: each AUROC is unsure, their difference is not."""
    rng = np.random.default_rng(0)
    good, bad = rng.normal(size=300), rng.normal(1, size=300)
    worse = good + rng.normal(0, 1, 300), bad + rng.normal(0, 1, 300)
    pairs = {"poor": (good, good[::-1].copy()), "pca": worse}
    lead = judging._lead((good, bad), pairs, 0)
    assert lead.over == "pca" and lead.low > 0
    alone = [bootstrap(auroc, *pair, seed=0, times=200) for pair in ((good, bad), worse)]
    assert alone[0].low < alone[1].high, "their own intervals overlap"
    same = judging._lead(worse, pairs, 0)
    assert same.value == same.low == same.high == 0


def report_of(**changes):
    """A result with plain numbers; only `changes` matter to a test."""
    area = ImageScores(Interval(0.95, 0.9, 0.97), Interval(0.9, 0.8, 0.95))
    fields = {
        "good": 50, "bad": 60, "alpha": 0.05, "detector": area, "baselines": {"pca": area},
        "lead": Lead("pca", 0.02, 0.001, 0.04), "ablation": {"all": 0.95},
        "recall": Interval(0.5, 0.4, 0.6), "false_alarms": FalseAlarms(9, 0.18, 0, 6, False),
        "milliseconds": 1.5, **changes,
    }  # fmt: skip
    return DefectsReport(**fields)


def test_a_report_is_frozen_and_json_with_the_documented_keys():
    plain = report_of()
    with pytest.raises(dataclasses.FrozenInstanceError):
        plain.good = 1
    keys = ["good", "bad", "alpha", "detector", "baselines", "lead", "ablation", "recall",
            "false_alarms", "milliseconds", "rivals", "sentences"]  # fmt: skip
    found = json.loads(json.dumps(plain.to_dict(), allow_nan=False))
    assert list(found) == keys
    assert found["detector"]["auroc"] == {"value": 0.95, "low": 0.9, "high": 0.97}
    assert list(found["detector"]) == ["auroc", "average_precision"]
    assert list(found["lead"]) == ["over", "value", "low", "high"]
    assert list(found["false_alarms"]) == ["count", "rate", "low", "high", "inside"]
    assert found["sentences"] == plain.sentences
    with_masks = report_of(pixels={"detector": PixelScores(0.9, 0.8, 0.7)}).to_dict()
    assert list(with_masks) == [*keys[:-2], "pixels", "rivals", "sentences"]
    scores = {"auroc": 0.9, "aupro": 0.8, "average_precision": 0.7}
    assert with_masks["pixels"] == {"detector": scores}


@pytest.mark.parametrize(
    ("lead", "words"),
    [((-0.05, -0.08, -0.01), "A simple detector is better: pca"),
     ((0.001, -0.02, 0.03), "no evidence that it differs from pca"),
     ((0.02, 0.001, 0.04), "It is better than the best simple detector, pca")],
)  # fmt: skip
def test_sentences_begin_with_the_promise(lead, words):
    alarms, found, ranking, winner = report_of(lead=Lead("pca", *lead)).sentences
    assert "OUTSIDE the 95 % interval of the promise, 0 to 6" in alarms
    assert "The promise does not hold" in alarms and "finds 50.0% of 60" in found
    assert "Image AUROC 0.950" in ranking and words in winner


def test_masks_are_found_by_name_and_folder(tmp_path):
    """Folders of kinds of defects, whose file names are the same, as MVTec AD has them."""
    wanted = {}
    for kind in ("crack", "hole"):
        for number in range(2):
            image = np.zeros((16, 16), np.uint8)
            write_png(tmp_path / "bad" / kind / f"{number:03}.png", image)
            image[RNG.integers(0, 16), RNG.integers(0, 16)] = 255
            write_png(tmp_path / "truth" / kind / f"{number:03}_mask.png", image)
            wanted[str(tmp_path / "bad" / kind / f"{number:03}.png")] = image > 0
    broken = good_images.read(tmp_path / "bad")
    masks = read_masks(tmp_path / "truth", broken.paths, (16, 16))
    assert all((mask == wanted[path]).all() for mask, path in zip(masks, broken.paths, strict=True))
    (tmp_path / "truth" / "hole").rename(tmp_path / "truth" / "other")
    with refuses(DataError, "hole/000.png"):
        read_masks(tmp_path / "truth", broken.paths, (16, 16))
    with refuses(DataError):
        read_masks(tmp_path / "truth", ["the array[0]"], (16, 16))
    write_png(tmp_path / "dim" / "000.png", np.ones((16, 16), np.uint8))
    with refuses(DataError, "1", "127"):
        read_masks(tmp_path / "dim", broken.paths[:1], (16, 16))


def test_few_images_name_no_winner():
    found = report_of(good=1, bad=5, lead=Lead("pca", -0.5, -0.5, -0.5))
    assert "too few to name a winner" in found.sentences[3]


def test_a_size_has_an_end(tmp_path):
    with refuses(UsageError, "100"):
        good_images.read_good(tmp_path, (999999, 999999))


def test_regions_are_where_every_pixel_is_unusual():
    peaks = np.arange(1.0, 20)  # of 19 calibration images: the highest alone has p <= 0.05 + 0.05
    assert level_of(peaks, 0.05) == 19 and level_of(peaks, 0.1) == 18
    assert level_of(peaks, 0.01) == np.inf
    heat = np.zeros((12, 20))
    heat[2:5, 3:7], heat[3, 4], heat[8, 10:12] = 21, 30, 20
    first, second = regions(heat, peaks, 0.05)
    assert first.box == (3, 2, 4, 3) and first.area == 12 and first.heat == 30
    assert second.box == (10, 8, 2, 1) and second.p_value == first.p_value == 0.05
    heat[2:9] = np.minimum(heat[2:9], 12)  # below all but eight
    heat[5, 5] = 6.5
    (only,) = regions(heat[:7], peaks, 0.05)
    assert only.p_value == pytest.approx((1 + 8) / 20) and only.box == (3, 2, 4, 4)


def test_a_region_of_interest_is_a_mask_of_the_images(tmp_path):
    mask = np.zeros((6, 8), bool)
    mask[:, :3] = True
    write_png(tmp_path / "roi.png", mask.astype(np.uint8) * 255)
    assert (read_roi(tmp_path / "roi.png", (6, 8)) == mask).all()
    images = RNG.integers(0, 256, (5, 6, 8, 1)).astype(np.uint8)
    roi = Roi.of(mask, images)
    inside = roi.inside(images)
    assert (inside[:, :, :3] == images[:, :, :3]).all() and np.ptp(inside[:, :, 3:], 0).max() == 0
    with refuses(DataError, "6×8", "8×6"):
        read_roi(mask.T, (6, 8))
    with refuses(UsageError, "0.0%"):
        read_roi(~mask & mask, (6, 8))


def test_defects_are_planted_within_a_region():
    good = RNG.integers(60, 200, (3, 40, 48, 1)).astype(np.uint8)
    within = np.zeros((40, 48), bool)
    within[5:20, 30:46] = True
    planted = plant(good, 6, seed=0, within=within)
    assert planted.masks.any((1, 2)).all() and not planted.masks[:, ~within].any()


def test_the_control_sees_what_is_not_the_defect():
    rng = np.random.default_rng(0)
    good, bad = rng.normal(0, 1, (2, 60, 32, 32))
    masks = np.zeros(bad.shape, bool)
    masks[:, 4:8, 4:8] = True
    bad[masks] += 9
    control = judging._control(good, bad, masks, 0)
    assert control.margin == 4 and not control.shortcut and control.within > 0.99
    assert control.covered.low < 0.5 < control.covered.high
    assert judging._control(good, bad + 2, masks, 0).shortcut  # another exposure
    assert judging._control(good, bad, np.ones_like(masks), 0) is None
