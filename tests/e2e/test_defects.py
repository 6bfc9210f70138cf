"""`ganvas defects` as an inspector uses it: PNGs in; verdicts, heat-maps, a page, a server.

Then the model that it fitted: one scorer for Python, SavedModel, LiteRT; a score does not depend on
the other images.
"""

import contextlib
import inspect
import io
import json
import shutil

import numpy as np
import pytest

from ganvas.cli import run_command
from ganvas.errors import DataError, ModelError, RunError, UsageError
from ganvas.images import read, write_png
from ganvas.kits import defects
from ganvas.kits.defects import encoder, feature_parts, findable, fitting, planting, training
from ganvas.kits.defects.baselines import Baselines
from ganvas.kits.defects.fitting import fit
from ganvas.kits.defects.good_images import Named
from ganvas.kits.defects.patches import Grid
from ganvas.kits.defects.reporting import page
from ganvas.stats.intervals import false_alarms
from ganvas.stats.ranking import auroc
from ganvas.storage import manifest
from ganvas.training.train import load_game
from refusals import refuses

TINY = {
    "networks.width": 4, "networks.discriminator_width": 4, "networks.max_width": 8,
    "networks.noise": 8, "train.batch": 16, "train.tick_kimg": 0.16, "train.steps_per_execution": 5,
    "watch.signals": False, "penalties": [],
}  # fmt: skip
KIMG, ENCODER_STEPS = 0.64, 30


def parts_of(count: int, size=(16, 16), seed=0, broken=False) -> tuple[np.ndarray, np.ndarray]:
    """uint8 plates with a bright bar near the middle; broken ones have a bright hole, the mask."""
    rng = np.random.default_rng(seed)
    images = rng.normal(60, 6, (count, *size))
    masks = np.zeros(images.shape, bool)
    for image, mask in zip(images, masks, strict=True):
        at = size[0] // 2 - 2 + rng.integers(-1, 2)
        image[at : at + 4] += 120
        if broken:
            y, x = rng.integers(0, size[0] - 6), rng.integers(0, size[1] - 6)
            mask[y : y + 6, x : x + 6] = True
            image[mask] = 0 + rng.normal(230, 4, 36)
    return np.clip(images, 0, 255).astype(np.uint8), masks


@contextlib.contextmanager
def fewer():
    """Fewer planted defects and places: most of a small fit is their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "PLANTED", 96)
        patch.setattr(findable, "PLANTED", 24)
        patch.setattr(findable, "SPECIMENS", 12)
        patch.setattr(feature_parts, "KEPT", 1500)
        yield patch


def tiny(good, out, **options):
    options = {
        "kimg": KIMG, "encoder_steps": ENCODER_STEPS, "overrides": TINY, "progress": False,
        "with_gan": "yes", **options,
    }  # fmt: skip
    with fewer():
        return defects.fit(good, out, **options)


def plates(folder, count, seed, broken=False):
    """PNGs of plates; of broken ones, masks in folder-masks."""
    for number, (image, mask) in enumerate(
        zip(*parts_of(count, (16, 16), seed, broken), strict=True)
    ):
        write_png(folder / f"{number:03}.png", image)
        if broken:
            masks = folder.with_name(f"{folder.name}-masks")
            write_png(masks / f"{number:03}.png", mask.astype(np.uint8) * 255)


def fitted(root):
    """Folders of images, and what `ganvas defects fit` wants to be called with."""
    plates(root / "good", 160, 0)
    plates(root / "new", 40, 1)
    plates(root / "bad", 30, 2, broken=True)
    return ["defects", "fit", "good", "--out", "model", "--kimg", str(KIMG), "--with-gan", "yes"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Folders of images, and a model that the command line fitted: by small networks, which no
    option of the command sets."""
    root, out, err = tmp_path_factory.mktemp("shop"), io.StringIO(), io.StringIO()
    words = fitted(root)
    with fewer() as patch, contextlib.redirect_stdout(out):
        patch.chdir(root)
        patch.setattr(training, "VALUES", {**training.VALUES, **TINY})
        patch.setitem(inspect.unwrap(fit).__kwdefaults__, "encoder_steps", ENCODER_STEPS)
        with contextlib.redirect_stderr(err):
            assert run_command(words) == 0, err.getvalue()
    check_fitted(out.getvalue(), err.getvalue())
    return root


