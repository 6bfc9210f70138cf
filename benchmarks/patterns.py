"""The patterns kit: do tiles tile, are they like their source, are logos of the colour asked for?

    python benchmarks/patterns.py [--only tiles] [--seeds 1]

Tiles: one generator learns the 21 distinct textures of `propaganda_textures.zip`, at 256 pixels;
10 tiles of each are held against their sources: the step across the seam among the steps inside;
and a Frechet distance of patches of 16 x 16, by their 48 principal components on the source,
against random quilting (blocks of 32 pixels from anywhere in the source). Beside: crops of the
source tiled as they are, and mirrored. The same for a generator of two textures alone ("pair").
A seam that is one step among many lies within the 5th to 95th percentile of the steps in both
directions in 81 of 100 tiles. Logos: `simple_icons_64.npz` and `noto_emoji_64.npz`; the
colour asked for against an extractor of another kind than the kit's (hue, saturation, value), as in
LoGAN (0.8 / 0.7); precision, recall, coverage, diversity in the features `general`; SVG drawn
again by the kit's rasteriser against the crisp picture. Data under $GANVAS_DATA (default
../shared/data). Each part is a file in results/patterns/ and is not made again; what is learnt
lies in $GANVAS_WORK (default runs/patterns-benchmark) and is gone on with. Writes
results/patterns.md.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

import ganvas
from ganvas.evaluation.frechet import Moments, frechet_distance
from ganvas.images import grid, write_png
from ganvas.kits import patterns
from ganvas.kits.patterns.colour import NAMED
from ganvas.kits.patterns.crops import cut_from, read_textures
from ganvas.kits.patterns.designing import inks
from jobs import RESULTS, markdown, parser, run_all

DATA = Path(os.environ.get("GANVAS_DATA", "../shared/data"))
WORK = Path(os.environ.get("GANVAS_WORK", "runs/patterns-benchmark"))
TILES, SIDE, PATCHES = 10, 16, 4000
PAIR = ("Theme-Park-Disaster-1", "Penguin-Sushi-1")
KIMG = {
    "pair": 32.0,
    "tiles": float(os.environ.get("GANVAS_TILES_KIMG", "60")),
    "icons": 200.0,
    "emoji": 96.0,
}
QUIET = {"watch.tensorboard": False, "watch.signals": False}
EACH = 30  # logos of each colour asked for


def play(part: str, seed: int) -> dict:
    return tiles(part, seed) if part in ("tiles", "pair") else logos(part, seed)


def tiles(part: str, seed: int) -> dict:
    folder = WORK / "textures"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(DATA / "propaganda_textures.zip") as archive:
        archive.extractall(folder)
    files = [folder / f"{name}.JPG" for name in PAIR] if part == "pair" else [folder]
    drawer = patterns.learn_tiles(
        files, WORK / f"{part}-{seed}", kimg=KIMG[part], seed=seed, set=QUIET
    )
    rng = np.random.default_rng(seed)
    rows, sheet = [], []
    for source in read_textures(files):
        drawn = [drawer.draw((256, 256), source.name, 100 * seed + k) for k in range(TILES)]
        found = [patterns.seams(tile) for tile in drawn]
        crops = cut_from(source.pixels, TILES, 128, rng, False)
        naive = [patterns.seams(crop) for crop in crops]
        mirror = [patterns.seams(patterns.mirrored(crop)) for crop in crops]
        real, other = (patches([source.pixels], rng) for _ in range(2))
        fake, quilted = (
            patches(drawn, rng),
            patches([quilt(source.pixels, rng) for _ in drawn], rng),
        )
        rows.append({
            "texture": source.name,
            "ratio": [round(one["ratio"], 4) for one in found],
            "within": float(np.mean([one["within"] for one in found])),
            "naive": [round(one["ratio"], 4) for one in naive],
            "naive_within": float(np.mean([one["within"] for one in naive])),
            "mirror": [round(one["ratio"], 4) for one in mirror],
            "mirror_within": float(np.mean([one["within"] for one in mirror])),
            **distances(real, other, fake, quilted),
        })  # fmt: skip
        sheet += [source.pixels, drawn[0], drawn[1]]
    picture = grid(np.stack(sheet), 9, 4)[::2, ::2]
    write_png(RESULTS / "patterns" / f"{part}.png", picture)
    return {"part": part, "seed": seed, "kimg": KIMG[part], "textures": rows,
            "equivariance": equivariance(drawer),
            "seconds": drawer.run.rows()[-1]["seconds"]}  # fmt: skip


def patches(images: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """float [PATCHES, 768]: from anywhere in the images."""
    each = PATCHES // len(images)
    cut = np.concatenate([cut_from(image, each, SIDE, rng, False) for image in images])
    return cut.reshape(len(cut), -1).astype(np.float64) / 255


def distances(real, other, fake, quilted) -> dict:
    mean = real.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(real - mean, rowvar=False))
    base = Moments.of((real - mean) @ vectors[:, -48:])
    named = {"frechet": fake, "quilt": quilted, "floor": other}
    return {
        name: frechet_distance(base, Moments.of((part - mean) @ vectors[:, -48:]))
        for name, part in named.items()
    }


def quilt(source: np.ndarray, rng: np.random.Generator, block: int = 32) -> np.ndarray:
    cut = cut_from(source, (256 // block) ** 2, block, rng, False)
    return grid(cut, 256 // block, 0)


def equivariance(drawer: patterns.Tiles) -> float:
    """The largest difference, in [-1, 1], between a rolled field's image and the rolled image."""
    depth = drawer._torus.input["field"].shape[-1]
    field = np.random.default_rng(0).standard_normal((1, 8, 8, depth)).astype(np.float32)
    image = drawer._torus({"field": field}, training=False).numpy()
    rolled = drawer._torus({"field": np.roll(field, (3, 5), (1, 2))}, training=False).numpy()
    shift = (3 * drawer.stride, 5 * drawer.stride)
    return float(np.abs(np.roll(image, shift, (1, 2)) - rolled).max())


