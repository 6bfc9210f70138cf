"""What a stranger made is read, and runs nothing, leads nowhere, and contacts nobody.

Every attack would leave a mark: a file, or a request to a server of this machine.
"""

import http.server
import io
import json
import shutil
import sys
import threading
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import ganvas
from ganvas.base import saved_models
from ganvas.base.building import building
from ganvas.config import load_recipe
from ganvas.errors import ConfigError, ModelError, RunError, UsageError
from ganvas.exporting import runners
from ganvas.features.files import from_file
from ganvas.kits.patterns.tiles import Tiles
from ganvas.serve.engines.tensorflow import TensorFlowServable
from ganvas.serve.status import Declined
from ganvas.storage import manifest
from ganvas.storage.run import Run
from ganvas.training.assembly import Form, assemble
from ganvas.training.callbacks import state_of
from refusals import refuses

SHAPE = (16, 16, 1)
FACTS = {"shape": list(SHAPE), "names": [], "class_shares": []}
EVIL = "import os, pathlib\npathlib.Path({mark!r}).write_text('imported')\nNetworks = os.system\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory, few_steps):
    """An honest run with a generator and a state; its networks were not trained."""
    config = load_recipe("quick").with_values({**few_steps, "data.size": SHAPE[:2]})
    run = Run.create(tmp_path_factory.mktemp("strangers") / "run", "", config)
    gan, _ = assemble(config, Form(SHAPE, 0))
    run.save_model(1, gan.ema_generator)
    run.save_state(1, state_of(gan))
    run.update_info(status="finished", data={**FACTS, "count": 256, "fingerprint": "x"})
    run.log({"kimg": 1.0, "step": 1, "seconds": 1.0})
    return run.folder


@pytest.fixture
def stranger(made, tmp_path):
    """A copy that an attack may change."""
    return shutil.copytree(made, tmp_path / "run")


@pytest.fixture
def mark(tmp_path):
    """The file that an attack would make."""
    path = tmp_path / "mark"
    yield path
    assert not path.exists(), "the attack was executed"


def refused(done, *parts):
    """One line, exit code 2, and no bug."""
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("note:")]
    assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
    assert "internal error" not in lines[0]
    for part in parts:
        assert str(part) in lines[0]


def rewrite(folder, old, new):
    config = folder / "config.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


