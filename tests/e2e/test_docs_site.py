"""The documentation site is built from nothing: strictly, without a network, in two languages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.proof
def test_the_site_is_built_and_no_link_is_broken(tmp_path):
    # No proxy answers there: whatever needs the network fails.
    dead = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://[::1]:9"
    )
    paths = [str(ROOT / "scripts"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **dead, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "docs_site", str(tmp_path / "site")]
    built = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    site = tmp_path / "site"
    assert 'id="ganvas.train"' in (site / "reference" / "api" / "ganvas.html").read_text()
    # One description of three attributes, `difference, low, high:`.
    tuning = (site / "reference" / "api" / "ganvas.tuning.html").read_text()
    assert 'title="ganvas.tuning.PairedDifference.low">low<' in tuning
    assert "--dry-run" in (site / "reference" / "commands.html").read_text()
    # jieba has put a zero-width space between two words, which are then found by themselves.
    index = json.loads((site / "zh" / "search" / "search_index.json").read_text())
    assert any("模式\u200b崩溃" in page["text"] + page["title"] for page in index["docs"])
    english = json.loads((site / "search" / "search_index.json").read_text())
    assert not any(page["location"].startswith("zh/") for page in english["docs"])
