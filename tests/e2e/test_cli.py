"""The commands as a user types them: what they write, print and answer."""

from __future__ import annotations

import json
import operator
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas.cli.app import GROUPS
from ganvas.images import write_png
from ganvas.storage.run import Run

HEADER = ["data", "recipe", "images", "classes", "form", "read", "used", "from", "run"]


def told(done: subprocess.CompletedProcess) -> list[str]:
    """The lines of standard error, without those that appear every 15 seconds on a slow machine."""
    beat = re.compile(r".*, \d+:\d\d(, left [\d:]+)?$|kimg (?!.*discriminator)")
    return [line for line in done.stderr.splitlines() if not beat.match(line)]


def say_no(done: subprocess.CompletedProcess, code: int = 2) -> str:
    """The one line of a refusal, perhaps after the header, or its first part."""
    assert done.returncode == code, done.stderr
    *header, line = told(done)
    words = [one.split()[0] for one in header if not one.startswith(" ")]
    if words.count("recipe") == 2:  # what was asked for, and what the images decided
        words.pop(words.index("recipe", 2))
    whole = [word for word in HEADER if word != "from" or word in words]  # not of `resume`
    if "run" in words[:3]:  # of `resume`, which knows it at once
        whole = ["data", "recipe", "run", *whole[2:-1]]
    assert words == whole[: len(words)], done.stderr
    assert line.startswith("error: "), done.stderr
    assert not done.stdout
    return f"{line}\n"


