"""The same version of a model by each engine: images within a grey level, all else equal."""

import base64
import concurrent.futures
import json
import shutil
import sys
import threading

import numpy as np
import pytest

import ganvas
from ganvas.errors import GanvasError
from ganvas.serve.signatures import FLOAT32
from ganvas.storage import manifest
from refusals import refuses

PREDICT = "/v1/models/bars:predict"


@pytest.fixture(scope="module")
def by_tensorflow(bars, serve):
    from ganvas.serve.config import Entry

    with serve([Entry("bars", bars)], engine="tensorflow") as running:
        yield running


@pytest.fixture(scope="module", params=["litert", "onnx"])
def both(request, bars, serve, by_tensorflow):
    """A server by TensorFlow, and one by another engine."""
    from ganvas.serve.config import Entry

    if request.param == "onnx":
        pytest.importorskip("tf2onnx", reason="the extra: 'ganvas[onnx]'")
    with serve([Entry("bars", bars)], engine=request.param) as other:
        assert other.server.models.find("bars").engine == request.param
        yield by_tensorflow, other


def drawn(running, signature="generate", **inputs):
    values = {"num_images": 5, "seed": [3, 4], "truncation": 0.8, "label": -1, **inputs}
    answer = running.ask("POST", PREDICT, {"signature_name": signature, "inputs": values})
    assert answer.status == 200, answer.json
    files = [base64.b64decode(one["b64"]) for one in answer.json["outputs"]]
    return np.stack([ganvas.images.read(file) for file in files]).astype(int)


REQUESTS = [
    ("generate", {}), ("generate", {"label": 1}), ("generate", {"num_images": 40}),
    ("generate", {"seed": [-7, 2**31 - 1], "truncation": 2.0}),
    ("generate_from", {"first": 13, "num_images": 3}), ("generate_from", {"first": 2**30}),
]  # fmt: skip


@pytest.mark.parametrize("signature, inputs", REQUESTS)
def test_both_draw_the_same_images(both, signature, inputs):
    one, other = (drawn(running, signature, **inputs) for running in both)
    assert one.shape == other.shape and np.ptp(one) > 1
    assert np.abs(one - other).max() <= 1


def test_images_without_a_label_have_the_shares_of_training(both):
    _, other = both
    many = drawn(other, num_images=60)
    each = np.stack([drawn(other, num_images=60, label=label) for label in range(3)])
    same = (np.abs(each - many).max((2, 3, 4)) == 0).sum(1)
    assert same.sum() == 60 and same[0] > same[1] and same[0] > same[2]


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_both_predict_the_same_images(both, protocol):
    z = np.random.default_rng(0).normal(size=(19, 10)).astype(np.float32)
    found = []
    for running in both:
        with ganvas.Client(getattr(running, protocol), "bars") as client:
            found.append(client.predict(z, np.arange(19) % 3))
            assert client.names == ["a", "b", "c"]
    np.testing.assert_allclose(*found, atol=1e-5)


PATHS = ("", "/bars", "/bars/metadata", "/bars/versions/1", "/bars/versions/2", "/none/metadata")


@pytest.mark.parametrize("path", PATHS)
def test_status_and_metadata_are_equal(both, path):
    one, other = (running.ask("GET", f"/v1/models{path}") for running in both)
    assert one.status == other.status
    assert one.json == other.json


Z, LABEL = [0.1] * 10, [0]
REFUSED = [
    {"instances": [{"z": Z[:3], "label": 0}]}, {"instances": [{"z": Z}]},
    {"instances": [{"z": Z, "label": 0.5}]}, {"inputs": {"z": [Z], "label": 0}},
    *({"signature_name": "generate",
       "inputs": {"num_images": 1, "seed": [1, 2], "truncation": 1, "label": 0, **change}}
      for change in ({"num_images": 0}, {"num_images": 2000}, {"truncation": 0}, {"label": 3},
                     {"label": -2}, {"seed": [1]})),
    {"signature_name": "generate_from", "inputs": {
        "first": -1, "num_images": 1, "seed": [1, 2], "truncation": 1, "label": 0}},
    {"signature_name": "none", "instances": [1]},
]  # fmt: skip