def check_fitted(out, err):
    assert out == "model/1\n"
    assert "160 good images: 100 to learn from, 20 to scale and choose parts, 40 for cal" in err


@pytest.mark.proof
def test_a_fit_by_its_own_recipe_in_a_new_process(command, here, tmp_path):
    done = command(*fitted(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    check_fitted(done.stdout, done.stderr)
    done = here("defects", "score", "model", "bad", "--json", cwd=tmp_path)
    assert sum(one["defective"] for one in json.loads(done.stdout)["images"]) > 15


@pytest.fixture(scope="module")
def whole(shop):
    return defects.Detector.load(shop / "model")


def test_score_prints_one_object_and_writes_heat_maps(shop, here):
    done = here("defects", "score", "model", "bad", "--json", "--out", "seen", cwd=shop)
    assert done.returncode == 0, done.stderr  # scoring is done, whatever the verdicts are
    found = json.loads(done.stdout)
    assert list(found) == ["images", "alpha", "drift"] and found["alpha"] == 0.05
    assert found["drift"]["alarm"], "they are bad, all of them"
    assert len(found["images"]) == 30
    keys = ["path", "score", "p_value", "defective", "regions"]
    assert all(list(one) == keys for one in found["images"])
    assert all(bool(one["regions"]) == one["defective"] for one in found["images"])
    assert found["images"][3]["path"] == "bad/003.png"
    assert sum(one["defective"] for one in found["images"]) > 15
    assert len(list((shop / "seen").glob("*.png"))) == 30
    lines = (shop / "seen" / "scores.csv").read_text().splitlines()
    assert lines[0] == "path,picture,score,p_value,defective,regions" and len(lines) == 31
    boxes = (shop / "seen" / "regions.csv").read_text().splitlines()
    assert boxes[0] == "path,left,top,width,height,area,heat,p_value"
    assert len(boxes) - 1 == sum(len(one["regions"]) for one in found["images"])
    shown = read(shop / "seen" / lines[1].split(",")[1])
    assert shown.shape[1] == 2 * shown.shape[0] and shown.shape[2] == 3


def test_an_alpha_is_a_guarantee(shop, monkeypatch, capfd):
    monkeypatch.chdir(shop)
    assert run_command(["defects", "score", "model", "bad", "--alpha", "0.01"]) == 2
    out, err = capfd.readouterr()
    assert out == "" and "needs at least 99 calibration images, got 40" in err
    assert run_command(["defects", "score", "model", "new", "--alpha", "0.1"]) == 0
    assert "of 40 at alpha = 0.1" in capfd.readouterr().out


def test_report_measures_beside_baselines(shop, here):
    words = ("--good", "new", "--bad", "bad", "--masks", "bad-masks", "--out", "page.html")
    done = here("defects", "report", "model", *words, "--json", cwd=shop)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["baselines"]) == {"pca", "mahalanobis", "nearest"}
    assert found["detector"]["auroc"]["value"] > 0.8
    assert {"auroc", "aupro", "average_precision"} == set(found["pixels"]["detector"])
    page = (shop / "page.html").read_text()
    for words in (
        found["sentences"][0],
        "What makes the score",
        "AUPRO up to 30 %",
        "PatchCore-like (bank)",
        "9 of 10 from",
        "Control for shortcuts",
        "The first 4 always score small images; others were chosen without labels",
    ):
        assert words.replace("'", "&#x27;") in page, words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fit", "nothing", "--out", "m"), "'nothing' does not exist"),
        (("fit", "both", "--out", "m"), "without labels"),
        (("fit", "few", "--out", "m"), "at least 67 good images"),
        (("fit", "good", "--out", "m", "--alpha", "2"), "above 0 and below 1, got 2"),
        (("fit", "good", "--out", "m", "--size", "big"), "HEIGHTxWIDTH"),
        (("fit", "good", "--out", "m", "--detail", "512"), "128 or 256, got 512"),
        (("fit", "good", "--out", "m", "--with-gan", "some"), "auto, yes, no, got 'some'"),
        (("fit", "good", "--out", "m", "--roi", "black.png"), "1% or more of its pixels"),
        (("fit", "good", "--out", "m", "--roi", "wrong/0.png"), "must have the 16×16 px"),
        (("fit", "good", "--out", "m", "--tile", "64", "--size", "32"), "--tile cannot be used"),
        (("score", "nothing", "bad"), "the model nothing does not exist"),
        (("score", "good", "bad"), "holds no exported model"),
        (("score", "model", "other"), "was fitted on 16×16 px"),
        (("report", "model", "--good", "new", "--bad", "empty"), "contains no image"),
        (("report", "model", "--good", "new", "--bad", "bad", "--masks", "other"), "one mask for"),
        (("report", "model", "--good", "new", "--bad", "few", "--masks", "wrong"), "12×16"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(shop, words, said, monkeypatch, capfd):
    rng = np.random.default_rng(0)
    (shop / "empty").mkdir(exist_ok=True)
    write_png(shop / "black.png", np.zeros((16, 16), np.uint8))
    for number in range(4):
        image = rng.integers(0, 256, (16, 16)).astype(np.uint8)
        write_png(shop / "both" / "ab"[number % 2] / f"{number}.png", image)
        write_png(shop / "few" / f"{number}.png", image)
        write_png(shop / "wrong" / f"{number}.png", image[:12])
        write_png(shop / "other" / f"x{number}.png", image[:, :12])
    monkeypatch.chdir(shop)
    assert run_command(["defects", *words]) == 2
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert out == "" and len(lines) == 1 and said in lines[0], err
    assert not (shop / "m").exists()


def test_served_verdicts_are_those_of_the_detector(shop):
    pytest.importorskip("tensorflow_serving")

    from ganvas.kits import defects
    from ganvas.serve.engines.tensorflow import TensorFlowServable

    detector = defects.Detector.load(shop / "model")
    images = np.stack([read(p) for p in sorted((shop / "bad").glob("*.png"))[:5]])
    verdicts = detector.score(images)
    answer = TensorFlowServable("plates", 1, shop / "model" / "1").find("")({"image": images})
    assert np.abs(answer["score"] - verdicts.score).max() <= 1e-5
    assert np.abs(answer["heatmap"] - verdicts.heatmap).max() <= 1e-4
    assert (answer["defective"] == verdicts.defective).all()


def test_help_names_the_commands(here):
    done = here("defects", "--help")
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("fit", "score", "report"))


# --- the model -----------------------------------------------------------------------------------


def gan_of(whole):
    """Where a fit keeps its GAN and its encoder."""
    return whole.place.with_name("work") / "1"


@pytest.fixture(scope="module")
def tiled(whole, tmp_path_factory):
    """It has the GAN and the encoder of `whole`, whose patches are as large."""
    good = parts_of(120, (32, 48))[0]
    train, seen = encoder.train, []

    def trained(patches, *_, **__):
        seen.append(patches.shape)
        return load_game(gan_of(whole) / "gan")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "train_gan", trained)
        patch.setattr(
            encoder, "train",
            lambda gan, patches, path, **options: train(
                gan, patches, gan_of(whole) / "encoder.npz", **options
            ),
        )  # fmt: skip
        detector = tiny(good, tmp_path_factory.mktemp("tiled") / "plates", patch=16)
    assert seen == [(75 * detector.grid.count, 16, 16, 1)]  # 75 of 120 images are for training
    return detector


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """It has no GAN."""
    good = parts_of(200, (24, 40))[0]
    detector = tiny(good, tmp_path_factory.mktemp("plain") / "plates", with_gan="no")
    assert not detector.has_gan and not detector.place.with_name("work").exists()
    return detector


