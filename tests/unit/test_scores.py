"""The scores: NumPy loops beside them, what must not change them, and intervals that hold."""

import functools
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ganvas.data.mnist import mnist
from ganvas.errors import ConfigError
from ganvas.evaluation import base, manifold
from ganvas.evaluation.base import Comparison, Sample
from ganvas.evaluation.copies import copied, near_copies, nearest
from ganvas.evaluation.frechet import Moments, frechet, frechet_distance
from ganvas.evaluation.kernel import kid, mmd2
from ganvas.evaluation.scores import SCORES, score
from ganvas.stats import intervals
from ganvas.stats.intervals import student
from refusals import refuses

NAMES = list(SCORES)


def sample(n, seed, dimensions=6, classes=4, shift=0.0, rank=None):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, rank or dimensions))
    if rank:
        x = x @ np.random.default_rng(99).normal(size=(rank, dimensions))
    p = rng.dirichlet(np.full(classes, 0.3), n)
    pixels = rng.integers(0, 256, (n, 9, 8, 1)).astype(np.uint8)
    labels = p.argmax(1).astype(np.int32)
    if not rank:
        x[np.arange(n), labels] += 2
    return Sample((x + shift).astype(np.float32), pixels, p.astype(np.float32), labels)


def blank(n):
    one = np.zeros((n, 6), np.float32)
    p = np.tile(np.float32([1, 0, 0, 0]), (n, 1))
    return Sample(one, np.zeros((n, 9, 8, 1), np.uint8), p, np.zeros(n, np.int32))


PAIRS = {
    "random": (sample(60, 0), sample(50, 1)),
    "rank deficient": (sample(60, 0, rank=3), sample(50, 1, rank=3)),
    "shifted": (sample(60, 0), sample(50, 1, shift=1.0)),
    "copies": (sample(60, 0), sample(60, 0)[np.arange(50)]),
}
pairs = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)


def gaps(x, y):
    return np.sqrt(np.square(x[:, None].astype(float) - y[None].astype(float)).sum(2))


def oracle(real, fake):
    """Loops over what the papers say; balls are closed up to rounding."""
    rr, ff, rf = gaps(real, real), gaps(fake, fake), gaps(real, fake)

    def radius(d, k):
        return np.sort(d, axis=1)[:, k] + 1e-7  # the image itself comes first

    r3, r5, f3 = radius(rr, 3), radius(rr, 5), radius(ff, 3)
    n, m = rf.shape
    return {
        "precision": np.mean([any(rf[i, j] <= r3[i] for i in range(n)) for j in range(m)]),
        "recall": np.mean([any(rf[i, j] <= f3[j] for j in range(m)) for i in range(n)]),
        "density": sum(rf[i, j] <= r5[i] for i in range(n) for j in range(m)) / (5 * m),
        "coverage": np.mean([any(rf[i, j] <= r5[i] for j in range(m)) for i in range(n)]),
        "diversity": (ff.sum() / (m * (m - 1))) / (rr.sum() / (n * (n - 1))),
    }


@pytest.fixture(params=[None, 7], ids=["one block", "blocks of 7"])
def block(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(manifold, "BLOCK", request.param)


@pairs
def test_neighbours_as_in_loops(pair, block):
    real, fake = pair
    found = score(
        Comparison(real, fake), ["precision", "recall", "density", "coverage", "diversity"]
    )
    for name, value in oracle(real.features, fake.features).items():
        assert found[name].value == pytest.approx(value, rel=1e-9), name


@pairs
def test_kid_as_in_loops(pair, block):
    x, y = (s.features.astype(float) for s in pair)

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within += sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    value = within - 2 * sum(k(a, b) for a in x for b in y) / (n * m)
    assert mmd2(x, y) == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert kid(Comparison(*pair)).value == pytest.approx(value, rel=1e-9, abs=1e-12)


@pairs
def test_kid_jackknife_leaves_one_out(pair):
    x, y = (s.features[:12] for s in pair)
    without = [mmd2(np.delete(x, i, 0), y) for i in range(12)]
    others = [mmd2(x, np.delete(y, i, 0)) for i in range(12)]
    spread = intervals.variance(without) + intervals.variance(others)
    found = kid(Comparison(*(Sample(f, np.zeros((12, 1, 1, 1), np.uint8)) for f in (x, y))))
    assert (found.high - found.low) / 2 >= student(11) * np.sqrt(spread) * (1 - 1e-9)


@pairs
def test_jackknife_leaves_groups_out(pair, monkeypatch):
    """Radii, balls and nearest images without a group are those of the images that are left."""
    real, fake = pair
    c = Comparison(real, fake)
    found = manifold.across(c)
    covered = manifold._covered(found)
    precise = manifold._shares(found.precise > 0, found.fake_groups)
    for group in (0, 7, 19):
        rest = real.features[found.real_groups != group]
        values = oracle(rest, fake.features)
        assert covered[1][group] == pytest.approx(values["coverage"])
        assert precise[1][group] == pytest.approx(values["precision"])
        kept = fake.features[found.fake_groups != group]
        values = oracle(real.features, kept)
        assert covered[2][group] == pytest.approx(values["coverage"])
        assert precise[2][group] == pytest.approx(values["precision"])


@pairs
def test_frechet_as_by_sqrtm(pair):
    linalg = pytest.importorskip("scipy.linalg")
    x, y = (s.features.astype(float) for s in pair)
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(linalg.sqrtm(a).real @ b @ linalg.sqrtm(a).real).real
    value = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a + b - 2 * root)
    found = frechet_distance(Moments.of(x), Moments.of(y))
    assert found == pytest.approx(value, rel=1e-6, abs=1e-6)
    assert frechet(Comparison(*pair)).value == pytest.approx(found, rel=1e-9)


