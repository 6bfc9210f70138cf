"""LiteRT files: time, size and delegates by network and kind; quality on a short run.

    python benchmarks/export.py [--only speed quality] [--kimg 60] [--images 2000]

Speed, size and delegates are those of an architecture, so the networks of the recipes have random
weights there. Files take turns, and with one thread processor time is measured. "plain" is a file
of the same generator that is not lowered to operations of the delegate. A Frechet distance needs a
generator that draws something: there it is `quick` on the bundled MNIST with labels. The interval
is of the change, from the same noise and the same real images. Adds to results/export.jsonl, and
writes results/export.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import ganvas
import store
from ganvas.config import Export, load_recipe
from ganvas.config.build import build
from ganvas.exporting import litert, quantizers, saved_model
from ganvas.exporting.candidates import Trials, over, workplace
from ganvas.exporting.child import Child
from ganvas.exporting.parity import Parity
from ganvas.gan.networks import NETWORKS, Networks
from ganvas.sampling.sampler import Sampler
from ganvas.storage import manifest

CASES = {
    "classic": ((28, 28, 1), 0),
    "quick": ((28, 28, 1), 10),
    "conditional": ((28, 28, 1), 10),
    "wgan-gp": ((32, 32, 3), 10),
    "sngan": ((32, 32, 3), 10),
    "r3gan": ((32, 32, 3), 10),
    "texture": ((64, 64, 3), 0),
    "faces": ((64, 64, 3), 0),
    "colour128": ((128, 128, 3), 0),
}
"""Size of images and number of classes by recipe. The networks of the other recipes are `dcgan`
with other sizes."""
PLAIN = ("float32", "dynamic")
KEYS = ("quantizer", "latency_ms", "spread_ms", "time_over_float32", "delegates", "outside",
        "bytes", "candidates")  # fmt: skip


def networks_of(recipe: str) -> Networks:
    given = load_recipe(recipe).networks
    return build("networks", {"name": given} if isinstance(given, str) else given, NETWORKS,
                 Networks)  # fmt: skip


def speed(recipe: str, child: Child) -> dict:
    shape, classes = CASES[recipe]
    keras.utils.set_random_seed(0)
    generator = networks_of(recipe).generator(shape, classes)
    rng = np.random.default_rng(0)
    for weight in generator.weights:  # some are constant at first, as if they were not there
        value = np.asarray(weight)
        if (value == value.flat[0]).all():
            weight.assign(value + np.abs(0.1 * rng.standard_normal(value.shape)))
    sampler = Sampler(generator, [str(number) for number in range(classes)])
    bounds = Export(images=100, psnr_min=0, error_max=2)
    with workplace() as place, tempfile.TemporaryDirectory() as published:
        folder = Path(place)
        trials = Trials(sampler, Parity(sampler, None, bounds, "auto"), child, folder)
        rows = {}
        for kind in litert.KINDS:
            facts, faults, surplus = trials.attempt(kind, Path(published))
            rows[kind] = {key: facts[key] for key in KEYS if key in facts}
            rows[kind] |= {"withheld": faults + surplus} if faults or surplus else {}
        size = rows["float32"]["bytes"]
        for row in rows.values():
            row["size_over_float32"] = round(row["bytes"] / size, 3)
        return {"shape": shape, "classes": classes, "kinds": rows,
                "plain": plain(generator, child, folder)}  # fmt: skip


def plain(generator: keras.Model, child: Child, folder: Path) -> dict:
    """The converter's files of the generator as it is, in turns with those that are lowered."""
    whole = folder / "plain"
    predict = saved_model.predictor(generator, 1)
    saved_model.write(generator, {"serving_default": predict}, whole)
    (whole / "examples.npz").write_bytes((folder / "examples.npz").read_bytes())
    found = {}
    for kind in PLAIN:
        path, ours = folder / f"plain-{kind}.tflite", folder / f"{kind}-converter.tflite"
        child.convert(whole, kind, path)
        times = child.time([path, ours], folder)
        delegates, outside = child.delegates(path)
        found[kind] = {
            "ms": round(float(np.median(times[path.name][1])), 4),
            "lowered_over_plain": round(over(times[ours.name], times[path.name]), 3),
            "delegates": delegates,
            "outside": outside,
        }
    return found


def quality(kimg: float, images: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        values = {"train.kimg": kimg, "watch.tensorboard": False, "export.images": images,
                  "scores.times": 0}  # fmt: skip
        run = ganvas.train(
            "mnist", "quick", run=Path(folder) / "run", overrides=values, progress=False
        )
        facts = manifest.verify(ganvas.export(run, Path(folder) / "model", model="last"))
    keys = ("psnr", "largest_error", "scores", "quantizer", "candidates")
    return {
        "run": f"quick on MNIST with labels, {kimg:g} kimg",
        "images": images,
        "artefacts": {
            name: {key: found[key] for key in keys if key in found}
            for name, found in facts["artefacts"].items()
        },
        "withheld": facts["withheld"],
    }


def table() -> str:
    head = ("recipe", "file", "by", "ms (lowest to highest)", "over float32", "size",
            "delegates, and operations outside", "published")  # fmt: skip
    rows = []
    for name, found in store.read("export").items():
        if not name.startswith("speed-"):
            continue
        for kind, row in found["kinds"].items():
            low, high = row["spread_ms"]["1"]
            outside = ", ".join([str(row["delegates"]), *sorted(set(row["outside"]))])
            rows.append((
                name.removeprefix("speed-"), kind, row["quantizer"],
                f"{row['latency_ms']['1']:.3f} ({low:.3f} to {high:.3f})",
                f"{row['time_over_float32']:.2f}", f"{row['size_over_float32']:.2f}", outside,
                "no" if "withheld" in row else "yes",
            ))  # fmt: skip
    return store.markdown(head, rows) + "\n" + before()


def before() -> str:
    head = ("recipe", "file", "plain: ms", "plain: delegates", "lowered over plain")
    rows = [
        (name.removeprefix("speed-"), kind, f"{one['ms']:.3f}", str(one["delegates"]),
         f"{one['lowered_over_plain']:.2f}")
        for name, found in store.read("export").items() if name.startswith("speed-")
        for kind, one in found["plain"].items()
    ]  # fmt: skip
    return store.markdown(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=("speed", "quality"),
                        default=("speed", "quality"))  # fmt: skip
    parser.add_argument("--recipes", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--kimg", type=float, default=60)
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    about = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        "quantizers": quantizers.installed(),
    }
    if "speed" in options.only:
        with Child() as child:
            for recipe in options.recipes:
                store.add("export", f"speed-{recipe}", about | speed(recipe, child))
    if "quality" in options.only:
        store.add("export", "quality", about | quality(options.kimg, options.images))
    store.write_table("export", table())


if __name__ == "__main__":
    main()