@pytest.fixture(params=["whole", "tiled", "plain"])
def detector(request):
    return request.getfixturevalue(request.param)


def test_a_score_does_not_depend_on_other_images(detector):
    images = parts_of(40, detector.shape[:2], 3)[0]
    verdicts = detector.score(images)
    backwards = detector.score(images[::-1])
    strangers = detector.score(np.where(np.arange(40)[:, None, None] == 7, images, 255 - images))
    alone = detector.score(images[7:8])
    crowd = detector.score(np.concatenate([images[7:8], np.zeros((9, *detector.shape[:2]), "u1")]))
    verdict = detector.score(images, heatmaps=False)
    for name in ("score", "p_value", "heatmap"):
        assert (getattr(strangers, name)[7] == getattr(verdicts, name)[7]).all(), name
    # In another place, some processors round the sums of a product in another way.
    for name, apart in (("score", 1e-5), ("heatmap", 1e-4)):
        ours = getattr(verdicts, name)
        assert getattr(backwards, name)[::-1] == pytest.approx(ours, abs=apart), name
        assert getattr(crowd, name)[0] == pytest.approx(ours[7], abs=apart), name
    assert (backwards.p_value[::-1] == verdicts.p_value).all()
    assert crowd.p_value[0] == verdicts.p_value[7]
    assert alone.score == pytest.approx(verdicts.score[7:8], abs=1e-5)
    assert alone.heatmap == pytest.approx(verdicts.heatmap[7:8], abs=1e-4)
    assert verdict.score == pytest.approx(verdicts.score, abs=1e-5)
    assert verdict.heatmap.shape == (0, *detector.shape[:2])


