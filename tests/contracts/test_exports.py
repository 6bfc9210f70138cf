"""Every recipe's generator leaves the house as it is: SavedModel and LiteRT files give its images,
with labels and without."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from ganvas.config import load_recipe, recipe_names
from ganvas.config.build import build
from ganvas.exporting import litert, runners, saved_model
from ganvas.exporting.artefacts import caller
from ganvas.gan.networks import DCGAN, NETWORKS, Networks, Textbook
from ganvas.images import read, to_uint8
from ganvas.sampling.sampler import Exported
from ganvas.storage.manifest import ONNX

SMALL = {
    "dcgan": {"width": 8, "max_width": 16, "noise": 8},
    "resnet": {"width": 8, "max_width": 16, "noise": 8},
    "r3gan": {"width": 16, "max_width": 16, "group": 8, "noise": 8},
    "texture": {"width": 4, "max_width": 8, "local": 3, "overall": 2, "levels": 2},
}
SHARES = [0.5, 0.3, 0.2]


def networks_of(recipe):
    given = load_recipe(recipe).networks
    spec = {"name": given} if isinstance(given, str) else dict(given)
    return build("networks", spec | SMALL.get(spec["name"], {}), NETWORKS, Networks)


WORDS = ("norm", "condition", "attention", "full_size")
"""Arguments that give a generator layers of other kinds."""


def generators():
    """Recipes whose networks are of kinds of their own, and classes; of those that take labels, the
    generators without are left to `make proof`: they have the same layers but for the labels'."""
    seen = set()
    for recipe in recipe_names():
        own = networks_of(recipe)
        key = (type(own), *(getattr(own, word, "") for word in WORDS))
        if key not in seen:
            seen.add(key)
            labels = not isinstance(own, Textbook)
            marks = pytest.mark.proof if labels else ()
            yield pytest.param(recipe, 0, marks=marks)
            if labels:
                yield recipe, 3


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def drawn(generator, count=6):
    """Noise, labels, and weights moved from where they start: some begin at zero."""
    rng = np.random.default_rng(0)
    for weight in generator.trainable_weights:
        weight.assign(weight + 0.05 * rng.standard_normal(weight.shape))
    noise = rng.standard_normal((count, generator.input["noise"].shape[-1])).astype(np.float32)
    labels = rng.integers(0, 3, count).astype(np.int32) if "label" in generator.input else None
    return noise, labels


@pytest.mark.parametrize(("recipe", "classes"), list(generators()))
def test_files_give_the_generators_images(recipe, classes, tmp_path):
    networks = networks_of(recipe)
    shape = (16, 16, 1) if isinstance(networks, DCGAN | Textbook) else (10, 14, 1)  # deep enough
    generator = networks.generator(shape, classes)
    noise, labels = drawn(generator)
    expected = caller(generator)(noise, labels)
    assert expected.std() > 0.01
    saved_model.write(generator, {"serving_default": saved_model.predictor(generator)}, tmp_path)
    assert_plain(tmp_path)
    found = caller(Exported(tmp_path))(noise, labels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)

    path = tmp_path / "model.tflite"
    path.write_bytes(litert.convert(generator, "float32", noise, labels))
    file = runners.LiteRT(path)
    np.testing.assert_allclose(file(noise, labels), expected, atol=1e-4)
    assert (file.delegates, file.outside) == (1, ["GATHER"] if classes else [])


def assert_plain(folder):
    """No Python and no XLA within the graph: a server has neither."""
    graph = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for one in graph.meta_graphs[0].graph_def.library.function:
        assert not one.attr["_XlaMustCompile"].b
        assert not {node.op for node in one.node_def} & {"PyFunc", "EagerPyFunc", "XlaLaunch"}


with_labels = pytest.mark.parametrize("classes", [pytest.param(0, marks=pytest.mark.proof), 3])
"""What without labels is the same but for an input is left to `make proof`."""


