"""A Keras file of a stranger: it is refused before Keras sees it, or it only computes."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from ganvas.base import arrays, keras_files
from ganvas.base.keras_files import read_keras
from ganvas.errors import ModelError
from refusals import refuses


@keras.saving.register_keras_serializable("strangers")
class Own(layers.Layer):
    def call(self, x):
        return 2 * x


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A model with the kinds of objects that Keras files hold, and its file."""
    inner = keras.Sequential(
        [keras.Input((8, 8, 2)), layers.Conv2D(2, 3, kernel_regularizer="l2", activation="gelu")]
    )
    inner.compile(keras.optimizers.Adam(), "mse", ["accuracy", keras.metrics.MeanSquaredError()])
    inner.optimizer.build(inner.trainable_variables)
    inputs = keras.Input((8, 8, 3))
    x = keras.ops.stack([inputs * 2.0 - 1.0, inputs], axis=-1)[..., 0]
    x = layers.Conv2D(2, 3, padding="same", kernel_initializer=keras.initializers.HeNormal(1))(x)
    x = layers.Dropout(0.1)(layers.Activation("swish")(layers.BatchNormalization()(x)))
    x = layers.GlobalAveragePooling2D()(inner(x))
    x = layers.SpectralNormalization(layers.Dense(2, kernel_constraint="max_norm"))(Own()(x))
    model = keras.Model(inputs, keras.ops.relu(x))
    model.compile("adam", "mse")
    path = tmp_path_factory.mktemp("keras") / "honest.keras"
    model.save(path)
    return model, path


def test_honest_files_are_read(honest, tmp_path):
    model, path = honest
    x = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    np.testing.assert_array_equal(read_keras(path)(x), model(x))
    old = keras.Sequential([keras.Input((3,)), layers.Dense(3, "relu", kernel_regularizer="l2")])
    old.save(tmp_path / "old.h5")
    np.testing.assert_array_equal(read_keras(tmp_path / "old.h5")(x[0, 0]), old(x[0, 0]))


def changed(path, to, **members):
    """A copy of a Keras file with other contents of members: bytes, or a function of the config."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = members.pop(name.partition(".")[0], old.read(name))
            if callable(content):
                content = json.dumps(content(json.loads(old.read(name))))
            new.writestr(name, content)
        for name, content in members.items():
            new.writestr(name, content)
    return to


def layer(**values):
    """Changes the config: its first layer gets these values; `config` is added to its own."""

    def change(config):
        first = config["config"]["layers"][1]
        first["config"] = {**first["config"], **values.pop("config", {})}
        first.update(values)
        return config

    return change


FUNCTION = {"class_name": "function", "registered_name": "x"}
OBJECTS = {
    "a module": layer(module="os", class_name="system", registered_name=None),
    "a function": layer(module="keras.utils", class_name="get_file", registered_name=None),
    "a path": layer(module="keras", class_name="utils.get_file", registered_name=None),
    "Lambda": layer(module="keras.layers", class_name="Lambda"),
    "hidden Lambda": layer(module="keras", class_name="layers.Lambda", registered_name=None),
    "old Lambda": lambda config: [
        one.pop("module") for one in config["config"]["layers"]
    ] and layer(class_name="Lambda")(config),
    "vocabulary": layer(
        module="keras.layers", class_name="TextVectorization", config={"vocabulary": "/etc/passwd"}
    ),
    "SavedModel": layer(module="keras.layers", class_name="TFSMLayer", config={"filepath": "x"}),
    "data set": layer(module="keras.datasets.mnist", class_name="load_data"),
    "code": layer(config={"activation": {"class_name": "__lambda__", "config": {"value": "x"}}}),
    "a type": layer(config={"dtype": {"class_name": "__typespec__", "spec_name": "x"}}),
    "an activation": layer(
        config={"activation": {**FUNCTION, "module": "keras.utils", "config": "get_file"}}
    ),
    "a helper": layer(
        config={"activation": {**FUNCTION, "module": "keras.activations", "config": "deserialize"}}
    ),
    "no word": layer(class_name=["Lambda"]),
    "a huge text": layer(
        config={"x": {"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "S20000000"}}}
    ),
    "an unknown layer": layer(module="somebody.layers", class_name="Own", registered_name="a>Own"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_that_do_more_than_compute(kind, honest, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.saving, "load_model", lambda *a, **b: pytest.fail("Keras saw it"))
    path = changed(honest[1], tmp_path / "x.keras", config=OBJECTS[kind])
    with refuses(ModelError, "x.keras", "it"):
        read_keras(path)


def hdf5(**datasets):
    """An HDF5 file of numbers, of links, or as a function makes it."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, value in datasets.items():
            if callable(value):
                value(file, name)
            else:
                file[name] = value
    return content.getvalue()