@pytest.mark.parametrize("body", REFUSED, ids=str)
def test_both_refuse_with_the_same_sentence(both, body):
    one, other = (running.ask("POST", PREDICT, body) for running in both)
    assert one.status == other.status == 400
    assert one.json == other.json


@pytest.mark.parametrize("inputs", [{"z": [Z], "label": [3]}, {"z": [Z], "label": [-1]},
                                    {"z": [Z, Z], "label": [0]}])  # fmt: skip
def test_nothing_is_read_out_of_bounds(both, inputs):
    answer = both[1].ask("POST", PREDICT, {"inputs": inputs})
    assert answer.status == 400 and "label" in answer.json["error"]


def test_no_rows_give_no_images(both):
    with ganvas.Client(both[1].grpc, "bars") as client:
        assert client.predict(np.zeros((0, 10)), np.zeros(0, np.int32)).shape == (0, 16, 16, 3)


def test_an_image_does_not_depend_on_the_request(both):
    whole = drawn(both[1], num_images=20)
    parts = [drawn(both[1], "generate_from", first=first, num_images=5) for first in (0, 5, 10, 15)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_concurrent_requests_have_their_own_images(both):
    alone = [drawn(both[1], seed=[seed, 0]) for seed in range(12)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda seed: drawn(both[1], seed=[seed, 0]), range(12)))
    np.testing.assert_array_equal(together, alone)
    assert len(np.unique(np.reshape(alone, (60, -1)), axis=0)) == 60


def test_versions_change_under_load(bars, serve, tmp_path):
    from ganvas.serve.config import Entry

    folder = shutil.copytree(bars, tmp_path / "bars")
    with (
        serve([Entry("bars", folder)], engine="litert", poll_seconds=0.05) as running,
        concurrent.futures.ThreadPoolExecutor(4) as pool,
    ):
        stop = threading.Event()

        def ask_until():
            count = 0
            while not stop.is_set():
                assert drawn(running, num_images=2).shape == (2, 16, 16, 3)
                count += 1
            return count

        asking = [pool.submit(ask_until) for _ in range(4)]
        for number in range(2, 6):
            shutil.copytree(bars / "1", folder / "tmp")
            (folder / "tmp").rename(folder / str(number))
            running.look_again()
        stop.set()
        assert all(one.result(60) for one in asking)
        assert running.server.models._available("bars") == [5]


def test_images_say_that_they_are_generated(both, tmp_path):
    inputs = {"num_images": 1, "seed": [0, 0], "truncation": 1, "label": 0}
    answer = both[1].ask("POST", PREDICT, {"signature_name": "generate", "inputs": inputs})
    (tmp_path / "one.png").write_bytes(base64.b64decode(answer.json["outputs"][0]["b64"]))
    assert ganvas.images.provenance.read(tmp_path / "one.png").generated


def one_artefact(folder, name):
    """The version as `export --formats` writes it with one format."""
    facts = json.loads((folder / "manifest.json").read_text())
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != name:
            path.unlink()
    del facts["files"]
    manifest.write(folder, {**facts, "artefacts": {name: {}}})


def test_a_version_without_a_saved_model(both, bars, serve, tmp_path):
    from ganvas.serve.config import Entry

    folder, engine = shutil.copytree(bars, tmp_path / "bars"), both[1].server.models.find("bars")
    one_artefact(folder / "1", engine.file)
    with serve([Entry("bars", folder)]) as running:
        assert running.server.models.find("bars").engine == engine.engine
        for path in ("/v1/models/bars/metadata", "/v1/models"):
            assert running.ask("GET", path).json == both[0].ask("GET", path).json
        assert np.array_equal(drawn(running), drawn(both[1]))
    with (
        refuses(GanvasError, str(folder)),
        serve([Entry("bars", folder)], engine="tensorflow"),
    ):
        pass


