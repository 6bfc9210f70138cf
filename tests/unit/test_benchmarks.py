"""Numbers in the documentation stand where benchmarks/README.md says; results survive a kill."""

import argparse
import importlib
import json
import re
from pathlib import Path

import keras
import pytest
import tensorflow as tf

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
NAMED_ONLY = {
    ("docs/theory/relativistic.md", "mixtures"), ("docs/theory/relativistic.md", "stacked_mnist"),
    ("docs/theory/packing.md", "mixtures"), ("docs/theory/packing.md", "stacked_mnist"),
    ("docs/theory/minibatch.md", "mixtures"), ("docs/theory/minibatch.md", "collapse"),
    ("docs/decisions/08-scores.md", "metric_intervals"), ("docs/decisions/17-remote.md", "remote"),
    ("docs/decisions/14-patterns.md", "patterns"),
}  # fmt: skip
"""Pages that name a script and quote nothing that its result holds."""

NOT_RUN = {"never_worse", "patterns_marks"}
"""Scripts whose results are still to be published: they need hours, or a quiet machine."""


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.fixture
def store(script, monkeypatch, tmp_path):
    module = script("store")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def flat(path: Path) -> str:
    """A page as one line: a quotation may be broken anywhere."""
    return " ".join(re.sub(r"^# ?", "", path.read_text(), flags=re.M).split())


def test_quotations_stand_in_their_pages(script):
    index, wrong = script("index"), []
    for page, found in index.quotes().items():
        text = flat(ROOT / page)
        for topic, said in found.items():
            for quote in said:
                parts = index.table_rows(topic) if quote == index.TABLE else [quote]
                wrong += [f"{page}: {part}" for part in parts if " ".join(part.split()) not in text]
    assert not wrong


def test_readme_is_what_index_prints(script):
    index = script("index")
    assert index.PAGE.read_text() == index.page(), "python benchmarks/index.py"


def test_each_script_that_measures_has_its_result(script):
    index = script("index")
    texts = {path.stem: path.read_text() for path in BENCHMARKS.glob("*.py")}
    measuring = {name for name, text in texts.items() if re.search(r"run_all\(|store\.add\(", text)}
    assert set(index.topics()) <= measuring
    assert measuring - {"jobs"} - set(index.topics()) <= NOT_RUN
    assert {topic for found in index.quotes().values() for topic in found} <= measuring
    loop = re.search(r"for name in (.*?); do", (ROOT / "Makefile").read_text(), re.S)
    names = loop[1].replace("\\", " ").split()
    assert names[-1] == "index"
    by_hand = {"groups", "metric_parity", "quality_board"}
    assert set(names[:-1]) == set(index.topics()) - by_hand


def test_pages_that_name_a_script_quote_it(script):
    """A Chinese page has the numbers of its English twin, which are held there."""
    index = script("index")
    quoted = {(page, topic) for page, found in index.quotes().items() for topic in found}
    docs = ROOT / "docs"
    pages = [ROOT / "README.md", *(p for p in docs.rglob("*.md") if docs / "zh" not in p.parents)]
    named = {
        (f"{page.relative_to(ROOT)}", topic)
        for page in pages
        for topic in re.findall(r"benchmarks/(\w+)\.py", page.read_text())
        if topic in index.topics()
    }
    assert named - quoted == NAMED_ONLY


def test_paragraphs_of_the_readme_are_covered(script):
    """The numbers stand in the paragraph that names the script, or in the table below it."""
    quotes = script("index").quotes()["README.md"]
    paragraphs = (ROOT / "README.md").read_text().split("\n\n")
    for paragraph, below in zip(paragraphs, [*paragraphs[1:], ""], strict=True):
        text = " ".join(f"{paragraph} {below}".split())
        for topic in re.findall(r"benchmarks/(\w+)\.py", paragraph):
            assert any(quote in text for quote in quotes[topic]), topic


def test_few_files():
    assert len([p for p in (BENCHMARKS / "results").iterdir() if p.is_dir()]) == 0
    assert len(list((BENCHMARKS / "results").iterdir())) < 70


