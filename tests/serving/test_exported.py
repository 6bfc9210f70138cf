"""What `ganvas export` wrote, and the graph of a detector, served over both protocols."""

import numpy as np
import pytest

import ganvas
from ganvas.errors import UsageError
from refusals import refuses


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The sampler of an untrained run with labels, and the folder of its versions."""
    import keras

    from ganvas.config import load_recipe
    from ganvas.gan.networks import DCGAN
    from ganvas.storage.run import Run

    root = tmp_path_factory.mktemp("exported")
    keras.utils.set_random_seed(0)
    generator = DCGAN(noise=8, width=4, max_width=8, embedding=4).generator((16, 16, 1), 2)
    run = Run.create(root / "run", "", load_recipe("quick").with_values({"export.images": 100}))
    facts = {"shape": [16, 16, 1], "names": ["1", "cat"], "class_shares": [0.5, 0.5]}
    run.write_json("run.json", {"data": facts})
    run.save_model(1, generator)
    ganvas.export(run, root / "bars", formats=["saved_model"])
    return ganvas.load(run), root / "bars"


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """The scorer of a detector that has learnt nothing, and the folder of its SavedModel."""
    import keras
    import tensorflow as tf

    from ganvas.gan.model import GAN
    from ganvas.kits.defects import encoder, feature_parts, fitting, folder, training
    from ganvas.kits.defects.moves import MOVES
    from ganvas.training.assembly import parts_of

    keras.utils.set_random_seed(0)
    sizes = {"networks.width": 4, "networks.discriminator_width": 4, "networks.max_width": 8}
    parts, shape, moves = parts_of(training.recipe(1, 0, sizes)), (16, 16, 1), len(MOVES)
    models = parts.networks.generator(shape, moves), parts.networks.discriminator(shape, moves)
    gan = GAN(*models, parts.loss)
    patches = np.random.default_rng(0).integers(0, 256, (12, *shape)).astype(np.uint8)
    frozen = fitting.Frozen(shape, 128)
    features = fitting.FeatureParts(frozen, feature_parts.fit(frozen, patches, 0))
    pixels = fitting.PixelParts(fitting.PixelParts.fit(patches))
    densities = fitting.GanParts.fit(gan, patches)
    trained = fitting.GanParts(gan, encoder.network(shape, gan.noise_size), densities)
    scorer = fitting.Scorer(fitting.Grid((16, 16)), features, pixels, [20], trained)
    scorer.use(["position", "nearest", "moves"])
    module, functions = folder._module(scorer, shape)
    place = tmp_path_factory.mktemp("detector") / "plates"
    name = "serving_default"
    tf.saved_model.save(module, str(place / "1"), signatures={name: functions[name]})
    return scorer, place


@pytest.fixture(scope="module")
def running(exported, detector, serve):
    from ganvas.serve.config import Entry

    with serve([Entry("bars", exported[1]), Entry("plates", detector[1])]) as running:
        yield running


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_served_images_are_those_of_the_run(exported, protocol, running):
    sampler, _ = exported
    with ganvas.Client(getattr(running, protocol), "bars") as client:
        z = np.random.default_rng(0).normal(size=(6, sampler.noise_size)).astype(np.float32)
        labels = np.arange(6) % 2
        floats = client.predict(z, labels)
        drawn = client.generate(8, label=1, seed=3)
        mixed = client.generate(8, seed=3)
    wanted = sampler.decode(z, labels)
    served = ganvas.images.to_uint8(floats)
    assert np.abs(served.astype(int) - wanted).max() <= 1
    assert drawn.shape == mixed.shape == (8, 16, 16, 1) and drawn.dtype == np.uint8
    assert drawn.std() > 0 and (drawn != mixed).any()


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_classes_are_chosen_by_name_or_index(exported, protocol, running):
    """With one rule in Python, on the server and in its client: "1" is the name of class 0."""
    sampler, _ = exported
    with ganvas.Client(getattr(running, protocol), "bars") as client:
        assert client.names == sampler.names == ["1", "cat"]
        assert [(one.name, one.names) for one in client.models()] == [
            ("bars", ("1", "cat")), ("plates", ()),
        ]  # fmt: skip
        for label in ("1", "cat", "0", 0, 1):
            wanted = client.generate(3, label=sampler.index(label), seed=3)
            np.testing.assert_array_equal(client.generate(3, label=label, seed=3), wanted)
        z = np.zeros((2, sampler.noise_size), np.float32)
        np.testing.assert_array_equal(client.predict(z, ["1", "cat"]), client.predict(z, [0, 1]))
        np.testing.assert_array_equal(client.predict(z, "cat"), client.predict(z, 1))
        with refuses(UsageError, "'dog'", "cat"):
            client.generate(1, label="dog")
    with ganvas.Client(getattr(running, protocol), "plates") as client:
        assert client.names == []


def test_the_metadata_and_the_page_name_the_classes(running):
    answer = running.ask("GET", "/v1/models/bars/metadata").json
    assert answer["metadata"]["names"] == ["1", "cat"]
    assert "names" not in running.ask("GET", "/v1/models/plates/metadata").json["metadata"]
    assert "classes 0 1, 1 cat" in running.ask("GET", "/docs").body.decode()


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_detector_answers_as_it_does_at_home(protocol, running, detector):
    """Of a detector that was fitted, see tests/e2e/test_defects.py."""
    scorer, _ = detector
    images = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 1)).astype(np.uint8)
    with ganvas.Client(getattr(running, protocol), "plates") as client:
        served = client.ask(image=images)
    wanted = {name: value.numpy() for name, value in scorer(images).items()}
    assert set(served) == {"score", "p_value", "defective", "heatmap"}
    assert np.abs(served["score"] - wanted["score"]).max() <= 1e-5
    assert np.abs(served["p_value"] - wanted["p_value"]).max() <= 1e-6
    assert (served["defective"] == wanted["defective"]).all()
    assert served["heatmap"].shape == (3, 16, 16)
    np.testing.assert_allclose(served["heatmap"], wanted["heatmap"], rtol=1e-4, atol=1e-5)
