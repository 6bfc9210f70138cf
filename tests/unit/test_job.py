"""A folder for one request, files that appear whole, locks, and signals."""

import hashlib
import json
import os
import signal
import threading

import numpy as np
import pytest

from ganvas.base.files import filling, in_turn, is_locked, locked, write_json
from ganvas.base.signals import SIGNALS, stopping
from ganvas.errors import RunError
from ganvas.storage.job import (
    begin,
    claimed,
    is_begun,
    read_arrays,
    recall,
    remember,
    request_of,
    write_arrays,
)
from refusals import refuses

ASKED = {"kit": "a", "n": 3, "settings": {"x": 1, "deep": {"y": [1, 2]}}, "sha": "0f" * 16}


def changed(**values) -> dict:
    return {**ASKED, **values}


def test_the_same_request_continues(tmp_path):
    folder = tmp_path / "new"
    begin(folder, ASKED, "kit.json")
    (folder / "made.png").touch()
    begin(folder, ASKED, "kit.json")
    assert is_begun(folder, {"n": 3}, "kit.json")  # what it says besides is not compared
    assert request_of(folder, "kit.json") == ASKED


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        (changed(n=4), ["n = 3, got 4"]),
        (changed(kit="b", n=4), ['kit = "a", got "b", and n = 3, got 4']),
        (changed(settings={"x": 2, "deep": {"y": [1, 2]}}), ["settings.x = 1, got 2"]),
        (changed(settings={"deep": {"y": [1, 2]}}), ["x = 1, got null"]),
        (changed(settings={"x": 1, "deep": {"y": [1, 2]}, "z": 0}), ["z = null, got 0"]),
        (changed(sha="1f" * 16), ["another value of sha"]),
        (changed(new_key="w" * 100), ["another value of new_key"]),
    ],
)
def test_another_request_is_refused(asked, parts, tmp_path):
    folder = tmp_path / "new"
    begin(folder, ASKED)
    (folder / "made.png").touch()
    with refuses(RunError, *parts):
        begin(folder, asked)
    assert request_of(folder) == ASKED


def test_what_has_made_nothing_may_begin_anew(tmp_path):
    begin(tmp_path, ASKED, made="seeds/*")
    begin(tmp_path, changed(n=4), made="seeds/*")
    assert request_of(tmp_path)["n"] == 4
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "0.npz").touch()
    with refuses(RunError, "n = 4, got 5"):
        begin(tmp_path, changed(n=5), made="seeds/*")


def test_other_folders_are_refused_and_stay(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with refuses(RunError, "other files"):
        begin(tmp_path, ASKED)
    with refuses(RunError, "is a file"):
        begin(tmp_path / "letter.txt", ASKED)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "kit.json").write_text("{")
    with refuses(RunError, "is damaged"):
        begin(tmp_path / "new", ASKED, "kit.json")


def test_a_claim_that_makes_nothing_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "new", ASKED):
        (tmp_path / "new" / "empty").mkdir()
        raise ZeroDivisionError
    assert not (tmp_path / "new").exists()
    again = claimed(tmp_path / "new", ASKED)
    with claimed(tmp_path / "new", ASKED), refuses(RunError, "in use"), again:
        pass
    assert is_begun(tmp_path / "new", ASKED)


def test_a_claim_anew_empties_what_another_request_left(tmp_path):
    for asked, left in ((ASKED, True), (changed(n=4), False)):
        with claimed(tmp_path, asked, anew=True):
            assert (tmp_path / "part.npz").exists() == (asked is not ASKED and left)
            (tmp_path / "part.npz").touch()
    with claimed(tmp_path, changed(n=4), anew=True):
        assert (tmp_path / "part.npz").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"key": "other", "value": 2}', None])
def test_what_is_not_of_this_key_is_not_recalled(content, tmp_path):
    if content is not None:
        (tmp_path / "one.json").write_text(content)
    assert recall(tmp_path / "one.json", "mine") == {}
    remember(tmp_path / "one.json", "mine", value=1)
    assert recall(tmp_path / "one.json", "mine")["value"] == 1


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), filling(tmp_path / "new") as part:
        write_json(part / "a.json", {"name": "\udcff"})  # of a file whose name is no UTF-8
        assert not (tmp_path / "new").exists()
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    with filling(tmp_path / "new") as part:
        write_json(part / "a.json", {"name": "\udcff"})
    assert json.loads((tmp_path / "new" / "a.json").read_text()) == {"name": "\udcff"}
    with refuses(RunError, "cannot be written"), filling(tmp_path / "new" / "a.json" / "b"):
        pass


def test_a_lock_is_held_by_one_and_taken_again_by_the_same_thread(tmp_path):
    lock, order = tmp_path / "a.lock", []

    def other():
        with in_turn(lock):
            order.append("other")

    assert not is_locked(lock)
    thread = threading.Thread(target=other)
    with in_turn(lock), in_turn(lock):
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]
    with locked(tmp_path):
        assert is_locked(tmp_path / ".lock")


def test_one_signal_asks_a_second_one_interrupts_and_handlers_come_back():
    before, asked = [signal.getsignal(number) for number in SIGNALS], []
    with pytest.raises(KeyboardInterrupt), stopping(lambda: asked.append(1)) as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped() and asked == [1]
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert asked == [1]


def test_the_first_signal_is_answered_at_once_also_during_a_long_computation():
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    order, outer = [], []
    kill = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    with (
        stopping(acknowledge=lambda: outer.append("answer")),
        stopping(lambda: order.append("stop"), lambda: order.append("answer")) as stopped,
    ):
        kill.start()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 400_000)  # no Python, and so no handler
        order.append("computed")
        kill.join()
        assert stopped()
    assert order == ["answer", "stop", "computed"]
    assert outer == ["answer"], "an outer block is told, too"
    signal.set_wakeup_fd(restored := signal.set_wakeup_fd(-1))
    assert restored == wakeup


def test_outside_the_main_thread_signals_stay_as_they_are():
    seen = []

    def work():
        with stopping() as stopped:
            seen.append((stopped(), [signal.getsignal(number) for number in SIGNALS]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, [signal.getsignal(number) for number in SIGNALS])]


def test_arrays_of_a_part(tmp_path):
    assert read_arrays(tmp_path / "a" / "0.npz") is None
    write_arrays(tmp_path / "a" / "0.npz", x=np.arange(3))
    np.testing.assert_array_equal(read_arrays(tmp_path / "a" / "0.npz")["x"], [0, 1, 2])
    (tmp_path / "a" / "0.npz").write_bytes(b"PK")
    assert read_arrays(tmp_path / "a" / "0.npz") is None


def test_a_lock_removes_incomplete_files_and_nothing_else(tmp_path):
    """A folder `.NAME.part` belongs to `filling`; hidden PNG files may belong to a live process."""
    for name in (".000016.npz.part", ".cat.png.77-1", "state/.x.part.keras"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".set.part").mkdir()
    with locked(tmp_path, leftovers=()):
        assert (tmp_path / ".000016.npz.part").exists()
    with locked(tmp_path):
        left = {path.name for path in tmp_path.rglob("*")} - {".lock"}
    assert left == {".cat.png.77-1", ".set.part", "state"}