def test_litert_and_saved_model_say_the_same(detector):
    import tensorflow as tf

    from ganvas.base.litert import runner

    images = parts_of(24, detector.shape[:2], 4)[0][..., None]
    verdicts = detector.score(images)
    run = runner(detector.place / "model_float32.tflite")
    lite = [run(image=images[i : i + 1]) for i in range(24)]
    served = tf.saved_model.load(str(detector.place)).signatures["serving_default"]
    both = served(image=tf.constant(images))
    # A score is a logarithm divided by its spread: 1e-6 in a distance is 1e-5 in a score.
    for name, close in (("score", 3e-5), ("heatmap", 2e-4)):
        ours = getattr(verdicts, name)
        assert np.abs(np.concatenate([one[name] for one in lite]) - ours).max() <= close
        assert np.abs(both[name].numpy() - ours).max() <= close
    n = detector.calibration_size
    for p in (both["p_value"].numpy(), np.concatenate([one["p_value"] for one in lite])):
        assert np.abs(p - verdicts.p_value).max() <= 1.01 / (n + 1)  # a tie may go either way
        assert np.rint(p * (n + 1)) == pytest.approx(p * (n + 1), abs=1e-3)


def test_p_values_are_conformal_and_the_verdict_follows(detector):
    held = detector.held_out()
    verdicts = detector.score(held)
    n = detector.calibration_size
    # As calibration images they count themselves: ranks 2 to n + 1 of n + 1.
    wanted = (1 + (verdicts.score >= verdicts.score[:, None]).sum(1)) / (n + 1)
    assert verdicts.p_value == pytest.approx(wanted, abs=1.01 / (n + 1))
    assert (verdicts.defective == (verdicts.p_value <= 0.05 + 1e-6)).all()
    strict = detector.score(held, alpha=0.2)
    assert strict.alpha == 0.2 and (strict.defective == (verdicts.p_value <= 0.2 + 1e-6)).all()
    with refuses(UsageError):
        detector.score(held, alpha=0.001)


def test_it_finds_what_is_planted(detector):
    good = parts_of(60, detector.shape[:2], 5)[0]
    bad, masks = parts_of(60, detector.shape[:2], 6, broken=True)
    found = defects.judge(detector, good, bad, masks)
    assert found.detector.auroc.value > 0.9
    assert found.pixels["detector"].auroc > 0.7
    assert found.false_alarms.inside
    assert set(found.ablation) >= {"all", *detector.part_names}
    assert ("moves" in found.ablation) == detector.has_gan
    assert found.ablation["all"] == pytest.approx(found.detector.auroc.value, abs=2e-3)
    json.dumps(found.to_dict(), allow_nan=False)


