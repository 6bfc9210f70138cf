"""Our client, and two that are not ours."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import ganvas
from refusals import refuses


@pytest.fixture(params=["rest", "grpc"])
def url(request, places):
    return places[request.param == "grpc"]


@pytest.fixture
def client(url):
    """Of a model by name; closed with the test."""
    made = []

    def make(*arguments, **options):
        made.append(ganvas.Client(url, *arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_generate(client):
    client = client("gan")
    pictures = client.generate(5, seed=3)
    assert (pictures.shape, pictures.dtype) == ((5, 4, 4, 1), np.uint8)
    np.testing.assert_array_equal(pictures, client.generate(5, seed=3))
    assert (pictures != client.generate(5, seed=4)).any()
    assert client.generate(5, truncation=0.01).std() < pictures.std()


def test_predict(client):
    z = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    pictures = client("gan", version=1).predict(z)
    assert (pictures.shape, pictures.dtype) == ((3, 4, 4, 1), np.float32)
    np.testing.assert_allclose(pictures[:, 0, 0, 0], np.tanh(z.mean(1)), rtol=1e-5)


def test_labels(client):
    client = client("cond")
    zero, two = client.generate(1, label=0), client.generate(1, label=2)
    assert two.mean() > zero.mean()
    z = np.zeros((2, 4))
    np.testing.assert_array_equal(client.predict(z, 1), client.predict(z, [1, 1]))
    assert client.generate(1).shape == (1, 4, 4, 1)


def test_looks(client):
    client = client("gan")
    assert [model.name for model in client.models()] == ["gan", "cond", "types"]
    z = client.metadata()["serving_default"].inputs["z"]
    assert (z.dtype, z.shape) == ("DT_FLOAT", (-1, 4))
    assert z.to_dict() == {"dtype": "DT_FLOAT", "shape": [-1, 4]}


def test_the_only_model_needs_no_name(serve, gan):
    from ganvas.serve.config import Entry

    with serve([Entry("one", gan)]) as running:
        for url in (running.rest, running.grpc):
            with ganvas.Client(url) as client:
                assert client.generate(1).shape == (1, 4, 4, 1)


def test_refusals(client):
    with refuses(ganvas.GanvasError) as error:
        client("none").predict(np.zeros((1, 4)))
    assert error.value.code == "NOT_FOUND"
    with refuses(ganvas.UsageError):
        client().predict(np.zeros((1, 4)))
    with refuses(ganvas.UsageError, "1"):
        client("gan").generate(0)


@pytest.mark.parametrize("url", ["127.0.0.1:8501", "ftp://a:1", "http://host", "grpc://"])
def test_urls(url):
    with refuses(ganvas.UsageError):
        ganvas.Client(url)


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_nobody_there(kind):
    with (
        ganvas.Client(f"{kind}://127.0.0.1:9", "gan", timeout=2) as client,
        pytest.raises(ganvas.GanvasError) as error,
    ):
        client.predict(np.zeros((1, 4)))
    assert error.value.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


PYTHON = os.environ.get("GANVAS_CLIENTS_PYTHON")


@pytest.mark.skipif(not PYTHON, reason="GANVAS_CLIENTS_PYTHON names no interpreter with clients")
def test_clients_that_are_not_ours(places):
    """They cannot be installed beside TensorFlow: an interpreter of their own runs them."""
    script = Path(__file__).parent / "other_clients.py"
    addresses = [url.split("//")[1] for url in places]
    done = subprocess.run(
        [str(PYTHON), str(script), *addresses], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 3
