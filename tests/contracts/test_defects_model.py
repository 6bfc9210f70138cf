"""A fitted detector, whole: one scorer for Python, SavedModel, LiteRT; company does not matter."""

import json
import shutil

import numpy as np
import pytest

from ganvas import manifest
from ganvas.errors import DataError, ModelError, UsageError
from ganvas.kits import defects
from ganvas.kits.defects.fitting import fit

TINY = {
    "networks.width": 4, "networks.discriminator_width": 4, "networks.max_width": 8,
    "networks.noise": 8, "train.batch": 16, "train.tick_kimg": 0.16, "train.steps_per_execution": 5,
    "watch.signals": False,
}  # fmt: skip


def parts_of(count: int, size=(16, 16), seed=0, broken=False) -> tuple[np.ndarray, np.ndarray]:
    """uint8 plates with a bright bar near the middle; broken ones have a dark hole, by the mask."""
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


def tiny(good, out, **options):
    options = {"kimg": 0.64, "encoder_steps": 30, "set": TINY, "progress": False, **options}
    return defects.fit(good, out, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return tiny(parts_of(240)[0], tmp_path_factory.mktemp("whole") / "plates")


@pytest.fixture(scope="module")
def tiled(tmp_path_factory):
    good = parts_of(120, (32, 48))[0]
    return tiny(good, tmp_path_factory.mktemp("tiled") / "plates", patch=16)


@pytest.fixture(params=["whole", "tiled"])
def detector(request):
    return request.getfixturevalue(request.param)


def test_a_score_does_not_depend_on_its_company(detector):
    images = parts_of(40, detector.shape[:2], 3)[0]
    told = detector.score(images)
    backwards = detector.score(images[::-1])
    strangers = detector.score(np.where(np.arange(40)[:, None, None] == 7, images, 255 - images))
    alone = detector.score(images[7:8])
    crowd = detector.score(np.concatenate([images[7:8], np.zeros((9, *detector.shape[:2]), "u1")]))
    verdict = detector.score(images, heatmaps=False)
    for name in ("score", "p_value", "heatmap"):
        assert (getattr(strangers, name)[7] == getattr(told, name)[7]).all(), name
    # In another place, some processors round the sums of a product in another way.
    for name, apart in (("score", 1e-5), ("heatmap", 1e-4)):
        ours = getattr(told, name)
        assert getattr(backwards, name)[::-1] == pytest.approx(ours, abs=apart), name
        assert getattr(crowd, name)[0] == pytest.approx(ours[7], abs=apart), name
    assert (backwards.p_value[::-1] == told.p_value).all()
    assert crowd.p_value[0] == told.p_value[7]
    assert alone.score == pytest.approx(told.score[7:8], abs=1e-5)
    assert alone.heatmap == pytest.approx(told.heatmap[7:8], abs=1e-4)
    assert verdict.score == pytest.approx(told.score, abs=1e-5)
    assert verdict.heatmap.shape == (0, *detector.shape[:2])


def test_litert_and_saved_model_say_the_same(detector):
    import tensorflow as tf

    from ganvas.exporting import litert

    images = parts_of(24, detector.shape[:2], 4)[0][..., None]
    told = detector.score(images)
    run = litert.runner(detector.place / "model_float32.tflite")
    lite = [run(image=images[i : i + 1]) for i in range(24)]
    served = tf.saved_model.load(str(detector.place)).signatures["serving_default"]
    both = served(image=tf.constant(images))
    for name, close in (("score", 1e-5), ("heatmap", 1e-4)):
        ours = getattr(told, name)
        assert np.abs(np.concatenate([one[name] for one in lite]) - ours).max() <= close
        assert np.abs(both[name].numpy() - ours).max() <= close
    n = detector.calibration_size
    for p in (both["p_value"].numpy(), np.concatenate([one["p_value"] for one in lite])):
        assert np.abs(p - told.p_value).max() <= 1.01 / (n + 1)  # a tie may go either way
        assert np.rint(p * (n + 1)) == pytest.approx(p * (n + 1), abs=1e-3)


def test_p_values_are_conformal_and_the_verdict_follows(detector):
    held = detector.held_out()
    told = detector.score(held)
    n = detector.calibration_size
    # As calibration images they count themselves: ranks 2 to n + 1 of n + 1.
    wanted = (1 + (told.score >= told.score[:, None]).sum(1)) / (n + 1)
    assert told.p_value == pytest.approx(wanted, abs=1.01 / (n + 1))
    assert (told.defective == (told.p_value <= 0.05 + 1e-6)).all()
    strict = detector.score(held, alpha=0.2)
    assert strict.alpha == 0.2 and (strict.defective == (told.p_value <= 0.2 + 1e-6)).all()
    with pytest.raises(UsageError, match=r"cannot be promised"):
        detector.score(held, alpha=0.001)


def test_it_finds_what_is_planted(detector):
    good = parts_of(60, detector.shape[:2], 5)[0]
    bad, masks = parts_of(60, detector.shape[:2], 6, broken=True)
    found = defects.judge(detector, good, bad, masks)
    assert found["detector"]["auroc"]["value"] > 0.9
    assert found["pixels"]["detector"]["auroc"] > 0.7
    assert found["false_alarms"]["inside"]
    assert set(found["ablation"]) > {"all", "without the GAN", "moves"}
    assert found["ablation"]["all"] == pytest.approx(found["detector"]["auroc"]["value"], abs=2e-3)
    json.dumps(found, allow_nan=False)


def test_anogan_searches_each_image_by_itself(whole):
    images = parts_of(10, seed=7)[0]
    start, _ = defects.search(whole, images, steps=0)
    score, maps = defects.search(whole, images, steps=25)
    assert (score < start).all() and maps.shape == (10, 16, 16)
    alone, _ = defects.search(whole, images[3:4], steps=25)
    assert alone[0] == pytest.approx(score[3], rel=1e-4)
    refined, _ = defects.search(whole, images, steps=25, start="encoder")
    assert (refined <= defects.search(whole, images, steps=0, start="encoder")[0]).all()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 20, 20), np.uint8),
        np.zeros((2, 16, 16), np.float32),
        np.zeros((0, 16, 16), "u1"),
    ],
)
def test_other_images_are_refused(whole, images):
    with pytest.raises(DataError, match=r"takes uint8 of shape \[N, 16, 16, 1\]"):
        whole.score(images)
    with pytest.raises(DataError, match=r"fanogan and anogan"):
        whole.score(np.zeros((2, 16, 16), np.uint8), method="ganomaly")