@with_labels
def test_a_session_runs_it_as_tensorflow_serving_does(exports, classes):
    _, model, folder = exports(classes)
    assert_plain(folder)
    takes = {"num_images": 3, "seed": [1, 2], "truncation": 1.0, "label": -1}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
        signature = graph.signature_def["generate"]
        given = {info.name: takes[name] for name, info in signature.inputs.items()}
        found = session.run(signature.outputs["image_bytes"].name, given)
    assert found.tolist() == pngs(model, 3)


def test_each_variable_is_stored_once(exported):
    generator, _, folder = exported
    stored = sum(path.stat().st_size for path in (folder / "variables").iterdir())
    assert stored < 1.1 * generator.count_params() * 4 + 2000


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """(classes) -> a generator, its SavedModel, and the folder; each is made once."""

    @functools.cache
    def export(classes):
        generator = NETWORKS["dcgan"](**SMALL["dcgan"]).generator((16, 20, 3), classes)
        drawn(generator)
        folder = tmp_path_factory.mktemp("export") / "1"
        saved_model.save(generator, SHARES[:classes], folder)
        return generator, tf.saved_model.load(folder), folder

    return export


@pytest.fixture(params=[0, 3], ids=["no labels", "labels"])
def exported(exports, request):
    return exports(request.param)


def pngs(model, n, seed=(1, 2), truncation=1.0, label=-1):
    generate = model.signatures["generate"]
    given = {"num_images": n, "seed": seed, "truncation": truncation, "label": label}
    takes = generate.structured_input_signature[1]
    return generate(**{k: tf.constant(given[k]) for k in takes})["image_bytes"].numpy().tolist()


@with_labels
def test_generate_depends_on_the_seed_alone(exports, classes):
    _, model, folder = exports(classes)
    all_ = pngs(model, 21)
    assert len(all_) == len(set(all_)) == 21
    assert pngs(tf.saved_model.load(folder), 21) == all_
    for fewer in (1, 8, 9):
        assert pngs(model, fewer) == all_[:fewer]
    assert pngs(model, 3, seed=(1, 3)) != all_[:3]
    assert pngs(model, 3, truncation=0.5) != all_[:3]
    pictures = [read(png) for png in all_]
    assert {picture.shape for picture in pictures} == {(16, 20, 3)}


def test_generate_follows_labels_and_their_shares(exports):
    _, model, _ = exports(3)
    by_label = {label: pngs(model, 300, label=label) for label in (0, 1, 2)}
    as_trained = pngs(model, 300)
    shares = [np.mean([a == b for a, b in zip(as_trained, by_label[k], strict=True)])
              for k in by_label]  # fmt: skip
    np.testing.assert_allclose(shares, SHARES, atol=0.1)
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"n": 0}, "num_images must be 1 to 1024, got 0"),
        ({"n": 1025}, "num_images must be 1 to 1024, got 1025"),
        ({"n": 1, "truncation": 0.0}, "truncation must be > 0 and <= 2, got 0"),
        ({"n": 1, "label": 3}, "label must be 0 to 2 or -1 .*, got 3"),
        ({"n": 1, "label": -2}, "label must be 0 to 2 or -1 .*, got -2"),
    ],
)
def test_generate_refuses(exported, words, sentence):
    generator, model, _ = exported
    if "label" in words and "label" not in generator.input:
        pytest.skip("no labels")
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        pngs(model, **words)


def test_png_pixels_are_the_generators():
    """What `generate` encodes is what `images.to_uint8` makes of the same floats."""
    from ganvas import images

    floats = np.linspace(-1.01, 1.01, 16 * 20 * 3).reshape(1, 16, 20, 3).astype(np.float32)
    png = images.to_png(tf.constant(floats)).numpy()[0]
    np.testing.assert_array_equal(read(png), to_uint8(floats)[0])


def test_signatures_have_the_names_that_clients_use(exported):
    generator, model, _ = exported
    label = {"label"} & set(generator.input)
    assert set(model.signatures) == {"serving_default", "generate", "generate_from"}
    takes = model.signatures["serving_default"].structured_input_signature[1]
    assert set(takes) == {"z"} | label
    assert takes["z"].shape.as_list() == [None, 8]
    images = model.signatures["serving_default"].structured_outputs["images"]
    assert (images.dtype, images.shape.as_list()) == (tf.float32, [None, 16, 20, 3])
    takes = model.signatures["generate"].structured_input_signature[1]
    assert set(takes) == {"num_images", "seed", "truncation"} | label
    takes = model.signatures["generate_from"].structured_input_signature[1]
    assert set(takes) == {"first", "num_images", "seed", "truncation"} | label