def test_frechet_of_singular_covariances_is_exact():
    """Against singular values, which have no roots of rounding errors."""
    x, y = (sample(50, seed, dimensions=20, rank=3).features.astype(float) for seed in (0, 1))
    a, b = ((f - f.mean(0)) / 7 for f in (x, y))
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    value = np.square(x.mean(0) - y.mean(0)).sum() + (a**2).sum() + (b**2).sum() - 2 * root
    assert frechet_distance(Moments.of(x), Moments.of(y)) == pytest.approx(value, rel=1e-9)


def test_moments_stream_merge_and_leave_out():
    x = np.random.default_rng(0).normal(3, 2, (100, 5))
    streamed, rest = Moments(5), Moments.of(x[30:])
    for part in np.split(x, [1, 7, 7, 60]):
        streamed.add(part)
    part = Moments.of(x[:30])
    without = streamed.without(part)
    part.merge(rest)
    for moments, rows in ((streamed, x), (part, x), (without, x[30:])):
        assert moments.count == len(rows)
        np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-12)
        np.testing.assert_allclose(moments.covariance, np.cov(rows, rowvar=False), atol=1e-12)


def test_too_few_images_for_the_dimensions():
    found = frechet(Comparison(sample(60, 0, 40), sample(90, 1, 40)))
    assert found.value is None and "60" in found.why and "kid" in found.why


def test_same_numbers_twice_and_whatever_the_order():
    real, fake = sample(60, 0), sample(50, 1)
    rng = np.random.default_rng(5)
    first = score(Comparison(real, fake, real, sample(30, 3), sample(20, 4)))
    again = score(Comparison(real, fake, real, sample(30, 3), sample(20, 4)))
    mixed = score(
        Comparison(
            real[rng.permutation(60)], fake[rng.permutation(50)], real, sample(30, 3), sample(20, 4)
        )
    )
    assert first == again
    for name in NAMES:
        assert mixed[name].value == pytest.approx(first[name].value, rel=1e-6, abs=1e-9), name


def test_a_set_beside_itself():
    real = sample(80, 0)
    found = score(Comparison(real, replace(real), train=real))
    perfect = {"frechet": 0, "precision": 1, "recall": 1, "coverage": 1, "diversity": 1,
               "detail": 1, "near_copies": 1, "modes": 1, "class_chi2": 0,
               "knn_accuracy": 1}  # fmt: skip
    for name, value in perfect.items():
        assert found[name].value == pytest.approx(value, abs=1e-9), name
    assert found["kid"].value <= 0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 10])
@pytest.mark.parametrize("spare", [False, True])
def test_tiny_sets_score_or_say_why(count, spare):
    c = Comparison(
        sample(max(count, 3), 0), sample(count, 1), sample(count, 2) if spare else None,
        sample(count, 3), sample(count, 4),
    )  # fmt: skip
    for name, found in score(c).items():
        assert (found.value is None) == bool(found.why), name
        if found.value is not None:
            assert found.low <= found.value <= found.high, name
            assert all(type(v) is float for v in (found.value, found.low, found.high)), name


@pytest.mark.parametrize("real", [sample(40, 0), blank(40)], ids=["real", "blank"])
def test_blank_images_score(real):
    found = score(Comparison(real, blank(40), train=real, held=sample(9, 1)))
    missing = {name for name, s in found.items() if s.value is None}
    assert missing == ({"diversity", "detail"} if not real.features.any() else set())
    assert found["duplicates"].value == 1
    assert found["near_copies"].value == float(not real.features.any())
    assert found["classifier_score"].value == pytest.approx(1)