def test_anogan_searches_each_image_by_itself(whole):
    images = parts_of(10, seed=7)[0]
    alone, _ = defects.search(whole, images[3:4], steps=25)  # first: one row, before any other
    start, _ = defects.search(whole, images, steps=0)
    score, maps = defects.search(whole, images, steps=25)
    assert (score < start).all() and maps.shape == (10, 16, 16)
    assert alone[0] == pytest.approx(score[3], rel=1e-4)
    refined, _ = defects.search(whole, images, steps=25, start="encoder")
    assert (refined <= defects.search(whole, images, steps=0, start="encoder")[0]).all()


def test_without_a_gan_there_is_no_search(plain):
    images = parts_of(2, plain.shape[:2])[0]
    with refuses(UsageError, "--with-gan yes"):
        plain.score(images, method="anogan")
    with refuses(UsageError, "--with-gan yes"):
        defects.search(plain, images, steps=1)


def test_the_choice_stands_in_manifest_and_card(plain):
    choice, weights = plain.facts["choice"], plain.facts["weights"]
    assert sorted(choice["parts"]) == sorted(name for name, one in weights.items() if one)
    assert (
        choice["auroc"] == max(choice["steps"]) and choice["good"] == plain.facts["parts"]["scale"]
    )
    assert set(choice["kinds"]) == set(planting.KINDS) and set(choice["alone"]) == set(weights)
    card = (plain.place / "MODEL_CARD.md").read_text()
    assert f"by {choice['planted']} defects planted into {choice['good']} good images" in card
    assert "No GAN was trained" in card


def test_alarms_are_those_of_the_promise(plain):
    new = parts_of(400, plain.shape[:2], 11)[0]
    low, high = false_alarms(2, 50, 400)  # 5 % of 50 + 1 calibration images are at most 2
    assert low <= plain.score(new, heatmaps=False).defective.sum() <= high


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 20, 20), np.uint8),
        np.zeros((2, 16, 16), np.float32),
        np.zeros((0, 16, 16), "u1"),
    ],
)
def test_other_images_are_refused(whole, images):
    with refuses(DataError, "uint8", "16", "1"):
        whole.score(images)
    with refuses(DataError):
        whole.score(np.zeros((2, 16, 16), np.uint8), method="ganomaly")


def test_masks_of_other_sizes_and_no_images(whole):
    bad, masks = parts_of(5, broken=True)
    with refuses(DataError, "4", "16"):
        defects.judge(whole, bad, bad, masks[:4])
    with refuses(DataError):
        defects.judge(whole, bad, bad[:0])


