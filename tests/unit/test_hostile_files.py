"""Files that once were not refused as they must be; most were found by tests/e2e/test_fuzz.py."""

import io
import json
import zipfile
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ganvas import images
from ganvas.base import arrays, keras_files
from ganvas.config import load_recipe
from ganvas.data import load
from ganvas.data.preparing import prepare
from ganvas.errors import ConfigError, DataError, ModelError, RunError, UsageError
from ganvas.sampling import sampler
from ganvas.storage.job import REQUEST, recall, request_of
from ganvas.storage.run import Run
from ganvas.training.callbacks import restore, state_of
from refusals import refuses


def test_other_formats_under_the_name_of_an_image(tmp_path):
    """Pillow's reader of EPS would start Ghostscript."""
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path, "eps")
    for file in (path, path.read_bytes()):
        for read in (images.probe, images.read):
            with refuses(DataError, "PostScript, not an image"):
                read(file)


def test_images_of_sixteen_bits_take_little_memory(tmp_path):
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(every).save(tmp_path / "a.png")
    read = images.read(tmp_path / "a.png")[..., 0]
    np.testing.assert_array_equal(read, (every.astype(int) + 128) // 257)


def npy(header):
    line = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line


DAMAGED = {
    "no array": ("x.npy", b"other"),
    "open bracket": ("x.npy", npy("{'descr': '|u1', (")),
    "not Python": ("x.npy", npy("'\\q' 1 +")),
    "another name": ("x", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999,)}")),
    "text": ("x.txt", b"text"),
}


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.filterwarnings("ignore:invalid escape")
def test_members_that_are_no_arrays(kind, tmp_path):
    """Under another name NumPy would read an array whose size nobody has compared."""
    name, content = DAMAGED[kind]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr(name, content)
    with pytest.raises(ValueError), arrays.open_npz(tmp_path / "a.npz"):
        pass
    with refuses(DataError, "a.npz cannot be read"):
        load(tmp_path / "a.npz")
    (tmp_path / "a.npy").write_bytes(content)
    with refuses(DataError, "a.npy cannot be read"):
        load(tmp_path / "a.npy")


def test_labels_that_are_no_unicode(tmp_path):
    labels = np.full(6, 2**31, np.uint32).view("<U1")
    np.savez(tmp_path / "a.npz", x=np.zeros((6, 4, 4), np.uint8), y=labels)
    with refuses(DataError, "Unicode"):
        load(tmp_path / "a.npz")


def test_states_of_other_types():
    part = SimpleNamespace(variables=[tf.Variable([1.0, 2.0], name="x")])
    none = SimpleNamespace(variables=[])
    game = SimpleNamespace(
        generator=part, discriminator=none, ema_generator=none, generator_optimizer=none,
        discriminator_optimizer=none, parts=[], step=tf.Variable(1),
    )  # fmt: skip
    state = state_of(game)
    restore(game, state)
    for array in (np.array(["a", "b"]), np.array([1j, 2]), np.array([1, 2])):
        with refuses(RunError, "types"):
            restore(game, {**state, "step": np.array(9, np.int32), "generator/000": array})
        assert game.step.numpy() == 1


def test_texts_that_hdf5_reads_for_ever(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL\x01") + 16
    with h5py.File(path) as file:
        keras_files._check_heaps(file, bytes(content))
    content[heap : heap + 16] = bytes(16)
    path.write_bytes(content)
    with refuses(ModelError, "texts"):
        keras_files.read_keras(path)
    many = b"GCOL\x01\0\0\0" + (2**40).to_bytes(8, "little") + (b"\1" + bytes(15)) * 2**15
    with h5py.File(path) as file, pytest.raises(ValueError):
        keras_files._check_heaps(file, many * 5)


INPUTS = ((3, "noise"), (None, "noise"), (3, "z"))


def test_models_that_are_no_generators(tmp_path, few_steps):
    run = Run.create(tmp_path / "run", "", load_recipe("quick").with_values(few_steps))
    facts = {"shape": [4, 4, 1], "names": [], "class_shares": []}
    run.update_info(data=facts)
    z, wide, other = (keras.Input((n,), name=name) for n, name in INPUTS)
    flat = keras.layers.Dense(16)(z)
    drawn = keras.layers.Reshape((4, 4, 1))(flat)
    others = [
        keras.Model(z, drawn),
        keras.Model({"z": other}, keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(other))),
        keras.Model({"noise": z}, flat),
        keras.Model({"noise": z}, {"images": drawn}),
        keras.Model({"noise": z}, keras.layers.Reshape((2, 1, 8))(flat)),
        keras.Model({"noise": wide}, keras.layers.Reshape((4, 4, 1))(wide)),
    ]
    for model in others:
        run.save_model(1, model)
        with refuses(ModelError, "000001.keras is no generator"):
            sampler.load(run)
    run.save_model(1, keras.Model({"noise": z}, drawn))
    assert sampler.load(run).shape == (4, 4, 1)


