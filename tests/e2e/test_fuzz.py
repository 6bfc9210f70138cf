"""Damaged and hostile files for every reader of foreign bytes, from a fixed seed.

Each file is read, or refused by an error of the package: within 5 seconds of
processor time and 2 GiB, without running a program, importing a module, connecting, or opening a file elsewhere; and nothing is
changed. REST and gRPC requests are in tests/serving/test_hostile.py.
"""

import json
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


def test_some_hostile_files(forked, tmp_path):
    assert len(fuzz(forked, tmp_path, "few")) >= 17


@pytest.mark.proof
def test_a_hundred_thousand_hostile_files(forked, tmp_path):
    results = fuzz(forked, tmp_path, "all")
    print(json.dumps(results, indent=1))
    assert sum(one["inputs"] for one in results.values()) >= 100_000
    assert all(one["read"] > 0 for one in results.values())  # not only what is refused at once