def test_a_damaged_model_is_refused(whole, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(whole.place, copy / "1")
    assert defects.Detector.load(copy).score(parts_of(1)[0]).score.shape == (1,)
    graph = copy / "1" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with refuses(ModelError):
        defects.Detector.load(copy)
    (copy / "1" / "baselines.npz").unlink()
    with refuses(ModelError):
        defects.Detector.load(copy)
    with refuses(ModelError):
        defects.Detector.load(tmp_path / "nothing")
    facts = manifest.verify(whole.place)
    other = tmp_path / "generator" / "1"
    other.mkdir(parents=True)
    manifest.write(other, {**{k: v for k, v in facts.items() if k != "files"}, "kind": "other"})
    with refuses(ModelError):
        defects.Detector.load(other)


def old_model(place, shape, parts):
    """A model of format 1, by its signatures: the parts of a patch are the mean of its pixels."""
    import tensorflow as tf

    spec = [tf.TensorSpec((None, *shape), tf.uint8, "image")]

    def look(image):
        x = tf.cast(image, tf.float32) / 255
        each = [tf.reduce_mean(x[:, :, at : at + 16], (1, 2, 3)) for at in (0, 8, 16)]
        return {"parts": tf.repeat(tf.stack(each, 1)[..., None], len(parts), -1)}

    def verdict(image):
        score = tf.reduce_max(look(image)["parts"][..., 0], 1)
        return {"score": score, "p_value": 1 - score, "defective": score > 0.95}

    def serve(image):
        return {**verdict(image), "heatmap": tf.cast(image[..., 0], tf.float32)}

    calls = {"serving_default": serve, "verdict": verdict, "look": look}
    tf.saved_model.save(
        tf.Module(), str(place),
        signatures={name: tf.function(call, input_signature=spec) for name, call in calls.items()},
    )  # fmt: skip


def test_a_model_of_format_1_still_scores_and_is_judged(tmp_path):
    """It was made before a part was a number of the image; it has all seven parts."""
    parts = ("moves", "features", "nearest", "pixels", "residual", "feature_residual", "local")
    place = tmp_path / "old" / "1"
    old_model(place, (16, 32, 1), parts)
    good, (bad, masks) = parts_of(60, (16, 32))[0], parts_of(20, (16, 32), 1, broken=True)
    Baselines.fit(good[..., :16, None], Grid((16, 32), 16)).write(place / "baselines.npz")
    np.savez(place / "calibration.npz", x=good[:40, ..., None])
    facts = {
        "kind": "defects", "shape": [16, 32, 1], "patch": 16, "alpha": 0.05, "noise_size": 8,
        "parts": {"calibrate": 40}, "weights": {name: float(name != "moves") for name in parts},
        "centre": [0.0] * 7, "spread": [1.0] * 7, "versions": {"ganvas": "0"},
    }  # fmt: skip
    manifest.write(place, facts)
    detector = defects.Detector.load(tmp_path / "old")
    assert detector.has_gan and detector.batch == 256 // detector.grid.count
    assert detector.parts(good)["moves"].shape == (60, 3)
    found = defects.judge(detector, good, bad, masks)
    wanted = auroc(detector.score(good).score, detector.score(bad).score)
    assert found.ablation["all"] == found.ablation["features"] == pytest.approx(wanted, abs=1e-4)
    assert found.findable is None and "GAN (all of its parts)" in found.rivals
    verdicts = detector.score(bad)
    assert all(one for one, flag in zip(
        detector.regions(verdicts), verdicts.defective, strict=True) if flag)  # fmt: skip
    named = [Named(x[..., None], [f"{i}.png" for i in range(len(x))]) for x in (good, bad)]
    assert "feature_residual" in page(detector, found, *named).html()


def test_regions_have_the_promise_of_the_image(plain):
    """A calibration image has its own peak among n + 1: at most alpha of them have a region."""
    verdicts = plain.score(plain.held_out())
    assert plain.peaks() == pytest.approx(verdicts.heatmap.max((1, 2)), abs=1e-3)
    bad, masks = parts_of(40, plain.shape[:2], 6, broken=True)
    verdicts = plain.score(bad)
    hit = 0
    for found, flag, mask in zip(plain.regions(verdicts), verdicts.defective, masks, strict=True):
        assert bool(found) == flag
        if found:
            left, top, width, height = found[0].box
            hit += mask[top : top + height, left : left + width].any()
    assert hit > 0.7 * verdicts.defective.sum() > 20


def test_what_is_findable_stands_in_manifest_and_card(plain):
    facts = plain.facts["findable"]
    assert {row["kind"] for row in facts["rows"]} == set(planting.KINDS) == set(findable.KINDS)
    blobs = [row for row in facts["rows"] if row["kind"] == "blob"]
    assert [row["contrast"] for row in blobs] == list(findable.CONTRASTS)
    curve = [point[1] for point in blobs[-1]["curve"]]
    assert curve == sorted(curve) and curve[-1] > 0.5
    assert "a90/95" in (plain.place / "MODEL_CARD.md").read_text()


def test_outside_of_the_region_of_interest_nothing_counts(tmp_path):
    import tensorflow as tf

    good = parts_of(140, (24, 40))[0]
    roi = np.zeros((24, 40), bool)
    roi[:, :24] = True
    write_png(tmp_path / "roi.png", roi.astype(np.uint8) * 255)
    detector = tiny(good, tmp_path / "m", with_gan="no", roi=tmp_path / "roi.png")
    assert detector.facts["roi"] == 0.6 and (detector.roi().mask == roi).all()
    outside, inside = parts_of(12, (24, 40), 3)[0], parts_of(12, (24, 40), 3)[0]
    plain = detector.score(outside)
    outside[:, 4:16, 28:38] = 250
    changed = detector.score(outside)
    assert (changed.score == plain.score).all() and (changed.heatmap[:, :, 24:] == 0).all()
    inside[:, 8:14, 6:12] = 250
    assert detector.score(inside).defective.all()
    served = tf.saved_model.load(str(detector.place)).signatures["verdict"]
    assert np.abs(served(image=tf.constant(outside[..., None]))["score"] - plain.score).max() < 3e-5


def test_large_images_are_scored_tile_by_tile(tmp_path, here):
    """48 x 80 tiles of 64 px stand for 3,000 x 4,000 ones of 512."""
    for name, count, seed, broken in (("good", 60, 0, False), ("bad", 4, 9, True)):
        for number, image in enumerate(parts_of(count, (96, 160), seed, broken)[0]):
            write_png(tmp_path / name / f"{number:02}.png", image)
    with fewer():
        detector = defects.fit_large(tmp_path / "good", tmp_path / "m", tile=64, progress=False)
    assert detector.shape == (64, 64, 1) and detector.facts["tile"]["tiles"] == 6
    assert len(detector.facts["peaks"]) == detector.calibration_size == 19
    image = read(tmp_path / "bad/00.png")
    verdicts, each = defects.score_large(detector, image)
    assert verdicts.heatmap.shape == (1, 96, 160) and np.isfinite(verdicts.heatmap).all()
    assert verdicts.p_value[0] == each.min() and len(each) == 6
    done = here("defects", "score", "m", "bad", "--json", "--out", "seen", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["images"]
    assert rows[0]["score"] == pytest.approx(verdicts.score[0], abs=1e-4)
    assert sum(row["defective"] for row in rows) >= 3
    with refuses(UsageError, "tiles"):
        defects.judge(detector, np.zeros((1, 64, 64), "u1"), np.zeros((1, 64, 64), "u1"))
    with refuses(DataError, "96", "160"):
        defects.score_large(detector, image[:50])


def test_an_interrupted_fit_says_what_remains(shop, tmp_path, monkeypatch, capfd):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(shop)
    monkeypatch.setattr(defects, "fit", stop)
    words = ["defects", "fit", "good", "--out", str(tmp_path / "m")]
    run_command(words)
    assert "nothing was written" in capfd.readouterr().err
    (tmp_path / "m/work/1").mkdir(parents=True)
    run_command(words)
    assert f"{tmp_path}/m/work has its state" in capfd.readouterr().err


class Stop(Exception):
    """It comes in place of a step."""


def test_a_stopped_fit_is_resumed_and_gives_the_same(shop, whole, tmp_path, monkeypatch):
    """The GAN is that of a fit that was not stopped: it was trained when the encoder began."""
    work, log = tmp_path / "m/work/1", tmp_path / "m/work/1/gan/log.jsonl"
    shutil.copytree(gan_of(whole), work)
    (work / "encoder.npz").unlink()
    before = log.read_text()
    given = []

    def stop(*parts, **_):
        given.append(parts)
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(encoder, "train", stop)
        with pytest.raises(Stop):
            tiny(shop / "good", tmp_path / "m")
    with refuses(RunError, "another value of fingerprint"):
        tiny(parts_of(160)[0][:-1], tmp_path / "m")
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "publish", stop)  # to export it takes as long as the rest
        with pytest.raises(Stop):
            tiny(shop / "good", tmp_path / "m")
    assert manifest.versions(tmp_path / "m") == {}
    assert log.read_text() == before  # the GAN was not trained again
    with (
        np.load(work / "encoder.npz") as one,
        np.load(gan_of(whole) / "encoder.npz") as other,
    ):
        assert all(one[name] == pytest.approx(other[name], abs=1e-5) for name in other)
    scorer, images = given[-1][0], parts_of(8, seed=9)[0]
    again = scorer(images[..., None])["score"].numpy()
    assert again == pytest.approx(whole.score(images).score, abs=1e-5)


def test_too_few_and_nothing_written(tmp_path):
    with refuses(DataError, "0.05"):
        fit(parts_of(30)[0], tmp_path / "m")
    with refuses(DataError, "0.001"):
        fit(parts_of(200)[0], tmp_path / "m", alpha=0.001)
    assert not (tmp_path / "m").exists()
