"""A detector in use: drift, groups, cross-conformal calibration, teaching. Small arrays, no fit."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from ganvas.errors import DataError, Refused, UsageError
from ganvas.images import write_png
from ganvas.kits.defects import teaching
from ganvas.kits.defects.cross import LeaveOneOut, _shrinkage, cross_split
from ganvas.kits.defects.dealing import read_and_deal
from ganvas.kits.defects.detector import conformal
from ganvas.kits.defects.grouping import Groups, check_option, deal, read_groups
from ganvas.kits.defects.options import check_options
from ganvas.kits.defects.promise import Promise
from ganvas.kits.defects.ranks import Ranks
from ganvas.kits.defects.rewriting import Calibration
from ganvas.stats import drift
from ganvas.stats.intervals import false_alarms
from refusals import refuses


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# --- drift ----------------------------------------------------------------------------------------


def test_the_law_of_a_window_is_that_of_the_rank_sum(rng):
    for n, size in ((19, 20), (40, 50)):
        law = drift.rank_sum(n, size)
        assert law[0] == pytest.approx(1 / math.comb(n + size, n))
        held, new = rng.normal(0, 1, n), rng.normal(-0.3, 1, size)
        found = stats.mannwhitneyu(held, new, alternative="greater", method="exact")
        pairs = int((held[:, None] > new).sum())
        assert 1 - law[pairs - 1] == pytest.approx(found.pvalue, rel=1e-6)


def test_windows_ring_as_often_as_is_stated(rng):
    """The calibration images are drawn anew each time: that is what the rate is a mean over."""
    ranks = rng.random((40_000, 90)).argsort(1).argsort(1)
    above = 40 * 50 - ranks[:, :50].sum(1) + 50 * 49 // 2
    law = drift.rank_sum(40, 50)
    p_values = 2 * np.minimum(law[above], law[40 * 50 - above])
    assert stats.binomtest(int((p_values <= 0.01).sum()), 40_000, 0.01).pvalue > 0.001
    for row in ranks[:5]:  # the same by p-values
        p = conformal(row[:50].astype(float), row[50:].astype(float))
        above = round(p.sum() * 41 - 50)
        assert drift.test(p, 40) == pytest.approx(min(1, 2 * min(law[above], law[40 * 50 - above])))


def test_a_drift_rings_and_some_defects_do_not(rng):
    held = rng.normal(0, 1, 150)
    new = rng.normal(0, 1, 400)
    new[::8] += 6  # an eighth is defective
    quiet = drift.watch(conformal(new, held), 150)
    assert not quiet.alarm and quiet.windows == 8 and quiet.first is None
    new[200:] += 1
    loud = drift.watch(conformal(new, held), 150)
    assert loud.alarm and loud.first in (250, 300) and loud.mean < 0.5
    assert "DRIFT" in loud.sentence and "more unusual" in loud.sentence
    same = np.full(60, 0.9)  # a camera that stands still
    assert drift.watch(same, 150).alarm and not drift.watch(same, 150, both=False).alarm
    assert json.loads(json.dumps(loud.to_dict()))["first"] == loud.first
    with pytest.raises(ValueError, match="needs 20 p-values, got 19"):
        drift.watch(same[:19], 150)


def test_a_server_counts_images_and_alarms(tmp_path, caplog):
    pytest.importorskip("prometheus_client")
    from ganvas.serve.inspections import monitor_of
    from ganvas.serve.metrics import Metrics

    def served(**facts):
        (tmp_path / "manifest.json").write_text(json.dumps(facts))
        return monitor_of(tmp_path)

    split = {"kind": "defects", "parts": {"calibrate": 99}}
    assert served(**split).calibration == 99 and served(**split).both
    groups = {"method": "groups", "groups": {"a": 40, "b": 30}}
    assert served(**split, promise=groups).calibration == 30
    assert not served(**split, promise=groups).both
    for other in (
        {"kind": "generator"}, split | {"promise": {"method": "cross", "groups": {"": 40}}},
        split | {"promise": 3}, {"kind": "defects"}, split | {"parts": {"calibrate": 10**9}},
        split | {"parts": {"calibrate": True}}, split | {"promise": {"groups": {}}},
    ):  # fmt: skip
        assert served(**other) is None, other
    (tmp_path / "manifest.json").unlink()
    assert monitor_of(tmp_path) is None
    metrics, p_values = Metrics(), np.full(70, 0.02, np.float32)
    outputs = {"p_value": p_values, "defective": p_values <= 0.05}
    for _ in range(2):
        metrics.inspections.add("tiles", "3", served(**split), outputs)
    metrics.inspections.add("gan", "1", None, outputs)
    metrics.inspections.add("tiles", "3", served(**split), {**outputs, "p_value": p_values - 1})
    text = metrics.text().decode()
    labels = '{model_name="tiles",version="3"}'
    for name, value in (
        ("inspected_images_total", 140), ("defective_images_total", 140),
        ("drift_windows_total", 2), ("drift_alarms_total", 2), ("p_value_mean", 0.02),
    ):  # fmt: skip
        assert any(
            line.startswith(f"ganvas_{name}{labels} ")
            and float(line.split()[-1]) == pytest.approx(value)
            for line in text.splitlines()
        ), name
    assert 'gan"' not in text and "calibrate again" in caplog.text
    metrics.forget("tiles", "3")
    assert "tiles" not in metrics.text().decode()


# --- groups ---------------------------------------------------------------------------------------


def test_the_largest_p_value_of_all_groups_counts(rng):
    held = [rng.normal(0, 1, 30), rng.normal(1, 1, 50)]
    ranks = Ranks([30, 50])
    ranks.set(np.concatenate(held), np.repeat([0, 1], [30, 50]))
    new = rng.normal(0.5, 2, 200).astype(np.float32)
    wanted = np.max([conformal(new, one) for one in held], 0)
    assert ranks.of(new) == pytest.approx(wanted, abs=1e-6)
    alone = Ranks([30])
    alone.set(held[0])
    assert alone.of(new) == pytest.approx(conformal(new, held[0]), abs=1e-6)


def test_each_group_has_the_promise(rng):
    """Scores of the second lamp are higher: one calibration of all would flag more of it."""
    flagged = np.zeros((80, 2))
    for row in flagged:
        ranks = Ranks([40, 40])
        ranks.set(np.concatenate([rng.normal(0, 1, 40), rng.normal(2, 1, 40)]), np.arange(80) // 40)
        for group in (0, 1):
            p = ranks.of(rng.normal(2 * group, 1, 100).astype(np.float32))
            row[group] = (p <= 0.05 + 1e-6).mean()
    assert flagged[:, 1].mean() == pytest.approx(2 / 41, abs=0.015) and flagged[:, 0].mean() < 0.01


def test_a_group_has_one_use():
    names = np.repeat(["a", "b", "c", "d", "e", "f"], [50, 30, 60, 40, 5, 70])
    groups = Groups(names)
    for seed in range(5):
        parts = deal(groups, 0.05, seed)
        assert sorted(np.concatenate(parts)) == list(range(255))
        uses = [set(names[rows]) for rows in parts]
        assert sum(map(len, uses)) == 6
        assert all(size >= 19 for size in groups.sizes(parts.calibrate).values())
        numbers, sizes = groups.numbers(parts.calibrate), groups.sizes(parts.calibrate)
        for number, name in enumerate(sizes):
            assert set(names[parts.calibrate][numbers == number]) == {name}
    assert len({tuple(deal(groups, 0.05, seed).calibrate) for seed in range(5)}) > 1
    with refuses(DataError, "at least 3 groups", 2):
        deal(Groups(["a"] * 100 + ["b"] * 100), 0.05, 0)


def test_groups_are_folders_or_a_column(tmp_path, rng):
    images = rng.integers(0, 255, (12, 16, 16)).astype(np.uint8)
    for number, image in enumerate(images):
        write_png(tmp_path / "good" / f"lamp{number % 3}" / f"{number:02}.png", image)
    found = read_groups(tmp_path / "good", None, "folder")
    assert sorted(found.classes) == ["lamp0"] * 4 + ["lamp1"] * 4 + ["lamp2"] * 4
    table = tmp_path / "parts.csv"
    rows = [f"lamp{n % 3}/{n:02}.png,{'old' if n < 5 else 'new'},x" for n in range(12)]
    table.write_text("\n".join(["file,batch,note", *rows]))
    for pixels, batch in zip(*read_groups(tmp_path / "good", None, f"{table}:batch")[::2],
                             strict=True):  # fmt: skip
        number = next(n for n, one in enumerate(images) if (one == pixels[..., 0]).all())
        assert batch == ("old" if number < 5 else "new")
    with refuses(DataError, "colour", "file, batch, note"):
        read_groups(tmp_path / "good", None, f"{table}:colour")
    with refuses(UsageError, "folder", "lamps"):
        check_option("lamps")
    with refuses(DataError, "2", "12"):
        read_groups(images, None, ["a", "b"])
    for image in images:
        write_png(tmp_path / "flat" / f"{image[0, 0]}.png", image)
    with refuses(DataError, "--groups folder"):
        read_groups(tmp_path / "flat", None, "folder")
    for options in (("auto", 128, "folder", True), ("yes", 128, None, True)):
        with refuses(UsageError, "--cross"):
            check_options(*options)


def test_images_are_dealt_with_their_groups(rng):
    images = rng.integers(0, 255, (160, 16, 16)).astype(np.uint8)
    images[7] = images[6]
    names = np.repeat(["a", "b", "c", "d"], 40)
    given = read_and_deal(images, 0.05, groups=names)
    assert len(given.images) == 159 and given.promise.method == "groups"
    assert len(given.groups) == len(given.parts.calibrate) == sum(given.promise.groups.values())
    crossed = read_and_deal(images[:30], 0.05, cross=True)
    assert crossed.promise == Promise("cross", {"": len(crossed.parts.calibrate)})


# --- cross-conformal calibration ------------------------------------------------------------------


def test_leaving_one_out_is_a_fit_without_it(rng):
    base, held = rng.normal(1, 2, (9, 5, 4)), rng.normal(1, 2, (21, 5, 4))
    new = rng.normal(0, 3, (6, 5, 4))
    share, added = _shrinkage(base, 30)
    white, found = LeaveOneOut(base, held)(tf.constant(new, tf.float32))
    for i in range(21):
        rest = np.concatenate([base, np.delete(held, i, 0)])
        for place in range(5):
            x = rest[:, place]
            covariance = (1 - share) * np.cov(x.T, bias=True) + added[place] * np.eye(4)
            apart = new[:, place] - x.mean(0)
            wanted = np.einsum("nd,nd->n", apart @ np.linalg.inv(covariance), apart) / 4
            assert found[place, :, i].numpy() == pytest.approx(wanted, rel=1e-3)
    assert white.shape == (5, 6, 4) and 0 < share < 1


@pytest.mark.parametrize(("alpha", "count"), [(0.05, 27), (0.1, 24), (0.02, 57)])
def test_a_few_images_are_enough(alpha, count):
    parts = cross_split(count, alpha, 0)
    assert sorted(np.concatenate(parts)) == list(range(count)) and not len(parts.scale)
    assert len(parts.calibrate) >= 1 / alpha - 1 - 1e-9
    with refuses(DataError, f"alpha = {alpha:g} needs at least {count} good", f"got {count - 1}:"):
        cross_split(count - 1, alpha, 0)
    with refuses(UsageError, "200", "201"):
        cross_split(201, 0.05, 0)


def test_alarms_of_cross_conformal_calibration_have_their_own_law(rng):
    """On average over calibrations at most twice alpha, and here about alpha; a single one varies
    more than beta-binomial."""
    rates = []
    for _ in range(60):
        x = rng.normal(0, 1, (130, 4, 3))
        left_out = LeaveOneOut(x[:10], x[10:30])
        own = [
            left_out(tf.constant(x[10 + i : 11 + i], tf.float32))[1].numpy()[:, 0, i].max()
            for i in range(20)
        ]
        scores = left_out(tf.constant(x[30:], tf.float32))[1].numpy().max(0)
        p = (1 + (np.array(own) >= scores).sum(1)) / 21
        rates.append((p <= 0.05).mean())
    error = np.std(rates) / np.sqrt(len(rates))
    assert np.mean(rates) + 3 * error < 2 * 0.05
    assert np.mean(rates) == pytest.approx(1 / 21, abs=3 * error)


def test_a_promise_has_its_law():
    old = Promise.of({"parts": {"calibrate": 50}})
    assert old == Promise("split", {"": 50}) and old.factor == 1
    assert old.alarms(0.05, 400) == false_alarms(2, 50, 400)
    groups = Promise("groups", {"lamp 1": 40, "lamp 2": 99})
    assert groups.least == 40
    assert groups.alarms(0.05, 400) == (0, max(false_alarms(2, 40, 400)[1],
                                               false_alarms(5, 99, 400)[1]))  # fmt: skip
    cross = Promise("cross", {"": 40})
    assert cross.factor == 2
    assert cross.alarms(0.05, 400) == (0, stats.binom(400, 0.1).ppf(0.975))
    assert "10.0%" in cross.sentence(0.05) and "lamp 2 (99)" in groups.sentence(0.05)
    assert cross.drift(np.zeros(99)) is None and old.drift(np.zeros(9)) is None
    assert old.drift(np.full(99, 0.02)).alarm
    for one in (old, groups, cross):
        assert Promise.of(json.loads(json.dumps({"promise": one.to_dict()}))) == one
    with pytest.raises(ValueError, match="no promise"):
        Promise.of({"promise": {"method": "hope", "groups": {"": 3}}})


# --- teaching -------------------------------------------------------------------------------------


def seen(rng, count, direction=None, strength=6.0):
    """White places; at one of them good images vary along the first axis, bad ones elsewhere."""
    places = rng.normal(0, 1, (count, 12, 6)).astype(np.float32)
    rows, where = np.arange(count), rng.integers(0, 12, count)
    places[rows, where, 0] += rng.normal(0, 4, count)
    if direction is not None:
        places[rows, rng.integers(0, 12, count)] += strength * direction
    score = np.log(np.square(places).mean(-1).max(1))
    return teaching.Seen(((score - 0.5) / 0.4).astype(np.float32), places)


@pytest.fixture
def found():
    images = np.zeros((60, 1, 1, 1), np.uint8)
    return Calibration(images, Promise("split", {"": 60}))


def test_bad_images_teach_which_directions_count(rng, found):
    direction = np.array([0, 0, 0.6, -0.8, 0, 0], np.float32)
    bad, scale, held = seen(rng, 15, direction), seen(rng, 50), seen(rng, 60)
    lesson, taught = teaching.judged(bad, scale, held, found, 0.05)
    assert lesson.after > lesson.before and lesson.found.value > lesson.found_before.value
    new, good = seen(rng, 200, direction), seen(rng, 400)
    ranks = Ranks([60])
    ranks.set(taught.of(held))
    rate = (ranks.of(taught.of(new)) <= 0.05 + 1e-6).mean()
    assert lesson.found.low <= rate <= lesson.found.high
    low, high = false_alarms(3, 60, 400)
    assert low <= (ranks.of(taught.of(good)) <= 0.05 + 1e-6).sum() <= high
    again, _ = teaching.judged(bad, scale, seen(rng, 60), found, 0.05)
    assert (again.share, again.after) == (lesson.share, lesson.after), "held images choose nothing"
    words = json.loads(json.dumps(lesson.to_dict(), allow_nan=False))
    assert words["sentence"] == lesson.sentence and words["bad"] == 15


def test_images_that_make_it_worse_are_refused(rng, found, monkeypatch):
    monkeypatch.setattr(teaching, "SHARES", (1.0,))
    bad, scale = seen(rng, 6, np.array([1, 0, 0, 0, 0, 0], np.float32), 9.0), seen(rng, 50)
    with refuses(Refused, "nothing was written"):
        teaching.judged(bad._replace(score=bad.score + 99), scale, seen(rng, 60), found, 0.05)


def test_what_is_taught_is_a_quadratic_discriminant(rng):
    bad, scale = seen(rng, 8, np.array([0, 1, 0, 0, 0, 0], np.float32)), seen(rng, 30)
    arrays = teaching.learn(bad, scale)

    def moment(places, share):
        far = np.square(places).sum(-1)
        top = np.concatenate([one[np.argsort(-d)] for one, d in zip(places, far, strict=True)])
        raw = top.T.astype(float) @ top / len(top)
        return (1 - share) * raw + share * np.trace(raw) / 6 * np.eye(6)

    form = np.linalg.inv(moment(scale.places, teaching.GOOD_SHRINK))
    form -= np.linalg.inv(moment(bad.places, teaching.PRIOR / (teaching.PRIOR + 8)))
    assert arrays["form"] == pytest.approx(form, abs=1e-5)
    evidence = np.einsum("npi,ij,npj->np", bad.places, form, bad.places).max(1)
    wanted = (np.sign(evidence) * np.log1p(np.abs(evidence)) - arrays["centre"][0]) / arrays[
        "spread"
    ][0]
    assert teaching.Taught(arrays, 1.0).of(bad) == pytest.approx(wanted, abs=1e-3)