def open_picture(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
    return picture


def states(run: Run) -> list[dict[str, np.ndarray]]:
    found = []
    for path in run.states():
        with np.load(path) as arrays:
            found.append(dict(arrays))
    return found


@pytest.fixture(scope="module")
def trained(command, npz, sets, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "bars"
    watched = ("--set", "watch.tensorboard=true", "--set", "watch.histograms=true")
    done = command("train", npz, *sets, *watched, "--run", folder)
    assert done.returncode == 0, done.stderr
    assert str(folder) in done.stdout
    lines = told(done)
    header, lines = lines[: len(HEADER)], lines[len(HEADER) :]
    assert [line.split()[0] for line in header] == HEADER
    assert len(lines) == 4, "plain lines, one per tick"
    assert all(line.startswith("kimg ") for line in lines)
    return Run.open(folder)


@pytest.fixture
def long_run(forked, npz, sets, tmp_path):
    """A training that would take for ever, once it has saved a state."""
    folder = tmp_path / "long"
    process = forked("train", npz, *sets, "--set", "train.kimg=4000", "--run", folder)
    while not list((folder / "state").glob("*.npz")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    yield process, Run.open(folder)
    process.kill()


# --- train -------------------------------------------------------------------------------------


def test_the_run_folder_is_whole(trained):
    names = {str(path.relative_to(trained.folder)) for path in trained.folder.rglob("*")}
    assert {"config.toml", "run.json", "data.json", "log.jsonl", "samples/reals.png"} <= names
    assert {"state/000000048.npz", "state/000000064.npz", "models/000001.keras"} <= names
    assert any(name.startswith("events/events.out") for name in names)
    [events] = (trained.folder / "events").iterdir()
    assert b"logits/real" in events.read_bytes() and b"logits/fake" in events.read_bytes()
    assert not [name for name in names if ".part" in name]
    assert trained.status() == "finished"


def test_the_run_tells_where_it_comes_from(trained, npz):
    info = trained.info
    assert info["data"]["source"] == str(npz)
    assert info["data"]["shape"] == [16, 16, 1]
    assert info["data"]["names"] == ["0", "1"]
    assert sum(info["data"]["class_counts"]) == info["data"]["count"] <= 256
    assert info["versions"]["ganvas"] == ganvas.__version__
    assert "--run" in info["command"]
    assert info["parent"] is None
    assert trained.config.train.kimg == 0.512
    assert trained.config.networks["norm"] == "batch", "defaults are written out"
    assert tuple(trained.config.data.size) == (16, 16)


def test_the_log_has_a_row_per_tick(trained):
    rows = trained.rows()
    assert [row["step"] for row in rows] == [16, 32, 48, 64]
    assert [row["kimg"] for row in rows] == [0.128, 0.256, 0.384, 0.512]
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    seconds = [row["seconds"] for row in rows]
    assert sorted(seconds) == seconds == [row["step_seconds"] for row in rows]
    walls = [row["wall_seconds"] for row in rows]
    assert sorted(walls) == walls and all(map(operator.ge, walls, seconds))


def test_the_pictures_lie_side_by_side(trained):
    pictures = sorted((trained.folder / "samples").iterdir())
    assert {"reals.png", "000001.png"} <= {path.name for path in pictures}
    assert len({open_picture(path).size for path in pictures}) == 1


def test_resume_of_a_finished_run_says_so(trained, here):
    before = {path: path.stat().st_mtime_ns for path in trained.folder.rglob("*")}
    done = here("resume", trained.folder)
    assert done.returncode == 0
    assert "is finished" in done.stdout
    assert before == {path: path.stat().st_mtime_ns for path in trained.folder.rglob("*")}


# --- what a run is good for --------------------------------------------------------------------


def test_sample_a_grid_and_a_folder(trained, forked, here, tmp_path):
    grid, folder = tmp_path / "new" / "grid.png", tmp_path / "folder"
    done = here("sample", trained.folder, "-n", 9, "--out", grid)
    assert (done.returncode, done.stdout.strip()) == (0, str(grid)), done.stderr
    assert open_picture(grid).text["seed"] == "0"
    words = ["-n", 3, "--seed", 5, "--label", "1", "--truncation", 0.7, "--out", folder]
    assert forked("sample", trained.folder, *words).wait() == 0
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == ["000000.png", "000001.png", "000002.png"]
    about = open_picture(files[2]).text
    assert {k: about[k] for k in ("seed", "label", "truncation", "index")} == {
        "seed": "5", "label": "1", "truncation": "0.7", "index": "2",
    }  # fmt: skip
    assert str(trained.folder) in about["model"]
    # The same images from Python, in another process.
    pictures = ganvas.load(trained).sample(3, "1", seed=5, truncation=0.7)
    for path, picture in zip(files, pictures, strict=True):
        near = np.abs(np.asarray(open_picture(path)).astype(int) - picture[..., 0])
        assert near.max() <= 1


def test_morph(trained, here, tmp_path):
    film = tmp_path / "film.gif"
    done = here("morph", trained.folder, "--seconds", 1, "--out", film)
    assert done.returncode == 0, done.stderr
    with Image.open(film) as gif:
        assert gif.format == "GIF"
        assert gif.n_frames > 5
    wall = tmp_path / "wall.webp"
    words = ["--grid", "2x3", "--scale", 3, "--format", "webp", "--seconds", 1, "--out", wall]
    assert here("morph", trained.folder, *words).returncode == 0
    with Image.open(wall) as webp:
        assert webp.format == "WEBP" and webp.n_frames > 5
        assert webp.size == (3 * (3 * 18 - 2), 3 * (2 * 18 - 2))
    assert ".gif" in say_no(here("morph", trained.folder, "--out", tmp_path / "film.avi"))
    assert "ROWSxCOLUMNS" in say_no(here("morph", trained.folder, "--grid", "4"))
    huge = ["--grid", "99x99", "--seconds", 600]
    assert "lower --seconds" in say_no(here("morph", trained.folder, *huge))


def test_a_label_that_is_not_there(trained, here):
    refusal = say_no(here("sample", trained.folder, "--label", "x", "--out", "new/g.png"))
    assert "accepted: 0, 1" in refusal
    assert not list(Path.cwd().iterdir())


def test_runs_recipes_info(trained, here):
    done = here("runs", trained.folder.parent)
    head, row = done.stdout.splitlines()
    assert head.split() == ["run", "recipe", "kimg", "min", "best", "MB", "state"]
    name, recipe, kimg, _, _, state = row.split()
    assert (name, recipe, kimg, state) == ("bars", "quick", "0.512/0.512", "finished")
    done = here("recipes")
    assert "quick:" in done.stdout
    done = here("info", "--json")
    facts = json.loads(done.stdout)
    assert not done.stderr
    assert {"ganvas", "tensorflow", "keras", "devices", "threads"} <= facts.keys()


# --- refusals: one line, exit 2, nothing written -----------------------------------------------


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--recipe", "quik"], ["'quick'"]),
        (["--recipe", "nowhere.toml"], ["nowhere.toml"]),
        (["--set", "train.kimgs=3"], ["'train.kimg'"]),
        (["--set", "train.kimg=-3"], ["train.kimg", "-3"]),
        (["--set", "train.kimg"], ["train.kimg", "KEY=VALUE"]),
        (["--set", "train.warmup_kimg=900"], ["train.warmup_kimg", "900"]),
        (["--set", "loss=hinj"], ["'hinge'"]),
        (["--set", 'penalties=["r1"]'], ["r1", "'weight'"]),
        (["--set", "networks.widht=3"], ["widht"]),
        (["--set", "loss=no.such:Thing"], ["no.such:Thing"]),
        (["--from", "nowhere"], ["nowhere"]),
        (["--set", "networks=textbook"], ["textbook", "data.labels=false"]),
        (["--set", "train.seed=5000000000"], ["train.seed", "5000000000"]),
        (["--set", "augment=adda"], ["'ada'"]),
        (["--set", "networks.pack=3", "--from", "none"], ["train.batch", "64", "3"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_words_write_nothing(here, npz, words, named):
    sentence = say_no(here("train", npz, *words, "--run", "out"))
    assert all(part in sentence for part in named), sentence
    assert not list(Path.cwd().iterdir())


def test_what_was_not_foreseen_is_one_line_too(here, npz, monkeypatch):
    import ganvas.training.preparing

    def fall(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(ganvas.training.preparing, "load_images", fall)
    assert "internal error (bug): ZeroDivisionError: oh; please report it" in say_no(
        here("train", npz)
    )
    with pytest.raises(ZeroDivisionError):
        here("train", npz, "--debug")


def test_no_command_at_all(here):
    """Every command stands under a heading, `train` first."""
    done = here()
    assert done.returncode == 0 and done.stdout == here("--help").stdout == here("help").stdout
    listed = [line.split()[0] for line in done.stdout.splitlines() if re.match(r"  [a-z]+  ", line)]
    assert listed == [name for names in GROUPS.values() for name in names]
    assert "..." not in done.stdout.partition("Train:")[2], "a first sentence is too long"
    assert listed[0] == "train" and {*listed, "help", "version"} == commands()
    assert here("defects").stdout == here("help", "defects").stdout
    assert "--size HxW" in here("help", "defects", "fit").stdout
    assert "No such command 'nothing'" in say_no(here("help", "nothing"))
    assert here("version").stdout == here("--version").stdout == f"{ganvas.__version__}\n"


def commands() -> set[str]:
    from ganvas.cli.app import app

    named = {one.name or one.callback.__name__.strip("_") for one in app.registered_commands}
    return named | {one.name for one in app.registered_groups}


def test_the_checkup_is_told(here, npz, sets, tmp_path, monkeypatch):
    monkeypatch.setattr("ganvas.training.train.fit", lambda *_: None)
    pixels = np.load(npz)["x"]
    np.savez(tmp_path / "few.npz", x=pixels[:100])
    done = here("train", tmp_path / "few.npz", *sets, "--run", tmp_path / "run")
    assert "note: only 100 images" in done.stderr
    done = here("prepare", tmp_path / "few.npz", "--to", tmp_path / "packed")
    assert "note: only 100 images" in done.stderr


def test_labels_from_a_file(here, npz, tmp_path, trained):
    for i, image in enumerate(np.load(npz)["x"][:6]):
        write_png(tmp_path / "a" / f"{i}.png", image)
    (tmp_path / "mine.csv").write_text(
        "path,label\n" + "".join(f"{i},c{i % 2}\n" for i in range(6))
    )
    options = ("--labels", tmp_path / "mine.csv")
    done = here("prepare", tmp_path / "a", "--to", tmp_path / "packed", *options)
    assert "classes    2: c0 (3), c1 (3)" in done.stderr and done.stdout.count("\n") == 1
    assert json.loads((tmp_path / "packed" / "index.json").read_text())["names"] == ["c0", "c1"]
    say_no(here("train", tmp_path / "a", "--labels", tmp_path / "none.csv", "--run", "out"))
    assert not list(Path.cwd().iterdir())
    assert "--data" in say_no(here("evaluate", trained.folder, *options))


def test_missing_images_write_nothing(here):
    assert "nowhere.npz" in say_no(here("train", "nowhere.npz", "--run", "out"))
    assert not list(Path.cwd().iterdir())


def test_an_existing_run_is_left_alone(trained, here, npz, sets):
    before = {path: path.read_bytes() for path in trained.folder.rglob("*") if path.is_file()}
    done = here("train", npz, *sets, "--run", trained.folder)
    assert "already holds a run" in say_no(done)
    assert before == {p: p.read_bytes() for p in trained.folder.rglob("*") if p.is_file()}


def test_what_cannot_change_within_a_run(trained, here):
    refusal = say_no(here("resume", trained.folder, "--set", "train.batch=4"))
    assert "train.batch cannot change within a run" in refusal


@pytest.mark.parametrize("words", [["sample"], ["morph"], ["resume"]])
def test_no_run(here, tmp_path, words):
    assert "is not a run" in say_no(here(*words, tmp_path))
    assert not list(Path.cwd().iterdir())


def test_dry_run_writes_nothing(here, npz, sets, monkeypatch):
    monkeypatch.setattr("ganvas.training.dry_run.SECONDS", 0.1)
    done = here("train", npz, *sets, "--dry-run", "--run", "out")
    assert done.returncode == 0, done.stderr
    assert not list(Path.cwd().iterdir())
    for word in ("[train]", "kimg = 0.512", "16x16x1", "duration", "memory", "ms per step"):
        assert word in done.stdout


# --- going on ----------------------------------------------------------------------------------


def test_longer_and_from_another_run(trained, here, npz, sets, tmp_path):
    """`--from` starts a new run at step 0 with the old weights; `resume` makes it longer."""
    child = tmp_path / "child"
    words = ["--set", "train.kimg=0.128", "--set", "train.learning_rate=1e-12",
             "--set", "train.discriminator_learning_rate=1e-12"]  # fmt: skip
    done = here("train", npz, *sets, *words, "--from", trained.folder, "--run", child)
    assert done.returncode == 0, done.stderr
    run = Run.open(child)
    assert run.info["parent"] == str(trained.folder)
    assert run.info["started_anew"] == []
    assert [row["step"] for row in run.rows()] == [16]
    old, new = states(trained)[-1], states(run)[-1]
    np.testing.assert_allclose(new["discriminator/000"], old["discriminator/000"], atol=1e-5)
    assert new["step"] == 16

    done = here("resume", child, "--set", "train.kimg=0.25")
    assert done.returncode == 0, done.stderr
    assert [row["step"] for row in run.rows()] == [16, 32]
    assert run.config.train.kimg == 0.25
    assert run.status() == "finished"


def test_ctrl_c_stops_cleanly_and_the_run_goes_on(long_run, here):
    process, run = long_run
    assert "in use by another process" in say_no(here("resume", run.folder))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"resume: ganvas resume {run.folder}" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert run.status() == "interrupted"
    assert run.models(), "a picture of where it stopped"
    last = run.rows()[-1]["step"]
    assert states(run)[-1]["step"] == last, "not a step is lost"

    kimg = (last + 20) * 8 / 1000
    done = here("resume", run.folder, "--set", f"train.kimg={kimg}")
    assert done.returncode == 0, done.stderr
    steps = [row["step"] for row in run.rows()]
    assert steps == sorted(set(steps))
    assert last in steps
    assert steps[-1] == last + 20
    assert run.status() == "finished"


@pytest.fixture
def copy(trained, tmp_path) -> Run:
    shutil.copytree(trained.folder, tmp_path / "copy")
    return Run.open(tmp_path / "copy")


def test_divergence_exits_3_and_keeps_the_last_good_state(copy, here):
    good, rows = states(copy), copy.rows()
    words = ["--set", "train.kimg=1", "--set", "train.learning_rate=1e30"]
    done = here("resume", copy.folder, *words)
    assert "not finite" in say_no(done, 3)
    assert copy.status() == "diverged"
    kept = states(copy)
    assert [s["step"] for s in kept] == [s["step"] for s in good]
    assert all(np.isfinite(array).all() for array in kept[-1].values())
    assert copy.rows() == rows


def test_the_decay_can_change_within_a_run(copy, here):
    """To a rate that falls to nothing: the generator ends where it was."""
    words = ["train.kimg=0.64", "train.decay=linear", "train.learning_rate=1e-12"]
    words += ["train.discriminator_learning_rate=1e-12"]
    done = here("resume", copy.folder, *[w for word in words for w in ("--set", word)])
    assert done.returncode == 0, done.stderr
    old, new = states(copy)[-2:]
    assert new["step"] == old["step"] + 16
    names = [name for name in old if name.startswith("discriminator/")]
    for name in names:
        np.testing.assert_allclose(new[name], old[name], atol=1e-6)


def test_a_read_only_place_is_one_line(here, npz, sets, tmp_path):
    if os.geteuid() == 0:
        place = Path("/proc/ganvas")
    else:
        place = tmp_path / "locked" / "run"
        place.parent.mkdir(mode=0o500)
    assert "cannot be written" in say_no(here("train", npz, *sets, "--run", place))


def test_ctrl_c_ends_a_check_at_once(tmp_path, forked):
    """While images are decoded: exit code 130, and no run folder."""
    folder, script = tmp_path / "a", tmp_path / "script.py"
    folder.mkdir()
    Image.new("L", (8000, 8000)).save(folder / "0.png")  # it takes a tenth of a second
    for number in range(1, 300):
        (folder / f"{number}.png").write_bytes((folder / "0.png").read_bytes())
    script.write_text(
        "import sys; from ganvas.cli import run_command; sys.exit(run_command(['train', 'a']))"
    )
    process = forked(script=script, cwd=tmp_path)
    while "images" not in process.shown():
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate()
    assert time.monotonic() - began < 3
    assert (process.returncode, "interrupted" in errors) == (130, True)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "script.py"}


def test_start_leaves_out_plots_and_tables():
    code = (
        "import sys; from ganvas.cli.app import tensorflow; tensorflow()\n"
        "left = {'matplotlib', 'pandas', 'pyarrow'} & set(sys.modules)\n"
        "import matplotlib.pyplot, pandas\n"  # they can be imported afterwards
        "sys.exit(', '.join(left) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