def test_parts_have_the_bytes_of_the_whole(exported):
    generator, model, _ = exported
    given = {"seed": tf.constant([1, 2]), "truncation": tf.constant(1.0)}
    given |= {"label": tf.constant(-1)} if "label" in generator.input else {}
    whole = model.signatures["generate"](num_images=tf.constant(21), **given)["image_bytes"].numpy()
    for first, count in ((0, 8), (8, 8), (5, 9), (20, 1)):
        part = {"first": tf.constant(first), "num_images": tf.constant(count)}
        files = model.signatures["generate_from"](**part, **given)["image_bytes"].numpy()
        np.testing.assert_array_equal(files, whole[first : first + count])
    with pytest.raises(tf.errors.InvalidArgumentError, match="first must be 0 to"):
        part["first"] = tf.constant(-1)
        model.signatures["generate_from"](**part, **given)


def test_warmup_is_what_tensorflow_serving_reads(exported):
    generator, model, folder = exported
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    (record,) = tf.data.TFRecordDataset(str(folder / saved_model.WARMUP)).as_numpy_iterator()
    log = logs.PredictionLog.FromString(record)
    assert log.WhichOneof("log_type") == "predict_log"
    request = log.predict_log.request
    assert request.model_spec.signature_name == "serving_default"
    given = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in request.inputs.items()}
    assert set(given) == {"z"} | ({"label"} & set(generator.input))
    assert model.signatures["serving_default"](**given)["images"].shape == (1, 16, 20, 3)


def kinds():
    """Each kind with labels or without, in turns; the others are left to `make proof`."""
    for number, kind in enumerate(litert.KINDS):
        for classes in (0, 3):
            kept = bool(classes) == number % 2
            yield pytest.param(kind, classes, marks=() if kept else pytest.mark.proof)


@pytest.mark.parametrize(("kind", "classes"), list(kinds()))
def test_every_kind_of_file_runs(kind, classes, exports, tmp_path):
    generator, _, _ = exports(classes)
    noise, labels = drawn(generator, 32)
    expected = caller(generator)(noise, labels)
    path = tmp_path / litert.file_name(kind)
    path.write_bytes(litert.convert(generator, kind, noise, labels))
    found = runners.LiteRT(path)(noise, labels)
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    assert np.isfinite(found).all()
    most = {"float32": 1e-4, "float16": 0.02, "dynamic": 0.2, "int8": 0.5}[kind]
    assert np.abs(found - expected).max() < most
    assert np.sqrt(np.square(found - expected).mean()) < most / 3


def test_int8_is_small_and_one_delegate_takes_all_of_it(tmp_path):
    """The textbook DCGAN, whose weights are what a file of its kind is made of."""
    generator = NETWORKS["textbook"]().generator((16, 16, 1))
    noise, _ = drawn(generator, 8)
    sizes = {}
    for kind in ("float32", "int8"):
        path = tmp_path / litert.file_name(kind)
        path.write_bytes(litert.convert(generator, kind, noise, None))
        sizes[kind] = path.stat().st_size
        assert runners.LiteRT(path).delegates == 1
    assert sizes["int8"] <= 0.3 * sizes["float32"]


def test_onnx_gives_the_generators_images(exported, tmp_path):
    for name in ("tf2onnx", "onnxruntime"):
        pytest.importorskip(name)
    import onnx as library

    from ganvas.exporting import onnx, runners

    generator, _, _ = exported
    noise, labels = drawn(generator)
    onnx.convert(generator, tmp_path / ONNX)
    model = library.load(tmp_path / ONNX)
    library.checker.check_model(model)
    assert [one.version for one in model.opset_import if not one.domain] == [onnx.OPSET]
    found = runners.ONNX(tmp_path / ONNX)(noise, labels)
    np.testing.assert_allclose(found, caller(generator)(noise, labels), atol=1e-4)
