"""Every reader of files that somebody else may have written: valid files of its kind, made here,
and how it is called. `GanvasError` is the only right answer to a file that is not read."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mutations
import numpy as np
from PIL import Image

from ganvas import images
from ganvas.config import load_recipe
from ganvas.data import load as load_images, tables
from ganvas.data.options import Options
from ganvas.errors import ModelError, RunError
from ganvas.storage import manifest
from ganvas.storage.facts import check_facts
from ganvas.storage.run import Run

SHAPE = (16, 16, 1)
FACTS = {"shape": list(SHAPE), "names": ["a", "b"], "class_shares": [0.5, 0.5]}


@dataclass(frozen=True)
class Reader:
    """A reader.

    Args:
        file: the name of the file in its folder.
        seeds: (folder) -> the contents of valid files; makes what else must be in the folder.
        call: reads the file.
        form: changes the structure of such a file; None: only its bytes are changed.
        count: inputs in the proof.
        few: inputs in the fast test; none for models, whose valid files take seconds to make.
        prepare: what is imported or made once, before the memory is measured.
    """

    name: str
    file: str
    seeds: Callable[[Path], list[bytes]]
    call: Callable[[Path], Any]
    form: Callable[..., bytes] | None
    count: int
    prepare: Callable[[], Any] = lambda: None
    few: int = 20


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


# --- images ------------------------------------------------------------------------------------


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def pictures(folder: Path, kind: str) -> list[bytes]:
    grey, colour = Image.fromarray(noise(12, 9)), Image.fromarray(noise(12, 9, 3))
    alpha, indexed = Image.fromarray(noise(12, 9, 4)), colour.quantize(8)
    turned = Image.Exif()
    turned[0x0112], turned[0x010E] = 6, "text"
    deep = Image.fromarray(noise(12, 9).astype(np.uint16) << 8)
    save = functools.partial(encoded, kind=kind)
    match kind:
        case "png":
            clear = save(indexed, transparency=0)
            return [*map(save, (grey, colour, alpha, deep)), clear, save(colour, exif=turned)]
        case "jpeg":
            slow = save(colour, progressive=True, exif=turned)
            return [save(grey), save(colour), save(colour.convert("CMYK")), slow]
        case "gif":
            film = save(indexed, save_all=True, append_images=[colour.quantize(4)], loop=0)
            return [save(grey), film, save(indexed, transparency=0, interlace=1)]
        case "bmp":
            return [*map(save, (grey, colour, alpha, indexed, grey.convert("1")))]
        case "tiff":
            squeezed = [save(colour, compression=f"tiff_{how}") for how in ("lzw", "deflate")]
            squeezed += [save(colour, compression="jpeg")]
            squeezed += [save(grey.convert("1"), compression="group4")]
            return [*map(save, (grey, alpha, deep, indexed)), *squeezed]
        case _:
            film = save(colour, save_all=True, append_images=[colour.rotate(180)])
            return [save(colour), save(alpha, lossless=True, exif=turned), film]


def read_picture(path: Path) -> None:
    header = images.probe(path)
    assert images.read(path, (8, 8), 3, "paper").shape == (8, 8, 3)
    if header.height * header.width <= 10**6:  # one large image takes long enough
        whole = images.read(path)
        assert whole.dtype == np.uint8 and {*whole.shape[:2]} == {header.height, header.width}


# --- arrays ------------------------------------------------------------------------------------


def npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def npz(kind: int = zipfile.ZIP_STORED, **arrays: np.ndarray) -> bytes:
    return mutations.zipped([(f"{name}.npy", npy(array)) for name, array in arrays.items()], kind)


def sets(folder: Path) -> list[bytes]:
    pixels, labels = noise(6, 5, 7), np.arange(6) % 2
    return [
        npz(x=pixels, y=labels),
        npz(zipfile.ZIP_DEFLATED, x_train=pixels[..., None], y_train=labels.astype("U2")),
        npz(anything=noise(4, 5, 5, 3)),
    ]


def read_set(path: Path) -> None:
    source = load_images(path, Options(judged=True))
    assert source.pixels(source.rows[:2]).dtype == np.uint8


@functools.cache
def game() -> Any:
    """The variables of a GAN, as a state names them."""
    import tensorflow as tf

    def part(*shapes: tuple[int, ...]) -> Any:
        return SimpleNamespace(
            variables=[tf.Variable(tf.ones(shape), name="x") for shape in shapes]
        )

    return SimpleNamespace(
        generator=part((2, 3), (3,)), discriminator=part((3, 1)), ema_generator=part((2, 3)),
        generator_optimizer=part((2, 3)), discriminator_optimizer=part((3, 1)), parts=[part(())],
        step=tf.Variable(1, dtype=tf.int64),
    )  # fmt: skip


def states(folder: Path) -> list[bytes]:
    from ganvas.training.callbacks import state_of

    (folder / "state").mkdir()
    arrays = state_of(game())
    return [npz(**arrays), npz(zipfile.ZIP_DEFLATED, **arrays)]


def read_state(path: Path) -> None:
    from ganvas.training.callbacks import restore, state_of, take_weights

    game().step.assign(1)
    state = Run(path.parents[1]).load_state()
    before = state_of(game())
    for take in (restore, take_weights):
        try:
            take(game(), state)
        except RunError:
            for name, array in state_of(game()).items():
                np.testing.assert_array_equal(array, before[name])
            raise


# --- documents of a run and of a model ---------------------------------------------------------


def document(values: Any) -> Callable[[Path], list[bytes]]:
    def seeds(folder: Path) -> list[bytes]:
        (folder / "config.toml").write_text("")
        (folder / ".lock").touch()
        (folder / "models").mkdir()
        (folder / "models" / "000001.keras").touch()
        return [json.dumps(values).encode()]

    return seeds


INFO = {
    "status": "running", "command": "train x", "seed": 0, "updated": "2026-11-30T00:00:00+00:00",
    "data": {**FACTS, "count": 256, "fingerprint": "x"}, "parent": None,
}  # fmt: skip
BEST = {"model": "000001.keras", "by": "frechet", "frechet": 1.5, "kimg": 2.0, "step": 3}
ROWS = [{"kimg": k / 2, "step": k, "seconds": 1.5 * k, "loss/generator": 0.5} for k in range(1, 4)]


def read_info(path: Path) -> None:
    run = Run.open(path.parent)
    assert isinstance(run.info, dict)
    run.status()
    assert len(run.images["shape"]) == 3


def read_best(path: Path) -> None:
    run = Run.open(path.parent)
    assert isinstance(run.best, dict)
    chosen = run.model()
    assert chosen is None or path.parent / "models" in chosen.parents


def recipes(folder: Path) -> list[bytes]:
    part = 'loss = {name = "hinge"}\npenalties = ["r1", {name = "lecam", weight = 0.1}]\n'
    tune = "[tune]\n'train.batch' = [8, 16]\n'train.rate' = {low = 1e-4, high = 1e-2, log = true}\n"
    return [load_recipe("quick").toml().encode(), load_recipe("r3gan").toml().encode(),
            f'{part}[networks]\nname = "dcgan"\nwidth = 8\n'.encode(), tune.encode()]  # fmt: skip


def read_config(path: Path) -> None:
    assert Run.open(path.parent).config.toml()


def log(folder: Path) -> list[bytes]:
    return ["".join(json.dumps(row) + "\n" for row in ROWS).encode()]


def version(folder: Path) -> list[bytes]:
    (folder / "variables").mkdir()
    for name in ("saved_model.pb", "variables/a", "model.tflite"):
        (folder / name).write_bytes(b"x")
    artefacts = {"saved_model": {}, "model.tflite": {"bytes": 1}}
    manifest.write(folder, {**FACTS, "version": 1, "artefacts": artefacts})
    return [(folder / manifest.NAME).read_bytes()]


def read_manifest(path: Path) -> None:
    assert manifest.is_model(path.parent) and manifest.locate(path.parent) == path.parent
    check_facts(manifest.verify(path.parent), ModelError("it does not describe the images"))


def index(folder: Path, which: int) -> list[bytes]:
    """Packed images; `which` of the two files of their index is changed."""
    from ganvas.data.preparing import prepare
    from ganvas.data.records import ARRAYS, INDEX

    prepare((noise(9, 16, 16), np.arange(9) % 2), folder)
    return [(folder / (INDEX, ARRAYS)[which]).read_bytes()]


# --- models ------------------------------------------------------------------------------------


def generators(folder: Path, suffix: str) -> list[bytes]:
    import keras
    from keras import layers

    from ganvas.base.building import building
    from ganvas.gan import layers as own
    from ganvas.gan.networks import DCGAN

    with building(0):
        z = keras.Input((3,), name="noise")
        x = layers.Reshape((4, 4, 1))(layers.Dense(16, activation="relu")(z))
        x = layers.Rescaling(0.5)(layers.BatchNormalization()(own.Upsample()(x)))
        small = keras.Model({"noise": z}, layers.Conv2D(1, 3, padding="same", activation="tanh")(x))
        networks = DCGAN(noise=4, width=2, discriminator_width=2, max_width=4, embedding=2)
        made = [small, networks.generator((8, 8, 1), 2)]
    found = []
    for model in made:
        path = folder / f"seed{suffix}"
        model.save(path)
        content = path.read_bytes()
        if suffix == ".keras":
            with zipfile.ZipFile(path) as file:
                content = mutations.zipped([(name, file.read(name)) for name in file.namelist()])
        found.append(content)
        path.unlink()
    return found


def read_generator(path: Path) -> None:
    from ganvas.sampling import sampler

    model = sampler.read_keras(path)
    drawn = sampler.Sampler(sampler._checked(model, path), ["a", "b"], [0.5, 0.5])
    assert len(drawn.shape) == 3 and drawn.noise_size > 0


def saved_models(folder: Path) -> list[bytes]:
    import tensorflow as tf

    module = tf.Module()
    module.scale = tf.Variable(1.0)
    spec = tf.TensorSpec([None, 2], tf.float32, "z")

    @tf.function(input_signature=[spec], autograph=False)
    def draw(z: Any) -> dict[str, Any]:
        bright = tf.cond(tf.reduce_mean(z) > 0, lambda: module.scale, lambda: -module.scale)
        return {"images": tf.reshape(tf.tile(bright * z, [1, 8]), [-1, 4, 4, 1])}

    module.draw = draw
    tf.saved_model.save(module, str(folder / "made"), signatures=draw)
    return [(folder / "made" / "saved_model.pb").read_bytes()]


def graph(rng: Any, content: bytes) -> bytes:
    """A SavedModel with another operation, name, constant or call."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString(content)
    meta = model.meta_graphs[0]
    functions = meta.graph_def.library.function
    nodes = [*meta.graph_def.node, *(node for one in functions for node in one.node_def)]
    node = mutations.pick(rng, nodes)
    match int(rng.integers(8)):
        case 0:
            node.op = mutations.pick(rng, dir(tf.raw_ops))
        case 1:
            node.op = mutations.pick(rng, mutations.TEXTS).encode(errors="replace").decode()
        case 2:
            model.meta_graphs.add().CopyFrom(meta)
        case 3:
            other = mutations.pick(rng, nodes)
            for name, value in other.attr.items():
                node.attr[name].CopyFrom(value)
        case 4:
            sides = node.attr["value"].tensor
            sides.dtype = int(rng.integers(0, 200))
            for _ in range(int(rng.integers(4))):
                sides.tensor_shape.dim.add().size = mutations.pick(rng, mutations.INTEGERS[:21])
        case 5:
            node.attr["f"].func.name = mutations.pick(rng, [n.name for n in nodes])
        case 6:
            meta.ClearField(mutations.pick(rng, [f.name for f, _ in meta.ListFields()]))
        case _:
            del functions[int(rng.integers(len(functions)))]
    return model.SerializeToString(deterministic=True)