def test_auto_takes_onnx_where_litert_has_no_file(bars, tmp_path, monkeypatch):
    from ganvas.base import extras
    from ganvas.serve.engines.loading import chosen, load

    pytest.importorskip("tf2onnx", reason="the extra: 'ganvas[onnx]'")
    folder = shutil.copytree(bars / "1", tmp_path / "1")
    assert chosen("auto", folder) == "litert"
    facts = json.loads((folder / "manifest.json").read_text())
    del facts["artefacts"][FLOAT32]
    (folder / FLOAT32).unlink()
    manifest.write(folder, facts)
    assert chosen("auto", folder) == "onnx"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not extras.installed("onnxruntime") and chosen("auto", folder) == "tensorflow"
    one_artefact(folder, manifest.ONNX)
    monkeypatch.delitem(sys.modules, "ganvas.base.onnx", raising=False)
    monkeypatch.delitem(sys.modules, "ganvas.serve.engines.onnx", raising=False)
    with refuses(GanvasError, str(folder), "onnxruntime", "'ganvas[onnx]'"):
        load("auto", "bars", 1, folder)


def test_auto_takes_litert_where_its_file_is(bars, gan, serve):
    """Several engines in one process."""
    from ganvas.serve.config import Entry

    with serve([Entry("bars", bars), Entry("gan", gan)]) as running:
        engines = {name: running.server.models.find(name).engine for name in ("bars", "gan")}
        assert engines == {"bars": "litert", "gan": "tensorflow"}
        assert drawn(running).shape == (5, 16, 16, 3)
        metrics = running.ask("GET", "/monitoring/prometheus/metrics").body.decode()
        assert 'runtime="LiteRT"' in metrics
        assert running.ask("GET", "/v2/models/bars").json["platform"] == "litert"


def test_versions_that_litert_refuses(bars, gan, tmp_path):
    from ganvas.serve.engines.litert import LiteRTServable

    with refuses(GanvasError, "litert", "--engine tensorflow"):
        LiteRTServable("gan", 1, gan / "1")
    folder = shutil.copytree(bars / "1", tmp_path / "1")
    (folder / FLOAT32).write_bytes(b"x" * 100)
    with refuses(GanvasError, FLOAT32):
        LiteRTServable("bars", 1, folder)
    facts = json.loads((folder / "manifest.json").read_text())
    for shape, size, file in (([16, 16, 1], 10, FLOAT32), ([16, 16, 3], 9, FLOAT32),
                              ([16, 16, 3], 10, "saved_model.pb")):  # fmt: skip
        content = (bars / "1" / file).read_bytes()
        (folder / FLOAT32).write_bytes(content)
        manifest.write(folder, {**facts, "shape": shape, "noise_size": size})
        with refuses(GanvasError, FLOAT32):
            LiteRTServable("bars", 1, folder)
    manifest.write(folder, {**facts, "class_shares": "abc"})
    with refuses(GanvasError, "--formats litert"):
        LiteRTServable("bars", 1, folder)


def test_interpreters_are_made_when_they_are_needed(bars):
    from ganvas.serve.engines.litert import Pool

    pool = Pool(bars / "1" / FLOAT32, 2)
    with pool.taken() as one, pool.taken() as other:
        assert one is not other
    with pool.taken() as again:
        assert again in (one, other)


def test_versions_that_onnx_refuses(bars, gan, tmp_path):
    pytest.importorskip("onnx", reason="the extra: 'ganvas[onnx]'")
    from ganvas.serve.engines.onnx import ONNXServable

    with refuses(GanvasError, manifest.ONNX, "--formats onnx"):
        ONNXServable("gan", 1, gan / "1")
    folder = shutil.copytree(bars / "1", tmp_path / "1")
    (folder / manifest.ONNX).write_bytes(b"x" * 100)
    with refuses(GanvasError, manifest.ONNX):
        ONNXServable("bars", 1, folder)
    facts = json.loads((folder / "manifest.json").read_text())
    (folder / manifest.ONNX).write_bytes((bars / "1" / manifest.ONNX).read_bytes())
    for shape, size in (([16, 16, 1], 10), ([16, 16, 3], 9)):
        manifest.write(folder, {**facts, "shape": shape, "noise_size": size})
        with refuses(GanvasError, manifest.ONNX, "not the generator"):
            ONNXServable("bars", 1, folder)