def test_masks_of_other_sizes_and_no_images(whole):
    bad, masks = parts_of(5, broken=True)
    with pytest.raises(DataError, match=r"masks have the shape \[4, 16, 16\]"):
        defects.judge(whole, bad, bad, masks[:4])
    with pytest.raises(DataError, match=r"no bad images"):
        defects.judge(whole, bad, bad[:0])


def test_a_damaged_model_is_refused(whole, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(whole.place, copy / "1")
    assert defects.Detector.load(copy).score(parts_of(1)[0]).score.shape == (1,)
    graph = copy / "1" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match=r"is not the file that was exported"):
        defects.Detector.load(copy)
    (copy / "1" / "baselines.npz").unlink()
    with pytest.raises(ModelError, match=r"is missing"):
        defects.Detector.load(copy)
    with pytest.raises(ModelError, match=r"holds no exported model"):
        defects.Detector.load(tmp_path / "nothing")
    facts = manifest.verify(whole.place)
    other = tmp_path / "generator" / "1"
    other.mkdir(parents=True)
    manifest.write(other, {**{k: v for k, v in facts.items() if k != "files"}, "kind": "other"})
    with pytest.raises(ModelError, match=r"is no detector"):
        defects.Detector.load(other)


def test_a_stopped_fit_goes_on_and_gives_the_same(tmp_path, monkeypatch):
    good = parts_of(90, seed=8)[0]
    from ganvas.kits.defects import encoder

    def stop(*_, **__):
        raise KeyboardInterrupt

    learn = encoder.learn
    monkeypatch.setattr(encoder, "learn", stop)
    with pytest.raises(KeyboardInterrupt):
        tiny(good, tmp_path / "m")
    assert manifest.versions(tmp_path / "m") == {}
    with pytest.raises(UsageError, match=r"begun with other images or options"):
        tiny(good[:-1], tmp_path / "m")
    log = (tmp_path / "m/work/1/gan/log.jsonl").read_text()
    monkeypatch.setattr(encoder, "learn", learn)
    again = tiny(good, tmp_path / "m")
    assert (tmp_path / "m/work/1/gan/log.jsonl").read_text() == log  # the game was not played again
    straight = tiny(good, tmp_path / "n")
    images = parts_of(8, seed=9)[0]
    assert again.score(images).score == pytest.approx(straight.score(images).score, abs=1e-5)


def test_too_few_and_nothing_written(tmp_path):
    with pytest.raises(DataError, match=r"too few for alpha = 0.05"):
        fit(parts_of(30)[0], tmp_path / "m")
    with pytest.raises(DataError, match=r"too few for alpha = 0.001"):
        fit(parts_of(200)[0], tmp_path / "m", alpha=0.001)
    assert not (tmp_path / "m").exists()