def read_saved_model(path: Path) -> None:
    from ganvas.base.saved_models import check

    check(path.parent)


# --- files of a server, tables -----------------------------------------------------------------

MODELS = b"""model_config_list { config { name: "gan" base_path: "/models/gan"
  model_platform: "tensorflow" model_version_policy { specific { versions: 1 versions: 2 } }
  version_labels { key: "stable" value: 1 } }
config { name: "b" base_path: "/models/b" model_type: TENSORFLOW  # a remark
  model_version_policy: { latest: { num_versions: 2 } } logging_config { } } }
"""
BATCHING = b"""max_batch_size { value: 32 } batch_timeout_micros { value: 1000 }
num_batch_threads { value: 2 } max_enqueued_batches { value: 4 } enable_large_batch_splitting {
value: true } thread_pool_name { value: "x" } allowed_batch_sizes: 8 allowed_batch_sizes: 32
"""
TABLE = 'path,group,more\r\na/1.png,left,1\r\n"a/2, b.png",right,\r\n\'=x.png,"two\nlines",3\r\n'


def read_models(path: Path) -> None:
    from ganvas.serve.config import read_models

    for entry in read_models(path):
        assert entry.name and isinstance(entry.wanted([1, 2, 3]), list)


def read_batching(path: Path) -> None:
    from ganvas.serve.config import read_batching

    assert read_batching(path, 2).size >= 1


