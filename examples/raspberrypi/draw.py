"""Draws from an exported model on a small board. Run: python draw.py MODEL/1 out.png [--label 3]

Needs three packages and no TensorFlow: pip install ai-edge-litert numpy pillow
Of the version's folder it reads manifest.json and one .tflite file.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image


def draw(file: Path, labels: np.ndarray, seed: int, threads: int) -> np.ndarray:
    """Images float32 [N, H, W, C] in [-1, 1]; of a seed, those of `ganvas sample`."""
    run = Interpreter(str(file), num_threads=threads).get_signature_runner("serving_default")
    takes = run.get_input_details()
    size = takes["z"]["shape"][1]
    noise = np.random.Generator(np.random.Philox(seed)).standard_normal(
        (len(labels), size), np.float32
    )
    pictures = []
    for z, label in zip(noise, labels, strict=True):
        given = {"z": z[None]}
        if "label" in takes:
            given["label"] = label[None]
        pictures.append(run(**given)["images"][0])
    return np.stack(pictures)


def labels_of(facts: dict, label: str, count: int, seed: int) -> np.ndarray:
    """A class for each image, int32 [N]: the one that is named, or by the share of each class."""
    names, shares = facts["names"], np.asarray(facts["class_shares"] or [1.0])
    if label == "all":
        random = np.random.Generator(np.random.Philox([seed, 1])).random(count)
        edges = np.cumsum(shares) / shares.sum()
        return np.searchsorted(edges[:-1], random, side="right").astype(np.int32)
    if label not in names and not (label.isdecimal() and int(label) < len(names)):
        accepted = ", ".join(["all", *names])
        sys.exit(f"--label {label} is no class of this model: take one of {accepted}")
    index = names.index(label) if label in names else int(label)
    return np.full(count, index, np.int32)


def sheet(pictures: np.ndarray) -> Image.Image:
    """All of them, side by side and below each other."""
    n, height, width, channels = pictures.shape
    across = math.isqrt(n - 1) + 1
    down = -(-n // across)
    pixels = np.clip(np.rint((pictures + 1) * 127.5), 0, 255).astype(np.uint8)
    whole = np.zeros((across * down, height, width, channels), np.uint8)
    whole[:n] = pixels
    whole = whole.reshape(down, across, height, width, channels).swapaxes(1, 2)
    return Image.fromarray(whole.reshape(down * height, across * width, channels).squeeze())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", type=Path, help="DIR/N, as `ganvas export` wrote it")
    parser.add_argument("out", type=Path)
    parser.add_argument("--file", default="model_dynamic.tflite")
    parser.add_argument("-n", type=int, default=16)
    parser.add_argument(
        "--label", default="all", help="name or index of a class; all: each by its share"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    facts = json.loads((given.version / "manifest.json").read_text(encoding="utf-8"))
    labels = labels_of(facts, given.label, given.n, given.seed)
    began = time.perf_counter()
    pictures = draw(given.version / given.file, labels, given.seed, given.threads)
    print(f"{1000 * (time.perf_counter() - began) / given.n:.1f} ms an image, start included")
    sheet(pictures).save(given.out)
