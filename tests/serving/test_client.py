"""Our client, and two that are not ours."""

import importlib.util

import numpy as np
import pytest

import ganvas


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
    assert [model["name"] for model in client.models()] == ["gan", "cond", "types"]
    z = client.metadata()["serving_default"]["inputs"]["z"]
    assert z == {"dtype": "DT_FLOAT", "shape": [-1, 4]}


def test_the_only_model_needs_no_name(serve, gan):
    from ganvas.serve.config import Entry

    with serve([Entry("one", gan)]) as running:
        for url in (running.rest, running.grpc):
            with ganvas.Client(url) as client:
                assert client.generate(1).shape == (1, 4, 4, 1)


def test_refusals(client):
    with pytest.raises(ganvas.GanvasError, match="Latest\\(none\\)") as error:
        client("none").predict(np.zeros((1, 4)))
    assert error.value.code == "NOT_FOUND"
    with pytest.raises(ganvas.UsageError, match="name one"):
        client().predict(np.zeros((1, 4)))
    with pytest.raises(ganvas.UsageError, match="at least 1"):
        client("gan").generate(0)


@pytest.mark.parametrize("url", ["127.0.0.1:8501", "ftp://a:1", "http://host", "grpc://"])
def test_urls(url):
    with pytest.raises(ganvas.UsageError, match="is no server"):
        ganvas.Client(url)


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_nobody_there(kind):
    with (
        ganvas.Client(f"{kind}://127.0.0.1:9", "gan", timeout=2) as client,
        pytest.raises(ganvas.GanvasError) as error,
    ):
        client.predict(np.zeros((1, 4)))
    assert error.value.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


def absent(name):
    return pytest.mark.skipif(
        importlib.util.find_spec(name) is None, reason=f"{name} is not installed"
    )


Z = np.zeros((2, 4), np.float32)


@absent("ovmsclient")
def test_ovmsclient_grpc(places):
    import ovmsclient

    client = ovmsclient.make_grpc_client(places[1].removeprefix("grpc://"))
    assert client.get_model_status("gan")[1]["state"] == "AVAILABLE"
    assert client.get_model_metadata("cond")["inputs"]["z"]["shape"] == [-1, 4]
    assert client.predict({"z": Z}, "gan").shape == (2, 4, 4, 1)
    with pytest.raises(Exception, match="not found"):
        client.predict({"z": Z}, "none")


@absent("ovmsclient")
def test_ovmsclient_rest(places):
    import ovmsclient

    client = ovmsclient.make_http_client(places[0].removeprefix("http://"))
    assert client.get_model_status("gan")[1]["state"] == "AVAILABLE"
    assert client.get_model_metadata("cond")["inputs"]["z"]["shape"] == [-1, 4]
    assert client.predict({"z": Z}, "gan").shape == (2, 4, 4, 1)


@absent("min_tfs_client")
def test_min_tfs_client(places):
    from min_tfs_client.requests import TensorServingClient
    from min_tfs_client.tensors import tensor_proto_to_ndarray

    host, port = places[1].removeprefix("grpc://").split(":")
    client = TensorServingClient(host, int(port))
    answer = client.predict_request("gan", {"z": Z}, model_version=1)
    assert tensor_proto_to_ndarray(answer.outputs["images"]).shape == (2, 4, 4, 1)