def logos(part: str, seed: int) -> dict:
    file = {"icons": "simple_icons_64.npz", "emoji": "noto_emoji_64.npz"}[part]
    drawer = patterns.learn_logos(str(DATA / file), WORK / f"{part}-{seed}", kimg=KIMG[part],
                                  seed=seed, set=QUIET)  # fmt: skip
    if drawer.marks.coloured:
        words = sorted({kind.partition("/")[0] for kind in drawer.kinds})
        real = [words_of(drawer.marks.pixels[i]) for i in range(0, len(drawer.marks.pixels), 4)]
        truth = [label.partition("/")[0] for label in drawer.marks.labels[::4]]
        ceiling = rates(truth, real, words)
    else:
        words, ceiling = list(NAMED), None
    words = [word for word in words if word != "white"]  # white on white is no colour of a logo
    colours = {}
    for exact in (False, True) if drawer.marks.coloured else (True,):
        drawn = drawer.draw(EACH * len(words), [NAMED[word] for word in words], seed, exact=exact)
        asked = [words[i % len(words)] for i in range(len(drawn))]
        colours["recoloured" if exact else "generator"] = rates(
            asked, [words_of(image) for image in drawn.images], words
        )
        share = drawn.refused / (drawn.refused + len(drawn))
    shown = drawer.draw(32, [NAMED[word] for word in words[:8]], seed)
    errors = []
    for i in range(16):
        options = inks(drawer, shown, i)
        text = patterns.to_svg(shown.images[i], **options)
        errors.append(patterns.svg_error(text, shown.images[i], **options))
    names = ["precision", "recall", "coverage", "diversity"]
    rows = np.random.default_rng(seed).permutation(len(drawer.marks.pixels))[:1000]
    judged = ganvas.evaluate(drawer.run, drawer.marks.pixels[rows], metrics=names, n=400,
                             seed=seed, features="general", model="last")  # fmt: skip
    return {
        "part": part, "seed": seed, "kimg": KIMG[part], "colours": colours, "ceiling": ceiling,
        "refused": share, "svg_errors": [round(e, 2) for e in errors],
        "scores": judged["scores"], "truncation": judged["truncation"],
        "seconds": drawer.run.rows()[-1]["seconds"],
    }  # fmt: skip