def read_table(path: Path) -> None:
    assert all(map(all, tables.read(path, "group").items()))


READERS = {
    reader.name: reader
    for reader in (
        *(
            Reader(
                kind, f"image.{kind}", functools.partial(pictures, kind=kind), read_picture,
                mutations.png_file if kind == "png" else None, 9_000, Image.init,
            )
            for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp")
        ),
        Reader("npz", "x.npz", sets, read_set, mutations.archive, 8_000),
        Reader("npy", "x.npy", lambda _: [npy(noise(6, 5, 7)), npy(noise(3, 5, 5, 3))], read_set,
               mutations.npy_file, 6_000),
        Reader("states", "state/1.npz", states, read_state, mutations.archive, 5_000, game),
        Reader("keras", "x.keras", functools.partial(generators, suffix=".keras"), read_generator,
               mutations.archive, 2_000, few=0),
        Reader("h5", "x.h5", functools.partial(generators, suffix=".h5"), read_generator, None,
               2_000, few=0),
        Reader("run.json", "run.json", document(INFO), read_info, mutations.json_file, 5_000),
        Reader("best.json", "best.json", document(BEST), read_best, mutations.json_file, 4_000),
        Reader("config.toml", "config.toml", recipes, read_config, mutations.toml_file, 5_000),
        Reader("recipe.toml", "recipe.toml", recipes, load_recipe, mutations.toml_file, 4_000),
        Reader("log.jsonl", "log.jsonl", log, lambda p: Run(p.parent).rows(), mutations.json_lines,
               4_000),
        Reader("manifest.json", "manifest.json", version, read_manifest, mutations.json_file,
               5_000),
        Reader("index.json", "index.json", functools.partial(index, which=0),
               lambda p: read_set(p.parent), mutations.json_file, 2_000),
        Reader("index.npz", "index.npz", functools.partial(index, which=1),
               lambda p: read_set(p.parent), mutations.archive, 2_000),
        Reader("saved_model.pb", "saved_model.pb", saved_models, read_saved_model, graph, 3_000,
               few=0),
        Reader("models.config", "models.config", lambda _: [MODELS], read_models, mutations.words,
               5_000),
        Reader("batching", "batching.txt", lambda _: [BATCHING], read_batching, mutations.words,
               4_000),
        Reader("csv", "x.csv", lambda _: [TABLE.encode()], read_table, mutations.words, 5_000),
    )
}  # fmt: skip
