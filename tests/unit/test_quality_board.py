"""The pure functions of benchmarks/quality_board.py: its clock, and the numbers of its judge."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(BENCHMARKS.parent / "scripts"))
    return importlib.import_module


def sets(*counts: int) -> list[np.ndarray]:
    """uint8 images whose pixels depend on each other."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(192, 192)) / 14
    return [
        np.clip(128 + 30 * (rng.normal(size=(n, 192)) @ mix), 0, 255)
        .astype(np.uint8)
        .reshape(n, 8, 8, 3)
        for n in counts
    ]


def test_frechet_is_that_of_scipy(script):
    judge = script("judge")
    real, fake = (x.reshape(len(x), -1)[:, :24] / 255 for x in sets(200, 150))
    means, (a, b) = [real.mean(0), fake.mean(0)], [np.cov(x, rowvar=False) for x in (real, fake)]
    root = scipy.linalg.sqrtm(a @ b).real
    wanted = ((means[0] - means[1]) ** 2).sum() + np.trace(a + b - 2 * root)
    assert judge.frechet((means[0], a), (means[1], b)) == pytest.approx(wanted, rel=1e-9)


def test_components_keep_the_distance_of_means(script):
    """A shift by 10 grey levels is seen by as much as the components hold of it."""
    judge = script("judge")
    (real,) = sets(300)
    components = judge.Components.of(real)
    assert components.axes.shape == (192, 64)
    assert components.distance(real) == pytest.approx(0, abs=1e-9)
    shifted = np.clip(real.astype(int) + 10, 0, 255).astype(np.uint8)
    gap = (shifted / 255 - real / 255).reshape(300, -1).mean(0) @ components.axes
    assert components.distance(shifted) == pytest.approx((gap**2).sum(), rel=0.05)


def test_stages_of_lite2(script):
    """As the published arrays have them."""
    found = script("judge").stages()
    assert [stage[3] for stage in found] == [16, 24, 48, 88, 120, 208, 352]
    assert [stage[4] for stage in found] == [1, 3, 3, 4, 4, 5, 1]


class Clock:
    """CPU seconds that pass only where a game says so."""

    now = 0.0

    def process_time(self) -> float:
        return self.now


class Game:
    """Its first chunk takes 5 seconds, later ones 2, and drawing 7."""

    images, weights = 64, (1, 2)

    def __init__(self, clock: Clock, chunks: int | None) -> None:
        self.clock, self.chunks, self.done = clock, chunks, 0

    def chunk(self) -> None:
        self.clock.now += 2 if self.done else 5
        self.done += 1

    def draw(self, count: int, seed: int) -> np.ndarray:
        self.clock.now += 7
        return np.full((count, 2, 2, 1), self.done, np.uint8)


def test_marks_count_training_alone(script, monkeypatch, tmp_path):
    board, clock, games = script("board_clock"), Clock(), []
    monkeypatch.setattr(board, "time", clock)

    def make(chunks):
        games.append(Game(clock, chunks))
        return games[-1]

    board.play(board.Piece({}, "", "", f"{tmp_path}", 0, [9.0, 20.0], 3, 0), make)
    assert games[1].chunks == games[1].done == 11  # the first one, and ten of two seconds
    row = json.loads((tmp_path / "row.json").read_text())
    assert [mark["seconds"] for mark in row["marks"]] == [10, 20]
    assert [mark["chunks"] for mark in row["marks"]] == [6, 11]
    assert [mark["kimg"] for mark in row["marks"]] == [0.384, 0.704]
    assert row["ms_per_image"] == pytest.approx(2000 / 64, abs=1e-3)
    assert row["start_up"] == 5 + 2 + 2 + 5
    with np.load(tmp_path / "9.npz") as file:
        assert (file["x"] == 6).all()


def test_a_piece_that_is_stored_is_not_played_again(script, monkeypatch, tmp_path):
    board = script("quality_board")
    job = board.Job("cifar", "recipe", "new", 1, (60.0, 300.0))
    assert job.name == "cifar-recipe-new-seed1-300s"
    monkeypatch.setattr(board, "jobs", lambda options: [job])
    monkeypatch.setattr(board, "write_data", lambda *_: None)
    place = tmp_path / "pieces" / job.name
    place.mkdir(parents=True)
    (place / "row.json").write_text('{"weights": [1, 2]}')  # the board was killed before it read it
    options = board.argparse.Namespace(work=tmp_path, cores=[0], minutes=1)
    for _ in range(2):
        board.train(options)
    (line,) = board.store.lines_of(tmp_path / "trained.jsonl").values()
    assert line["result"]["label"] == "new" and line["result"]["weights"] == [1, 2]
    assert len((tmp_path / "trained.jsonl").read_text().splitlines()) == 1
