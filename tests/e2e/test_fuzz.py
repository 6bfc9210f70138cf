"""Damaged and hostile files for every reader of foreign bytes, from a fixed seed.

Each file is read, or refused by an error of the package: within 5 seconds of processor time and
2 GiB, without running a program, importing a module, connecting, or opening a file elsewhere; and
nothing is changed. REST and gRPC requests are in tests/serving/test_hostile.py.
"""

import json
import signal
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by /proc")
CHILD = Path(__file__).parents[1] / "fuzzing" / "child.py"


def fuzz(forked, place, count):
    """The results of each reader, from a process of its own that ends itself at a hang."""
    process = forked(place, count, script=CHILD)
    try:
        code = process.wait(3000)
    finally:
        process.kill()
    errors = process.communicate()[1]
    now = (place / "now").read_text() if (place / "now").exists() else "no input"
    assert code == 0, f"it ended by {code} at {now} (see {place}):\n{errors[-3000:]}"
    results = json.loads((place / "results.json").read_text())
    faults = [fault for one in results.values() for fault in one["faults"]]
    assert not faults, "\n".join(faults)
    assert all(one["inputs"] == one["asked"] for one in results.values())
    return results


GUARD = """
import os, signal, socket, subprocess, sys
from pathlib import Path

sys.path.insert(0, {folder!r})
import child
from readers import Reader

place, attack = Path(sys.argv[1]), sys.argv[2]
attacks = {{
    "program": lambda path: subprocess.run(["true"]),
    "shell": lambda path: os.system("true"),
    "connection": lambda path: socket.create_connection(("127.0.0.1", 9)),
    "import": lambda path: __import__("antigravity"),
    "read": lambda path: open("/etc/passwd"),
    "write": lambda path: (place / "mark").write_text("x"),
    "change": lambda path: path.with_name("y").write_text("x"),
    "error": lambda path: {{}}["x"],
    "hang": lambda path: [None for _ in iter(int, 1)],
}}
calls = []
call = lambda path: calls.append(path) or (len(calls) > 1 and attacks[attack](path))
reader = Reader(attack, "x", lambda folder: [b"seed"], call, None, 1)
child.SECONDS = 0.5
child.READERS[attack] = reader
child.main(place, "1", attack)
"""
ATTACKS = ("program", "shell", "connection", "import", "read", "write", "change", "error", "hang")


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_guard(attack, forked, tmp_path):
    """What a reader must not do is noted."""
    script = tmp_path / "script.py"
    script.write_text(GUARD.format(folder=str(CHILD.parent)))
    process = forked(tmp_path, attack, script=script)
    code = process.wait(60)
    if attack == "hang":
        assert code == -signal.SIGPROF and (tmp_path / "now").read_text().startswith("hang ")
        return
    assert code == 0, process.communicate()[1]
    [fault] = json.loads((tmp_path / "results.json").read_text())[attack]["faults"]
    wrong = {"error": "KeyError", "change": "changed"}.get(attack, "forbidden")
    assert fault.startswith(f"{attack} 0: ") and wrong in fault
    assert not (tmp_path / "mark").exists()


def test_some_hostile_files(forked, tmp_path):
    assert len(fuzz(forked, tmp_path, "few")) >= 17


@pytest.mark.proof
def test_a_hundred_thousand_hostile_files(forked, tmp_path):
    results = fuzz(forked, tmp_path, "all")
    print(json.dumps(results, indent=1))
    assert sum(one["inputs"] for one in results.values()) >= 100_000
    assert all(one["read"] > 0 for one in results.values())  # not only what is refused at once
