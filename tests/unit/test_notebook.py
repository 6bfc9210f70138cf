"""What a notebook shows of runs, samplers and results, and while work is done."""

import base64
import io
import logging
import re
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image

import ganvas
from conftest import draw
from ganvas.base import progress
from ganvas.base.logs import in_notebook, quiet_start
from ganvas.errors import RunError
from ganvas.images import inline
from refusals import refuses


@pytest.fixture(scope="module")
def run(few_steps, tmp_path_factory):
    values = few_steps | {"train.kimg": 0.128, "data.clusters": 0}
    folder = tmp_path_factory.mktemp("notebook") / "run <b>"
    return ganvas.train(draw(40), "quick", run=folder, overrides=values, progress=False)


def pictures(html):
    """The pictures in HTML."""
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def test_a_run_and_its_sampler_show_facts_and_a_picture(run):
    html = run._repr_html_()
    for text in ("finished", "quick", "16x16x1", "0, 1", "0.128 of 0.128", "run &lt;b&gt;"):
        assert text in html
    (picture,) = pictures(html)
    assert picture.width <= inline.WIDTH and "run <b>" not in html
    html = run.sampler()._repr_html_()
    assert "16x16x1" in html and len(pictures(html)) == 1
    # Generated images say so.
    content = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    assert b"trainedAlgorithmicMedia" in content


def test_methods_of_a_run(run, monkeypatch):
    np.testing.assert_array_equal(run.sample(3, label=1), ganvas.load(run).sample(3, label=1))
    assert run.show(4).size == (306, 306)
    figure = run.plot()
    assert [one.get_title() for one in figure.axes] == ["losses", "logits"]
    assert figure._repr_png_()[:4] == b"\x89PNG"
    assert run.plot("kimg", "real").axes[0].get_legend_handles_labels()[1] == ["kimg", "real"]
    with refuses(RunError, "generators", "generator"):
        run.plot("generators")
    with refuses(RunError, "signals"):
        run.doctor()
    for name in ("evaluate", "export", "resume"):
        monkeypatch.setattr(ganvas, name, lambda *words, name=name, **more: (name, words, more))
    run.custom_objects = {"Own": dict}
    assert run.evaluate(n=100) == ("evaluate", (run, None), {"n": 100})
    assert run.export("m", formats=["onnx"]) == ("export", (run, "m"), {"formats": ["onnx"]})
    assert run.resume(data=1)[2] == {"data": 1, "custom_objects": {"Own": dict}}


def test_a_damaged_run_is_shown_as_damaged(run, tmp_path):
    assert "is not a run" in ganvas.Run(tmp_path)._repr_html_()
    (tmp_path / "config.toml").write_text("x = <")
    assert "config.toml is damaged" in ganvas.Run(tmp_path)._repr_html_()


def test_texts_are_escaped():
    html = inline.card("<script>", [("a", "\x1b[0m&\n"), ("left out", "")], None)
    assert "<script" not in html and "\x1b" not in html and "left out" not in html
    assert "\\x1b[0m&amp;\\n" in html


def test_a_run_needs_neither_matplotlib_nor_pillow():
    code = (
        "import sys, ganvas; ganvas.Run('x'); "
        "sys.exit(not {'matplotlib', 'PIL', 'keras', 'IPython'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


class Handle:
    display_id = "1"


@pytest.fixture
def notebook(monkeypatch):
    """The outputs of a cell, of a kernel that is none."""
    outputs = []
    shell = types.ModuleType("IPython")
    shell.get_ipython = lambda: types.SimpleNamespace(kernel=1)
    place = types.ModuleType("IPython.display")

    def display(data, raw, display_id, update):
        assert raw and update == (display_id == "1")
        outputs.append(data)
        return None if update else Handle()

    place.display = display
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", place)
    return outputs


def test_progress_is_an_output_and_not_an_error(notebook, capfd):
    assert in_notebook()
    with progress.reporting(always=True):
        progress.say("data <b>")
        logging.getLogger("ganvas").warning("careful")
        with progress.stage("reading", 4, "images") as work:
            work.kept, work.picture = True, lambda: ("1", "<img>")
            work.advance(3)
    assert capfd.readouterr() == ("", "")
    last = [one for one in notebook if "data" in one["text/plain"]][-1]
    assert last["text/plain"].split("\n")[:2] == ["data <b>", "note: careful"]
    assert "data &lt;b&gt;" in last["text/html"] and "3/4 images" in last["text/plain"]
    assert [one for one in notebook if one["text/html"] == "<img>"] == [
        {"text/plain": "1", "text/html": "<img>"}
    ]


def test_the_start_of_tensorflow_is_held_back_in_a_notebook(notebook, monkeypatch, capfd):
    import os

    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    with quiet_start():
        os.write(2, b"oneDNN custom operations are on\n")
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ
    with pytest.raises(ImportError), quiet_start():
        os.write(2, b"why\n")
        raise ImportError
    assert capfd.readouterr() == ("", "why\n")