def test_which_way_is_worse():
    """Each score moves towards worse when the fakes do what it is there to see."""
    real, fake = sample(300, 0), sample(300, 1)
    good = score(Comparison(real, fake, train=sample(300, 2)))
    one_class = fake[np.resize(np.flatnonzero(fake.labels == 0), 300)]
    wrong = replace(fake, labels=(fake.labels + 1) % 4, features=fake.features + 2)
    shy = replace(fake, probabilities=np.full((300, 4), 0.25, np.float32))
    bad = {
        **dict.fromkeys(("frechet", "kid", "precision", "density", "knn_accuracy"), wrong),
        **dict.fromkeys(("recall", "coverage", "diversity"), sample(300, 3)[np.zeros(300, int)]),
        **dict.fromkeys(("duplicates", "modes", "class_chi2"), one_class),
        "near_copies": sample(300, 2), "classifier_score": shy,
        "detail": replace(fake, pixels=fake.pixels // 2),
    }  # fmt: skip
    bad["precision"] = bad["density"] = replace(fake, features=fake.features + 9)
    for name, entry in SCORES.items():
        worse = score(Comparison(real, bad[name], train=sample(300, 2)), [name])[name].value
        assert (worse > good[name].value) == (entry.better == "lower"), name
        if entry.better not in ("lower", "higher"):
            ideal = float(entry.better)
            assert abs(worse - ideal) > abs(good[name].value - ideal), name


def test_what_cannot_be_known_says_why():
    real = replace(sample(40, 0), probabilities=None, labels=None)
    found = score(Comparison(real, real))
    for name in ("modes", "class_chi2", "classifier_score", "knn_accuracy", "near_copies"):
        assert found[name].value is None and found[name].why, name


def test_names():
    c = Comparison(sample(20, 0), sample(20, 1))
    assert list(score(c, ["kid", "frechet"])) == ["kid", "frechet"]
    with refuses(ConfigError, "'kid'"):
        score(c, ["kidd"])


def test_large_sets_are_drawn_from(monkeypatch):
    monkeypatch.setattr(base, "MOST", 30)
    c = Comparison(sample(60, 0), sample(50, 1), seed=3)
    few = base.drawn(c)
    assert len(few.real) == len(few.fake) == 30
    assert manifold.precision(c) == manifold.precision(replace(c))
    assert kid(c).value == pytest.approx(mmd2(few.real.features, few.fake.features))


HOLDING = ["frechet", "kid", "precision", "density", "coverage", "diversity", "detail",
           "knn_accuracy", "class_chi2", "classifier_score"]  # fmt: skip


def test_intervals_hold_the_mean_of_real_against_real():
    """43 of 50: by chance alone, an interval that holds in 95 % misses that in 2 of 1,000."""
    found = []
    for seed in range(50):
        c = Comparison(sample(150, [1, seed]), sample(150, [2, seed]), seed=seed)
        found.append(score(c, HOLDING))
    for name in HOLDING:
        scores = [f[name] for f in found]
        mean = np.mean([s.value for s in scores])
        assert sum(s.low <= mean <= s.high for s in scores) >= 43, name


@functools.cache
def digits():
    train, test = (mnist(part)[0][..., None] for part in ("train", "test"))
    return train[:2500], test[:2000]


def pixels(images):
    return Sample(np.zeros((len(images), 1), np.float32), images)


def jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0]).save(buffer, "jpeg", quality=60)
    return np.asarray(Image.open(buffer))[..., None]


PLANTED = {
    "exact": lambda images: images,
    "noise": lambda images: np.clip(
        images + np.random.default_rng(0).normal(0, 8, images.shape), 0, 255
    ).astype(np.uint8),
    "jpeg": lambda images: np.stack([jpeg(image) for image in images]),
    "shifted": lambda images: np.roll(images, 1, axis=2),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_one_percent_of_copies_is_flagged(plant):
    train, test = digits()
    fake = test[:1000].copy()
    fake[:10] = plant(train[:10])
    c = Comparison(pixels(test[1000:]), pixels(fake), train=pixels(train), held=pixels(test[1000:]))
    found = near_copies(c)
    assert 0.007 <= found.value <= 0.02 and copied(c)
    rows, distances = nearest(pixels(fake[:10]), pixels(train), 3)
    assert (rows[:, 0] == np.arange(10)).sum() >= 8 and (np.diff(distances) >= 0).all()


def test_clean_digits_are_not_flagged():
    train, test = digits()
    train = np.concatenate([train, train[:500]])  # equal training images are no neighbourhood
    train, fake, held = pixels(train), pixels(test[:1000]), pixels(test[1000:])
    c = Comparison(train, fake, train=train, held=held)
    assert near_copies(c).value < 0.01 and copied(c) is False
    assert copied(replace(c, held=None)) is False
    assert copied(replace(c, train=train[:9], held=None)) is None