def bomb(file, name):
    file.create_dataset(name, (2**27,), "f4", chunks=(2**20,), compression="gzip")


WEIGHTS = {
    "a link": hdf5(x=h5py.ExternalLink("/etc/passwd", "x")),
    "a soft link": hdf5(x=h5py.SoftLink("/y")),
    "another file": hdf5(
        x=lambda file, name: file.create_dataset(name, (1,), external=[("/etc/passwd", 0, 4)])
    ),
    "texts": hdf5(x=np.array(["a"], object)),
    "a bomb": hdf5(x=bomb),
    "no HDF5": b"x",
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_that_are_not_in_the_file(kind, honest, tmp_path):
    path = changed(honest[1], tmp_path / "x.keras", model=WEIGHTS[kind])
    with refuses(ModelError, "x.keras"):
        read_keras(path)


def test_more_weights_than_the_file_holds(honest, tmp_path, monkeypatch):
    made = []
    initialise = keras.initializers.HeNormal.__call__
    monkeypatch.setattr(
        keras.initializers.HeNormal, "__call__",
        lambda self, shape, dtype=None: made.append(shape) or initialise(self, shape, dtype),
    )  # fmt: skip
    for filters in (10**9, 50_000):
        path = changed(honest[1], tmp_path / "x.keras", config=wide(filters))
        with refuses(ModelError, "more weights than its file holds"):
            read_keras(path)
    assert not made, "no weight is computed before it is counted"


def wide(filters):
    def change(config):
        for one in config["config"]["layers"]:
            if one["class_name"] == "Conv2D":
                one["config"]["filters"] = filters
        return config

    return change


ARCHIVES = {
    "assets": {"assets/x": b"x"}, "outside": {"../x": b"x"}, "no JSON": {"config": b"{"},
    "deep": {"config": b"[" * 10**5}, "a list": {"config": b"[]"},
    "no model": {"config": b'{"class_name": "Functional"}'},
    "large": {"config": b" " * (2**24 + 1)}, "bomb": {"metadata": b" " * (2**28 + 1)},
}  # fmt: skip


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_that_are_no_keras_file(kind, honest, tmp_path):
    path = changed(honest[1], tmp_path / "x.keras", **ARCHIVES[kind])
    with refuses(ModelError, "x.keras"):
        read_keras(path)


def test_other_files(tmp_path, honest, monkeypatch):
    (tmp_path / "x.keras").write_bytes(b"x")
    for name in ("x.keras", "y.keras"):
        with refuses(ModelError, name):
            read_keras(tmp_path / name)
    monkeypatch.setattr(keras_files, "LARGEST", 1000)
    with refuses(ModelError, "2 GiB"):
        read_keras(honest[1])


def test_the_rule_of_unpacking(tmp_path):
    assert arrays.check_expansion("x", 2**28, 0) is None
    assert arrays.check_expansion("x", 2**30, 2**24) is None
    for unpacked, stored in ((2**28 + 1, 1000), (2**40, 2**33)):
        with pytest.raises(ValueError, match="unpacks from"):
            arrays.check_expansion("x", unpacked, stored)
    path = tmp_path / "x.npz"
    for name, content in (
        ("declared.npy", npy("(1000000000000,)") + b"1234"),
        ("other.npy", b"1234"),
    ):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(name, content)
        with pytest.raises(ValueError), arrays.open_npz(path):
            pass
        path.with_suffix(".npy").write_bytes(content)
        with pytest.raises(ValueError):
            arrays.map_npy(path.with_suffix(".npy"))
    np.savez(path, a=np.arange(6).reshape(2, 3), b=np.zeros(0))
    with arrays.open_npz(path) as found:
        assert found["a"].sum() == 15 and found["b"].size == 0


def npy(shape, kind="<f4"):
    """The header of a .npy file."""
    file = io.BytesIO()
    header = {"descr": kind, "fortran_order": False, "shape": eval(shape)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()
