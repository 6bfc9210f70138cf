"""`ganvas defects` as an inspector uses it: PNGs in; verdicts, heat-maps, a page, a server."""

import json

import numpy as np
import pytest

from ganvas.cli import run_command
from ganvas.images import read, write_png


def plates(folder, count, seed, broken=False):
    """PNGs of a plate with a bar; broken ones have a bright hole, and masks in folder-masks."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        image = rng.normal(60, 6, (24, 24))
        at = 10 + rng.integers(-1, 2)
        image[at : at + 4] += 120
        mask = np.zeros((24, 24), np.uint8)
        if broken:
            y, x = rng.integers(0, 17, 2)
            mask[y : y + 7, x : x + 7] = 255
            image[mask > 0] = 240
            write_png(folder.with_name(f"{folder.name}-masks") / f"{number:03}.png", mask)
        write_png(folder / f"{number:03}.png", np.clip(image, 0, 255).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory, command):
    """Folders of images, and a model that the command line fitted."""
    root = tmp_path_factory.mktemp("shop")
    plates(root / "good", 160, 0)
    plates(root / "new", 40, 1)
    plates(root / "bad", 30, 2, broken=True)
    done = command("defects", "fit", "good", "--out", "model", "--kimg", 3.2, cwd=root, timeout=400)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "model/1\n"
    assert "160 good images: 100 learn, 20 scale, 40 calibrate" in done.stderr
    return root


def test_score_prints_one_object_and_writes_heat_maps(shop, here):
    done = here("defects", "score", "model", "bad", "--json", "--out", "seen", cwd=shop)
    assert done.returncode == 0, done.stderr  # scoring is done, whatever the verdicts are
    told = json.loads(done.stdout)
    assert list(told) == ["images", "alpha"] and told["alpha"] == 0.05
    assert len(told["images"]) == 30
    assert all(list(one) == ["path", "score", "p_value", "defective"] for one in told["images"])
    assert told["images"][3]["path"] == "bad/003.png"
    assert sum(one["defective"] for one in told["images"]) > 15
    assert len(list((shop / "seen").glob("*.png"))) == 30
    lines = (shop / "seen" / "scores.csv").read_text().splitlines()
    assert lines[0] == "path,picture,score,p_value,defective" and len(lines) == 31
    shown = read(shop / "seen" / lines[1].split(",")[1])
    assert shown.shape[1] == 2 * shown.shape[0] and shown.shape[2] == 3


def test_an_alpha_is_a_promise(shop, monkeypatch, capfd):
    monkeypatch.chdir(shop)
    assert run_command(["defects", "score", "model", "bad", "--alpha", "0.01"]) == 2
    out, err = capfd.readouterr()
    assert out == "" and "cannot be promised by 40 calibration images, it takes 99" in err
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
        "What the GAN adds",
        "AUPRO up to 30 %",
        "without the GAN",
    ):
        assert words.replace("'", "&#x27;") in page, words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fit", "nothing", "--out", "m"), "there is no 'nothing'"),
        (("fit", "both", "--out", "m"), "no label is read"),
        (("fit", "few", "--out", "m"), "too few for alpha = 0.05"),
        (("fit", "good", "--out", "m", "--alpha", "2"), "above 0 and below 1"),
        (("fit", "good", "--out", "m", "--size", "big"), "HEIGHTxWIDTH"),
        (("score", "nothing", "bad"), "there is no model nothing"),
        (("score", "good", "bad"), "holds no exported model"),
        (("score", "model", "other"), "was fitted on 24×24 px"),
        (("report", "model", "--good", "new", "--bad", "empty"), "holds no image"),
        (("report", "model", "--good", "new", "--bad", "bad", "--masks", "other"), "no mask for"),
        (("report", "model", "--good", "new", "--bad", "few", "--masks", "wrong"), "20×24"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(shop, words, said, monkeypatch, capfd):
    rng = np.random.default_rng(0)
    (shop / "empty").mkdir(exist_ok=True)
    for number in range(4):
        image = rng.integers(0, 256, (24, 24)).astype(np.uint8)
        write_png(shop / "both" / "ab"[number % 2] / f"{number}.png", image)
        write_png(shop / "few" / f"{number}.png", image)
        write_png(shop / "wrong" / f"{number}.png", image[:20])
        write_png(shop / "other" / f"x{number}.png", image[:, :20])
    monkeypatch.chdir(shop)
    assert run_command(["defects", *words]) == 2
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert out == "" and len(lines) == 1 and said in lines[0], err
    assert not (shop / "m").exists()


def test_served_verdicts_are_those_of_the_detector(shop):
    pytest.importorskip("tensorflow_serving")

    from ganvas.kits import defects
    from ganvas.serve.servable import Servable

    detector = defects.Detector.load(shop / "model")
    images = np.stack([read(p) for p in sorted((shop / "bad").glob("*.png"))[:5]])
    told = detector.score(images)
    answer = Servable("plates", 1, shop / "model" / "1").find("")({"image": images})
    assert np.abs(answer["score"] - told.score).max() <= 1e-5
    assert np.abs(answer["heatmap"] - told.heatmap).max() <= 1e-4
    assert (answer["defective"] == told.defective).all()


def test_help_names_the_commands(here):
    done = here("defects", "--help")
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("fit", "score", "report"))