def test_a_line_for_each_result(store):
    store.add("topic", "second", {"value": 0.1})
    store.add("topic", "first", {"value": [1, None]})
    store.add("topic", "second", {"value": 0.2})
    assert store.read("topic") == {"first": {"value": [1, None]}, "second": {"value": 0.2}}
    assert list(store.read("topic")) == ["first", "second"]
    assert store.read("other") == {}
    line = json.loads(store.path_of("topic").read_text().splitlines()[0])
    assert list(line) == ["name", "commit", "date", "result"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", line["date"])


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_half_written_line_is_done_again(store, cut):
    store.add("topic", "one", {"value": 1})
    store.add("topic", "two", {"value": 2})
    path = store.path_of("topic")
    path.write_bytes(path.read_bytes()[:-cut])
    assert store.read("topic") == {"one": {"value": 1}}
    store.add("topic", "two", {"value": 2})
    assert store.read("topic") == {"one": {"value": 1}, "two": {"value": 2}}
    assert len(path.read_text().splitlines()) == 2


def test_runs_that_have_a_line_are_not_played(script, store, monkeypatch):
    played = []

    def play(*words):
        played.append(words)
        return {"words": list(words)}

    jobs = script("jobs")
    monkeypatch.setattr(jobs.keras.backend, "clear_session", lambda: None)
    for part, only in (("0/2", None), ("1/2", "b"), ("0/1", None)):
        options = argparse.Namespace(part=part, only=only)
        rows = jobs.run_all("topic", [("a, one", 0), ("b", 0), ("c", 1)], play, options)
    assert played == [("a, one", 0), ("c", 1), ("b", 0)]
    assert [row["words"] for row in rows] == [["a, one", 0], ["b", 0], ["c", 1]]
    assert list(store.read("topic")) == ["a-one-0", "b-0", "c-1"]


def counted(script, model: keras.Model, batch: int, backward: bool) -> int:
    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=True)
        return tape.gradient(y, [x, *model.trainable_variables]) if backward else y

    x = tf.TensorSpec((batch, *model.input_shape[1:]))
    return script("flops").count(step.get_concrete_function(x).graph)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("layer", "shape", "forward"),
    [
        (keras.layers.Dense(7), (5,), 2 * 3 * 5 * 7),
        (keras.layers.Conv2D(7, 4, strides=2, padding="same"), (8, 8, 5),
         2 * 3 * (4 * 4) * (4 * 4 * 5) * 7),
        (keras.layers.Conv2DTranspose(7, 4, strides=2, padding="same"), (8, 8, 5),
         2 * 3 * (8 * 8 * 5) * (4 * 4) * 7),
        (keras.layers.DepthwiseConv2D(3, padding="same"), (8, 8, 5), 2 * 3 * (8 * 8 * 5) * (3 * 3)),
    ],
    ids=["dense", "conv", "transposed", "depthwise"],
)  # fmt: skip
def test_flops(script, layer, shape, forward, backward):
    """Backward costs the same again for the inputs, and for the weights."""
    image = keras.Input(shape)
    model = keras.Model(image, type(layer).from_config(layer.get_config())(image))
    assert counted(script, model, 3, backward) == forward * (3 if backward else 1)


def test_flops_of_a_projection_head(script):
    """A product of features and an embedding, image by image: 2 N F, whoever stands transposed."""
    image = keras.Input((2, 50))
    one, two = (keras.layers.Flatten()(image[:, i]) for i in (0, 1))
    model = keras.Model(image, keras.layers.Dot(1)([one, two]))
    assert counted(script, model, 3, False) == 2 * 3 * 50
    assert counted(script, model, 3, True) == 3 * 2 * 3 * 50


def test_flops_want_a_size(script):
    graph = tf.function(lambda x: x @ x).get_concrete_function(tf.TensorSpec((None, 4))).graph
    with pytest.raises(ValueError, match="is not known"):
        script("flops").count(graph)
