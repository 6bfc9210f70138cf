"""A detector in use, by its commands: fitted by groups, calibrated again, taught; and one of 30
images. The exports of each agree."""

import json

import numpy as np
import pytest

from ganvas.errors import DataError, UsageError
from ganvas.images import write_png
from ganvas.kits import defects
from ganvas.kits.defects import feature_parts, fitting, teaching
from ganvas.kits.defects.promise import Promise
from ganvas.storage import manifest
from refusals import refuses

SIZE = (24, 40)


def plates(count, seed, light=60, broken=False):
    """uint8 [N, H, W]: a bright bar near the middle; broken ones have a bright spot."""
    rng = np.random.default_rng(seed)
    images = rng.normal(light, 6, (count, *SIZE))
    for image in images:
        at = SIZE[0] // 2 - 2 + rng.integers(-1, 2)
        image[at : at + 4] += 120
        if broken:
            y, x = rng.integers(0, SIZE[0] - 4), rng.integers(0, SIZE[1] - 4)
            image[y : y + 4, x : x + 4] += 60
    return np.clip(images, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Folders of images, and a model of three lamps."""
    root = tmp_path_factory.mktemp("shop")
    good = np.concatenate([plates(60, lamp, 60 + 4 * lamp) for lamp in range(3)])
    np.savez(root / "new.npz", x=plates(60, 7, 90))
    np.savez(root / "bad.npz", x=plates(12, 8, 62, broken=True))
    for number, image in enumerate(plates(24, 9, 90)):
        write_png(root / "seen" / f"{number:02}.png", image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "PLANTED", 96)
        patch.setattr(feature_parts, "KEPT", 1500)
        defects.fit(
            good, root / "model", with_gan="no", progress=False,
            groups=np.repeat(["first", "second", "third"], 60),
        )  # fmt: skip
    return root


def agree(detector, images):
    """Python, SavedModel and LiteRT give the same."""
    import tensorflow as tf

    from ganvas.base.litert import runner

    ours = detector.score(images)
    served = tf.saved_model.load(str(detector.place)).signatures
    array = images[..., None]
    run = runner(detector.place / "model_float32.tflite")
    lite = np.concatenate([run(image=array[i : i + 1])["score"] for i in range(len(array))])
    assert lite == pytest.approx(ours.score, abs=1e-4)
    for name in ("serving_default", "verdict", "places"):
        found = served[name](image=tf.constant(array))
        assert found["score"].numpy() == pytest.approx(ours.score, abs=1e-5)
        assert (found["defective"].numpy() == ours.defective).all()
    return ours


def test_groups_stand_in_manifest_and_card(shop):
    detector = defects.Detector.load(shop / "model" / "1")
    assert detector.promise.method == "groups"
    name, count = next(iter(detector.promise.groups.items()))
    assert count == detector.calibration_size == 60
    assert f"({name} (60))" in (detector.place / "MODEL_CARD.md").read_text()
    held = detector.kept()
    assert held["groups"].tolist() == [0] * 60 and len(held["scale"]) == 60


def test_a_new_lamp_rings_and_is_calibrated(shop, here):
    before = agree(defects.Detector.load(shop / "model" / "1"), plates(24, 5, 90))
    assert before.defective.mean() > 0.5
    done = here("defects", "score", "model", "seen", "--json", cwd=shop)
    drift = json.loads(done.stdout)["drift"]
    assert drift["alarm"] and "DRIFT" in drift["sentence"], done.stdout
    done = here("defects", "calibrate", "model", "--good", "new.npz", "--out", "lamp", cwd=shop)
    assert done.stdout.endswith("lamp/1\n"), done.stderr
    detector = defects.Detector.load(shop / "lamp")
    after = agree(detector, plates(24, 5, 90))
    assert (after.score == before.score).all() and (after.heatmap == before.heatmap).all()
    assert after.defective.mean() < 0.3
    assert detector.promise == Promise("split", {"": 60})
    assert detector.facts["calibrated"]["from"] == "1"
    assert len(defects.Detector.load(shop / "model" / "1").held_out()) == 60
    assert "DRIFT" not in here("defects", "score", "lamp", "seen", cwd=shop).stdout
    with refuses(DataError, "0.01", "99", "60"):
        defects.calibrate(shop / "model", np.load(shop / "new.npz")["x"], alpha=0.01)
    with refuses(UsageError, "--out"):
        (shop / "odd").mkdir()
        (shop / "model" / "1").rename(shop / "odd" / "copy")
        try:
            defects.calibrate(shop / "odd" / "copy", np.load(shop / "new.npz")["x"])
        finally:
            (shop / "odd" / "copy").rename(shop / "model" / "1")


def test_bad_images_teach(shop, here, monkeypatch):
    words = ["defects", "teach", "model/1", "--bad", "bad.npz", "--out", "taught", "--json"]
    worse = np.zeros(12), {1.0: np.full(12, -0.1), 0.5: np.full(12, -0.2)}
    monkeypatch.setattr(teaching, "_areas", lambda bad, scale: worse)
    done = here(*words, cwd=shop)
    assert done.returncode and "nothing was written" in done.stderr
    assert not (shop / "taught").exists()
    better = np.full(12, 0.6), {1.0: np.full(12, 0.7), 0.5: np.full(12, 0.9)}
    monkeypatch.setattr(teaching, "_areas", lambda bad, scale: better)
    done = here(*words, cwd=shop)
    lesson = json.loads(done.stdout)
    assert (lesson["bad"], lesson["share"], lesson["after"]) == (12, 0.5, 0.9), done.stderr
    detector = defects.Detector.load(shop / "taught")
    agree(detector, plates(24, 4, 62))
    assert detector.promise.method == "groups" and detector.promise.least == 60
    assert lesson["sentence"] in (detector.place / "MODEL_CARD.md").read_text()
    held = detector.score(detector.held_out()[..., 0])
    assert held.defective.sum() <= 0.05 * 61
    found = defects.judge(detector, plates(40, 3, 64), plates(20, 2, 64, broken=True))
    assert found.ablation["all"] == pytest.approx(found.detector.auroc.value, abs=1e-3)
    assert "before teaching" in found.ablation
    again = defects.calibrate(detector.place, plates(30, 1, 62), out=shop / "again")
    assert again.facts["taught"]["bad"] == 12 and again.calibration_size == 30
    images = plates(8, 11, 62)
    assert again.score(images).score == pytest.approx(detector.score(images).score, abs=1e-5)
    with refuses(DataError, "5", "4"):
        defects.teach(shop / "model", plates(4, 0, broken=True))


def test_thirty_images_by_cross_conformal_calibration(shop, tmp_path):
    detector = defects.fit(plates(30, 0), tmp_path / "few", cross=True, progress=False)
    assert detector.promise.method == "cross" and detector.calibration_size == 20
    verdicts = agree(detector, plates(60, 1))
    assert verdicts.defective.mean() <= 0.25
    assert detector.score(plates(20, 2, 60, broken=True)).score.mean() > verdicts.score.max() - 1
    facts = manifest.verify(detector.place)
    assert facts["parts"] == {"learn": 10, "scale": 0, "calibrate": 20} and "choice" not in facts
    assert "twice alpha" in (detector.place / "MODEL_CARD.md").read_text()
    found = defects.judge(detector, plates(40, 3), plates(20, 4, broken=True))
    assert found.drift is None and found.false_alarms.low == 0
    with refuses(UsageError, "--good"):
        defects.teach(detector.place, plates(6, 5, broken=True))
    with refuses(DataError, "0.05", 20):
        defects.fit(plates(20, 0), tmp_path / "less", cross=True)