INDEX = {
    "missing": lambda index: index.pop("shards"),
    "shape": lambda index: index.update(shape=[16]),
    "no list": lambda index: index.update(shape=3),
    "other type": lambda index: index["shards"][0].update(bytes=[]),
    "report": lambda index: index["report"].update(best=1, found={}),
    "count": lambda index: index.update(count=3),
    "names": lambda index: index.update(names=[]),
    "larger": lambda index: index.update(shape=[16, 16, 4]),
}


@pytest.mark.parametrize("kind", INDEX)
def test_indexes_of_packed_images(kind, grey, tmp_path):
    folder = prepare((grey[0][:9], grey[1][:9]), tmp_path / "packed")
    index = json.loads((folder / "index.json").read_text())
    INDEX[kind](index)
    (folder / "index.json").write_text(json.dumps(index))
    with refuses(DataError, "packed"):
        source = load(folder)
        source.pixels(source.rows)


@pytest.mark.parametrize("name", ["offset", "shard", "label", "crc"])
@pytest.mark.parametrize("value", [-1, 10**12, "x"])
def test_arrays_of_packed_images(name, value, grey, tmp_path):
    folder = prepare((grey[0][:9], grey[1][:9]), tmp_path / "packed")
    with np.load(folder / "index.npz") as file:
        found = dict(file)
    found[name] = np.full(found[name].shape, value)
    np.savez(folder / "index.npz", **found)
    with refuses(DataError, "packed"):
        source = load(folder)
        source.pixels(source.rows)


def test_documents(tmp_path):
    run = Run.create(tmp_path / "run", "", load_recipe("quick"))
    run.write_json("best.json", {"model": "x" * 5000})
    with refuses(RunError, "best.json is damaged", "255 bytes"):
        run.model()
    run.update_info(status="running")
    (run.folder / ".lock").unlink()
    assert run.status() == "stopped" and not (run.folder / ".lock").exists()
    for text in ("x = " + "[" * 10**5, f"x = {'1' * 5000}"):
        run.write("config.toml", text)
        for read in (lambda: run.config, lambda: load_recipe(run.folder / "config.toml")):
            with refuses(ConfigError, "config.toml"):
                read()
    for path in (tmp_path / REQUEST, tmp_path / "part.json"):
        path.write_text("[" * 10**5)
    assert request_of(tmp_path) == recall(tmp_path / "part.json", "x") == {}


def test_numbers_that_are_out_of_range(tmp_path):
    pytest.importorskip("tensorflow_serving")
    from ganvas.serve.config import read_models

    path = tmp_path / "models.config"
    path.write_text(f'model_config_list {{ config {{ name: "a" model_type: {2**31} }} }}')
    with refuses(UsageError, "models.config"):
        read_models(path)


def test_images_of_a_served_model_are_counted_behind_the_same_limits():
    pytest.importorskip("prometheus_client")
    from ganvas.serve.metrics import Metrics

    content = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(content, "png")
    large = bytearray(content.getvalue())
    large[16:24] = (60_000).to_bytes(4) * 2
    metrics = Metrics()
    metrics.images("m", "1", {"image_bytes": np.array([bytes(large), b"%!PS-Adobe-3.0"], object)})
    assert 'ganvas_blank_images_total{model_name="m",version="1"} 0.0' in metrics.text().decode()
