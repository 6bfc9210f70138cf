"""The examples for the edge draw classes by their shares in training, as `ganvas sample` does."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ganvas.sampling.drawing import Drawing

EXAMPLES = Path(__file__).parents[2] / "examples"
SHARES = [0.5, 0.0, 0.3, 0.2]


class Nothing(Drawing):
    """Draws labels only."""

    def _drawn(self, inputs):
        raise NotImplementedError


@pytest.mark.parametrize("names", [["a", "b", "c", "7"], []])
def test_a_board_has_the_labels_of_a_sample(names, tmp_path):
    labels_of = runpy.run_path(str(EXAMPLES / "raspberrypi" / "draw.py"))["labels_of"]
    facts = {"names": names, "class_shares": SHARES}
    own = Nothing((8, 8, 1), 4, True, names, SHARES)
    assert labels_of(facts, "all", 500, 3).tolist() == own.labels(500, None, 3).tolist()
    for label in names:
        assert labels_of(facts, label, 2, 0).tolist() == own.labels(2, label, 0).tolist()
    with pytest.raises(SystemExit, match="take one of all"):
        labels_of(facts, "4", 1, 0)


def test_a_page_has_the_class_in_whose_part_a_number_lies():
    """The function of the page itself, run by Node."""
    node = shutil.which("node")
    if not node:
        pytest.skip("no Node")
    page = (EXAMPLES / "browser" / "page.js").read_text()
    (function,) = re.findall(r"^function classOf\(.*?^}", page, re.MULTILINE | re.DOTALL)
    numbers = [0.0, 0.25, 0.49, 0.51, 0.79, 0.81, 0.999]
    for shares in (SHARES, [0.2, 0.2], [1.0], []):
        script = f"""
            const facts = {{ class_shares: {json.dumps(shares)} }};
            {function}
            console.log(JSON.stringify({json.dumps(numbers)}.map(classOf)));
        """
        done = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True)
        edges = np.cumsum(shares) / max(sum(shares), 1e-9)
        wanted = np.searchsorted(edges[:-1], numbers, side="right")
        assert json.loads(done.stdout) == wanted.tolist()


@pytest.mark.parametrize("file", ["android/Generator.kt", "ios/Generator.swift"])
def test_a_phone_reads_facts_that_a_manifest_has(file):
    """Neither is compiled here."""
    text = (EXAMPLES / file).read_text()
    for name in ("noise_size", "shape", "conditional", "names", "class_shares"):
        assert name in text
    assert re.search(r"label: Int(32)?\? = (null|nil)", text)