# --- parts by dotted names ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["evil:Networks", "subprocess:Popen", "os:system"])
def test_parts_of_a_run_are_not_imported(name, stranger, mark, here, npz, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text(EVIL.format(mark=str(mark)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    rewrite(stranger, 'name = "dcgan"', f'name = "{name}"\nargs = "touch {mark}"\nshell = true')
    with refuses(ConfigError, name):
        ganvas.load_game(stranger)
    with refuses(ConfigError, name):
        Tiles(stranger, ["a"], [(np.zeros(3), np.ones(3))])
    done = here("sample", stranger, "--out", tmp_path / "a.png")
    assert done.returncode == 0, done.stderr
    for words in (["doctor", stranger], ["runs", tmp_path], ["evaluate", stranger, "-n", 64]):
        here(*words)
    assert "evil" not in sys.modules


def test_networks_are_no_larger_than_the_state(stranger):
    assert ganvas.load_game(stranger).generator.count_params()
    rewrite(stranger, "\nwidth = 4", "\nwidth = 4000000")
    rewrite(stranger, "\nmax_width = 8", "\nmax_width = 4000000")
    with refuses(ConfigError, "more weights than its file holds"):
        ganvas.load_game(stranger)


def test_networks_of_a_run_to_begin_from_are_not_called(stranger, mark, here, npz, sets, tmp_path):
    rewrite(stranger, 'name = "dcgan"', 'name = "subprocess:Popen"\nargs = "x"')
    words = ["train", npz, *sets, "--set", "train.kimg=0.016", "--set", "train.tick_kimg=0.016"]
    words += ["--set", "data.labels=false", "--set", "data.clusters=0"]
    done = here(*words, "--from", stranger, "--run", tmp_path / "new")
    assert done.returncode == 2 and "subprocess:Popen is not a Networks" in done.stderr
    assert not (tmp_path / "new").exists()


def test_the_operator_imports_own_layers(stranger, here, tmp_path, monkeypatch):
    (tmp_path / "own_layers.py").write_text(
        "import keras\n@keras.saving.register_keras_serializable('own_layers')\n"
        "class Twice(keras.layers.Layer):\n    def call(self, x):\n        return 2 * x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("ganvas.config.build.operators_modules", [])
    with building():
        noise = keras.Input((8,), name="noise")
        x = keras.layers.Reshape(SHAPE)(keras.layers.Dense(256)(noise))
        scope = {}
        exec((tmp_path / "own_layers.py").read_text(), scope)
        x = keras.layers.Activation("tanh")(scope["Twice"]()(x))
        keras.Model({"noise": noise}, x).save(stranger / "models" / "000001.keras")
    keras.saving.get_custom_objects().pop("own_layers>Twice")
    refused(here("sample", stranger, "--out", tmp_path / "a.png"), "own_layers>Twice", "--import")
    done = here("--import", "own_layers", "sample", stranger, "--out", tmp_path / "a.png")
    assert done.returncode == 0, done.stderr
    refused(here("--import", "no_such_module", "runs", tmp_path), "no_such_module")
    keras.saving.get_custom_objects().pop("own_layers>Twice")


# --- Keras files -------------------------------------------------------------------------------


def first(**values):
    def change(config):
        layer = next(x for x in config["config"]["layers"] if x["class_name"] == "Dense")
        layer["config"].update(values.pop("config", {}))
        layer.update(values)

    return change


BOMB = ("metadata.json", "bomb")
FILES = {
    "module": first(module="os", class_name="system"),
    "function": first(module="keras.utils", class_name="get_file"),
    "Lambda": first(module="keras.layers", class_name="Lambda"),
    "vocabulary": first(
        module="keras.layers", class_name="TextVectorization", config={"vocabulary": "/etc/passwd"}
    ),
    "weights": first(config={"units": 10**9}),
    "a name of ours before a class": first(
        module=None, class_name="StringLookup", registered_name="ganvas>Basis"
    ),
    "a name of ours before a function": first(
        module=None, class_name="deserialize", registered_name="ganvas>Basis"
    ),
}


@pytest.mark.parametrize("kind", [*FILES, "bomb"])
def test_keras_files(kind, stranger, here, tmp_path):
    path = stranger / "models" / "000001.keras"
    content = path.read_bytes()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            text = old.read(name)
            if name == "config.json" and kind in FILES:
                config = json.loads(text)
                FILES[kind](config)
                text = json.dumps(config)
            new.writestr(name, bytes(2**28 + 1) if (name, kind) == BOMB else text)
    refused(here("sample", stranger, "--out", tmp_path / "a.png"), "000001.keras is not read")


def test_attacks_on_another_process(stranger, forked, mark, tmp_path):
    """A run with parts that are programs, a model that writes a file, a Keras file of Lambdas."""
    model = saved(tmp_path / "model" / "1", "write", mark)
    plain = shutil.copytree(stranger, tmp_path / "plain")
    rewrite(stranger, 'name = "dcgan"', f'name = "os:system"\ncommand = "touch {mark}"')
    path = plain / "models" / "000001.keras"
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()}
    config = json.loads(content["config.json"])
    FILES["Lambda"](config)
    content["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as new:
        for name, text in content.items():
            new.writestr(name, text)
    asked = [
        forked("sample", place, "--out", tmp_path / f"{number}.png")
        for number, place in enumerate((stranger, model, plain))
    ]
    codes = [one.wait() for one in asked]
    errors = [one.communicate()[1] for one in asked]
    assert codes == [0, 2, 2], errors  # the first holds a generator, which needs no part
    assert not any("Traceback" in text for text in errors)


# --- SavedModels -------------------------------------------------------------------------------


class Writes(tf.saved_model.experimental.TrackableResource):
    """A resource whose initialiser, which runs when it is loaded, writes a file."""

    def __init__(self, mark):
        super().__init__()
        self._mark = mark

    def _create_resource(self):
        return tf.raw_ops.HashTableV2(key_dtype=tf.int64, value_dtype=tf.int64, shared_name="x")

    def _initialize(self):
        tf.io.write_file(self._mark, "x")


def attack(kind, z, mark):
    if kind == "write":
        tf.io.write_file(mark, "x")
    elif kind == "read":
        return z + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)
    elif kind == "python":
        return tf.py_function(lambda x: Path(mark).write_text("x") and x, [z], tf.float32)
    elif kind == "stateless python":
        return tf.numpy_function(
            lambda x: Path(mark).write_text("x") and x, [z], tf.float32, stateful=False
        )
    elif kind == "debug":
        return tf.raw_ops.DebugIdentity(input=z, debug_urls=[f"file://{mark}"])
    elif kind == "print":
        tf.print("x", output_stream=f"file://{mark}")
    elif kind == "constant":
        return z + tf.reduce_sum(tf.constant(0.0, shape=(2**27,)))
    return z


ATTACKS = ["write", "read", "python", "stateless python", "debug", "print", "constant", "load"]


def saved(folder, kind, mark):
    """A SavedModel with the signature of a generator, and a manifest."""

    def images(z):
        z = attack(kind, z, str(mark))
        return {"images": tf.tile(tf.reduce_mean(z, -1)[:, None, None, None], [1, *SHAPE])}

    module = tf.Module()
    module.scale = tf.Variable(1.0)
    if kind == "load":
        module.resource = Writes(str(mark))
    spec = [tf.TensorSpec([None, 8], tf.float32, "z")]
    module.images = tf.function(images, input_signature=spec, autograph=False)
    tf.saved_model.save(module, str(folder), signatures=module.images)
    mark.unlink(missing_ok=True)
    manifest.write(folder, {**FACTS, "noise_size": 8, "artefacts": {"saved_model": {}}})
    return folder


def test_an_honest_saved_model(here, tmp_path, mark):
    folder = saved(tmp_path / "model" / "1", "none", mark)
    assert here("sample", folder, "--out", tmp_path / "a.png").returncode == 0
    assert TensorFlowServable("x", 1, folder).find("") is not None


@pytest.mark.parametrize("kind", ATTACKS)
def test_saved_models(kind, here, tmp_path, mark):
    folder = saved(tmp_path / "model" / "1", kind, mark)
    refused(here("sample", folder, "--out", tmp_path / "a.png"), "saved_model.pb holds")
    with pytest.raises(Declined, match=r"saved_model\.pb holds") as caught:
        TensorFlowServable("x", 1, folder)
    assert caught.value.code == "DATA_LOSS"


def test_the_functions_that_save_are_called_by_nothing_else(tmp_path, mark):
    path = saved(tmp_path / "model" / "1", "none", mark) / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    library = model.meta_graphs[0].graph_def.library.function
    saver = next(f.signature.name for f in library if "traced_save" in f.signature.name)
    node = next(n for f in library for n in f.node_def if n.attr["f"].func.name)
    node.attr["f"].func.name = saver
    path.write_bytes(model.SerializeToString())
    with refuses(ModelError, "saved_model.pb holds the operation"):
        saved_models.check(path.parent)
    for content in (b"", b"x", model.SerializeToString()[:-20]):
        path.write_bytes(content)
        with refuses(ModelError, "saved_model.pb"):
            saved_models.load(path.parent)


def test_litert_runs_no_operation_of_tensorflow(tmp_path, mark):
    def run(z):
        with tf.control_dependencies(
            [tf.io.write_file(str(mark), tf.strings.as_string(z[0, 0, 0, 0]))]
        ):
            return z + 1

    function = tf.function(run, input_signature=[tf.TensorSpec([1, 4, 4, 3], tf.float32, "z")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS
    ]  # fmt: skip
    path = tmp_path / "x.tflite"
    path.write_bytes(converter.convert())
    assert b"FlexWriteFile" in path.read_bytes()
    with refuses(ModelError, "x.tflite"):
        runners.LiteRT(path)
    with refuses(UsageError, "x.tflite"):
        from_file(path)


def test_onnx_files_hold_their_weights(tmp_path):
    onnx = pytest.importorskip("onnx")
    from ganvas.base.onnx import check

    weights = onnx.numpy_helper.from_array(np.zeros(300, np.float32), "w")
    node = onnx.helper.make_node("Identity", ["w"], ["y"])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [300])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [output], [weights]))
    path = tmp_path / "x.onnx"
    onnx.save(model, path)
    check(path, path.read_bytes())
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    with refuses(ModelError, "x.onnx", "other files"):
        check(path, path.read_bytes())
    path.write_bytes(b"x")
    with refuses(ModelError, "x.onnx"):
        check(path, b"x")


# --- documents, addresses, arrays --------------------------------------------------------------


def test_names_lead_nowhere(stranger, here, tmp_path, mark):
    shutil.copy(stranger / "models" / "000001.keras", tmp_path / "x.keras")
    for name in ("../../x.keras", str(tmp_path / "x.keras"), "..\\x", 3, ["x"]):
        (stranger / "best.json").write_text(json.dumps({"model": name}))
        refused(here("sample", stranger, "--out", tmp_path / "a.png"), "best.json")
    folder = saved(tmp_path / "model" / "1", "none", mark)
    for artefacts in ({"../x.tflite": {}}, ["../x"], 3):
        manifest.write(folder, {**FACTS, "artefacts": artefacts})
        refused(here("bench", folder, "--out", tmp_path / "a.png"), "manifest.json is damaged")


@pytest.mark.parametrize("content", ["[" * 10**5, "[]", '"x"', "{", '{"data": 3}', b"\xff\xfe\xff"])
def test_damaged_documents(content, stranger, here, tmp_path, mark):
    content = content.encode() if isinstance(content, str) else content
    (stranger / "run.json").write_bytes(content)
    refused(here("sample", stranger, "--out", tmp_path / "a.png"), "run.json")
    model = tmp_path / "1"
    model.mkdir()
    (model / "manifest.json").write_bytes(content)
    refused(here("sample", model, "--out", tmp_path / "a.png"), "manifest.json")


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_error(404)

    do_HEAD = do_GET

    def log_message(self, *words):
        pass


def test_addresses_in_a_run_are_not_fetched(stranger, here, tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/x.npz"
        rewrite(stranger, 'source = ""', f'source = "{address}"')
        refused(here("evaluate", stranger, "-n", 64), address)
        refused(here("export", stranger, "--to", tmp_path / "m"), address)
        refused(here("privacy", "audit", stranger, "--out", tmp_path / "p"), address)
        assert here("sample", stranger, "--out", tmp_path / "a.png").returncode == 0
        assert not server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_arrays_that_unpack_to_far_more(stranger, here, tmp_path):
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.npy", "w") as one:
        header = {"descr": "|u1", "fortran_order": False, "shape": (2**13, 2**8, 2**8)}
        np.lib.format.write_array_header_1_0(one, header)
        for _ in range(2**13):
            one.write(bytes(2**16))
    refused(here("evaluate", stranger, "--data", bomb), "unpacks")
    for state in (stranger / "state").iterdir():
        shutil.copy(bomb, state)
    with refuses(RunError, "no state"):
        ganvas.load_game(stranger)