def words_of(image: np.ndarray) -> str:
    """The main colour by hue, saturation and value: no part of the kit."""
    pixels = image.reshape(-1, 3).astype(int)
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).astype(int)
    inside = np.abs(pixels - np.median(border, axis=0)).sum(axis=1) > 60
    chosen = image.reshape(-1, 3)[inside] if inside.mean() > 0.01 else image.reshape(-1, 3)
    hsv = np.asarray(Image.fromarray(chosen[None]).convert("HSV"))[0] / 255
    hue, saturation, value = 360 * hsv[:, 0], hsv[:, 1], hsv[:, 2]
    ends = [15, 42, 66, 165, 197, 257, 305, 345]
    names = np.array(["red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "red"])
    found = names[np.searchsorted(ends, hue, side="right")]
    found[(found == "orange") & (value < 0.68)] = "brown"
    found[(found == "red") & (saturation < 0.55) & (value > 0.75)] = "pink"
    found[(saturation < 0.16) & (value > 0.88)] = "white"
    found[(saturation < 0.16) & (value <= 0.88)] = "gray"
    found[value < 0.22] = "black"
    words, counts = np.unique(found, return_counts=True)
    return str(words[counts.argmax()])


def rates(asked: list[str], got: list[str], words: list[str]) -> dict:
    """Precision and recall of each colour asked for, and their means over the colours."""
    asked_, got_ = np.array(asked), np.array(got)
    each = {}
    for word in words:
        hit = int(((asked_ == word) & (got_ == word)).sum())
        each[word] = (hit / max(1, (got_ == word).sum()), hit / max(1, (asked_ == word).sum()))
    values = np.array(list(each.values()))
    return {"precision": values[:, 0].mean(), "recall": values[:, 1].mean(), "each": each}


def write_up(rows: list[dict]) -> str:
    text = ""
    for row in (row for row in rows if "textures" in row):
        found = row["textures"]
        text += f"Tiles, seed {row['seed']}: {len(found)} textures, {TILES} tiles of each, "
        text += f"{row['kimg']:g} kimg in {row['seconds']:.0f} s\n\n"
        lines = []
        for name, key, inside in (
            ("tiles", "ratio", "within"),
            ("crop, tiled", "naive", "naive_within"),
            ("crop, mirrored", "mirror", "mirror_within"),
        ):
            ratio = np.concatenate([one[key] for one in found])
            mean = f"{ratio.mean():.3f} ± {1.96 * ratio.std() / np.sqrt(len(ratio)):.3f}"
            within = f"{np.mean([one[inside] for one in found]):.0%}"
            lines.append([name, f"{len(ratio)}", mean, within])
        text += markdown(["", "n", "seam over steps inside", "both within 5th to 95th"], lines)
        better = sum(one["frechet"] < one["quilt"] for one in found)
        names = ("frechet", "quilt", "floor")
        medians = [float(np.median([one[name] for one in found])) for name in names]
        text += (
            f"\nPatch distance, median over textures: tiles {medians[0]:.2f}, quilting "
            f"{medians[1]:.2f}, the source itself {medians[2]:.2f}; tiles nearer than quilting on "
            f"{better} of {len(found)}. Rolled field against rolled image: at most "
            f"{row['equivariance']:.1e}.\n\n"
        )
    lines = []
    for row in (row for row in rows if "textures" not in row):
        for name, rate in [*row["colours"].items(), ("training images", row["ceiling"])]:
            if rate:
                values = f"{rate['precision']:.2f}", f"{rate['recall']:.2f}"
                lines.append([row["part"], name, *values])
    text += markdown(["logos", "main colour", "precision", "recall"], lines) + "\n" if lines else ""
    lines = []
    for row in (row for row in rows if "textures" not in row):
        names = ("precision", "recall", "coverage", "diversity")
        scores = [row["scores"][name]["value"] for name in names]
        lines.append([row["part"], f"{row['seconds']:.0f} s", *(f"{v:.2f}" for v in scores),
                      f"{row['refused']:.1%}", f"{np.mean(row['svg_errors']):.1f}"])  # fmt: skip
    head = ["logos", "training", "precision", "recall", "coverage", "diversity", "near-copies",
            "SVG error, grey levels"]  # fmt: skip
    return text + (markdown(head, lines) if lines else "")


def main() -> None:
    options = parser(__doc__, seeds=1)
    words = options.parse_args()
    if not (DATA / "propaganda_textures.zip").exists():
        print(f"{DATA} is absent: set GANVAS_DATA")
        return
    jobs = [
        (part, seed) for seed in range(words.seeds) for part in ("icons", "emoji", "pair", "tiles")
    ]
    rows = run_all("patterns", jobs, play, words)
    (RESULTS / "patterns.md").write_text(write_up(rows))


if __name__ == "__main__":
    main()
