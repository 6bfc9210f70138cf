"""The patterns kit: seams of tiles, similarity to the source, logos in the requested colour.

    python benchmarks/patterns.py [--only tile] [--part 0/1] [--seeds 1]

"quilts": tiles of 1,024 pixels by image quilting; and by the measures of repeats and of structure
also pictures that must not pass for tiles.

Tiles: one generator for each of the 21 distinct textures of `propaganda_textures.zip`, at 256
pixels; 10 tiles of each are compared with their source: the step across the seam with the steps
inside; and a Frechet distance of patches of 16 x 16, by their 48 principal components on the
source, with random quilting (blocks of 32 pixels from anywhere in it). For comparison: crops of the
source, tiled unchanged and mirrored. "pair" and "together": one generator of two and of all.
A seam that is an ordinary step lies within the 5th to 95th percentile of the steps in both
directions in 81 of 100 tiles. Logos: `simple_icons_64.npz` and `noto_emoji_64.npz`; the
requested colour against another measure than the kit's (hue, saturation, value), as in
LoGAN (0.8 / 0.7); precision, recall, coverage, diversity against training images in the features
`general`; SVG rendered by the kit's rasteriser against the crisp picture. Data under
$GANVAS_DATA (default ../shared/data). Each part is a line of results/patterns.jsonl and is not
computed again; runs are in $GANVAS_WORK (default runs/patterns-benchmark) and are resumed. Writes
results/patterns.md, and docs/pictures/patterns/tiles.jpg from the runs.
"""

from __future__ import annotations

import functools
import os
import time
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image
from scipy import ndimage

import ganvas
import store
from ganvas.evaluation.frechet import Moments, frechet_distance
from ganvas.images import grid, refit
from ganvas.kits import patterns
from ganvas.kits.patterns.colour import NAMED
from ganvas.kits.patterns.crops import cut_from, read_textures
from ganvas.kits.patterns.designing import inks
from jobs import parser, run_all

DATA = Path(os.environ.get("GANVAS_DATA", "../shared/data"))
WORK = Path(os.environ.get("GANVAS_WORK", "runs/patterns-benchmark"))
TILES, SIDE, PATCHES = 10, 16, 4000
PAIR = ("Theme-Park-Disaster-1", "Penguin-Sushi-1")
KIMG = {"tile": 10.0, "pair": 32.0, "together": 24.0, "icons": 200.0, "emoji": 96.0}
QUIET = {"watch.tensorboard": False, "watch.signals": False}
EACH = 30  # logos of each requested colour


def measure(part: str, seed: int) -> dict:
    if part == "quilts":
        return quilts(seed)
    return logos(part, seed) if part in ("icons", "emoji") else tiles(part, seed)


def quilts(seed: int) -> dict:
    """Tiles of each texture by quilting, and pictures that must not pass for tiles of it."""
    rng = np.random.default_rng(seed)
    sources = read_textures(list(textures().values()))
    drawer, rows = patterns.Quilts(sources), []
    for source in sources:
        began = time.process_time()
        tile = drawer.draw((1024, 1024), source.name, seed)
        seconds = time.process_time() - began
        likeness = patterns.Likeness(source.pixels)
        found = distances(source.pixels, [tile], [quilt(source.pixels, rng)], rng)
        shown = {
            "moved": np.roll(source.pixels, (100, 128), (0, 1)),
            "quilted": tile,
            "random blocks": quilt(source.pixels, rng),
            "blurred by 2 pixels": ndimage.gaussian_filter(source.pixels, (2, 2, 0)),
            "noise of its spectrum": of_its_spectrum(source.pixels, rng),
        }
        rows.append({
            "texture": source.name, "repeats": patterns.repeats(tile), "seconds": seconds,
            "ratio": patterns.seams(tile).ratio, **found,
            "structure": {name: likeness.distance(image) for name, image in shown.items()},
        })  # fmt: skip
    return {"part": "quilts", "seed": seed, "rows": rows}


def of_its_spectrum(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise with the same power at every frequency."""
    waves = np.fft.fft2(rng.standard_normal(image.shape[:2]))
    mean = image.mean(axis=(0, 1))
    turned = np.fft.fft2(image - mean, axes=(0, 1)) * (waves / np.abs(waves))[..., None]
    return np.clip(np.fft.ifft2(turned, axes=(0, 1)).real + mean, 0, 255).astype(np.uint8)


@functools.cache
def textures() -> dict[str, Path]:
    """One file for each different texture, by name."""
    folder = WORK / "textures"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(DATA / "propaganda_textures.zip") as archive:
        archive.extractall(folder)
    return {one.name: one.path for one in read_textures([folder])}


def tiles(part: str, seed: int) -> dict:
    """One generator of one texture, "tile NAME", of two or of all, compared with the sources."""
    kind, _, name = part.partition(" ")
    names = {"tile": [name], "pair": PAIR, "together": list(textures())}[kind]
    files = [textures()[one] for one in names]
    drawer = patterns.learn_tiles(
        files, WORK / f"{kind}-{name}-{seed}", kimg=KIMG[kind], seed=seed, overrides=QUIET
    )
    rng = np.random.default_rng(seed)
    rows, sheet = [], []
    for source in read_textures(files):
        drawn = [drawer.draw((256, 256), source.name, 100 * seed + k) for k in range(TILES)]
        found = [patterns.seams(tile) for tile in drawn]
        crops = cut_from(source.pixels, TILES, 128, rng, False)
        naive = [patterns.seams(crop) for crop in crops]
        mirror = [patterns.seams(patterns.mirrored(crop)) for crop in crops]
        quilts = [quilt(source.pixels, rng) for _ in drawn]
        rows.append({
            "texture": source.name,
            "ratio": [round(one.ratio, 4) for one in found],
            "within": float(np.mean([one.within for one in found])),
            "naive": [round(one.ratio, 4) for one in naive],
            "naive_within": float(np.mean([one.within for one in naive])),
            "mirror": [round(one.ratio, 4) for one in mirror],
            "mirror_within": float(np.mean([one.within for one in mirror])),
            **distances(source.pixels, drawn, quilts, rng),
        })  # fmt: skip
        sheet += [refit(source.pixels, (256, 256), 3), *drawn[:2]]
    np.save(WORK / f"sheet-{kind}-{name}-{seed}.npy", np.stack(sheet))
    return {"part": kind, "seed": seed, "kimg": KIMG[kind], "textures": rows,
            "equivariance": equivariance(drawer),
            "seconds": drawer.run.rows()[-1]["seconds"]}  # fmt: skip


def contact_sheet() -> None:
    """Each source and two tiles of it, three textures to a row, at half size."""
    sheets = [np.load(file) for file in sorted(WORK.glob("sheet-tile-*-0.npy"))]
    if sheets:
        picture = Image.fromarray(grid(np.concatenate(sheets), 9, 4))
        small = picture.reduce(2)
        small.save(store.picture("patterns", "tiles", ".jpg"), quality=80)


def patches(images: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """float [PATCHES, 768]: from anywhere in the images."""
    each = PATCHES // len(images)
    cut = np.concatenate([cut_from(image, each, SIDE, rng, False) for image in images])
    return cut.reshape(len(cut), -1).astype(np.float64) / 255


def distances(source, drawn, quilts, rng) -> dict:
    real, other = (patches([source], rng) for _ in range(2))
    mean = real.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(real - mean, rowvar=False))
    base = Moments.of((real - mean) @ vectors[:, -48:])
    named = {"frechet": patches(drawn, rng), "quilt": patches(quilts, rng), "floor": other}
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
                                  seed=seed, overrides=QUIET)  # fmt: skip
    if drawer.marks.coloured:
        names = sorted({kind.partition("/")[0] for kind in drawer.kinds})
        real = [colour_of(drawer.marks.pixels[i]) for i in range(0, len(drawer.marks.pixels), 4)]
        truth = [label.partition("/")[0] for label in drawer.marks.labels[::4]]
        ceiling = rates(truth, real, names)
    else:
        names, ceiling = list(NAMED), None
    names = [name for name in names if name != "white"]  # white on white is invisible
    colours = {}
    for exact in (False, True) if drawer.marks.coloured else (True,):
        drawn = drawer.draw(EACH * len(names), [NAMED[name] for name in names], seed, exact=exact)
        requested = [names[i % len(names)] for i in range(len(drawn))]
        colours["recoloured" if exact else "generator"] = rates(
            requested, [colour_of(image) for image in drawn.images], names
        )
        share = drawn.refused / (drawn.refused + len(drawn))
    shown = drawer.draw(32, [NAMED[name] for name in names[:8]], seed)
    errors = []
    for i in range(16):
        options = inks(drawer, shown, i)
        text = patterns.to_svg(shown.images[i], **options)
        errors.append(patterns.svg_error(text, shown.images[i], **options))
    metrics = ["precision", "recall", "coverage", "diversity"]
    rows = np.random.default_rng(seed).permutation(len(drawer.marks.pixels))[:1000]
    judged = ganvas.evaluate(drawer.run, drawer.marks.pixels[rows], metrics=metrics, n=400,
                             seed=seed, features="general", model="last")  # fmt: skip
    scored = judged.to_dict()
    return {
        "part": part, "seed": seed, "kimg": KIMG[part], "colours": colours, "ceiling": ceiling,
        "refused": share, "svg_errors": [round(e, 2) for e in errors],
        "scores": scored["scores"], "truncation": scored["truncation"],
        "seconds": drawer.run.rows()[-1]["seconds"],
    }  # fmt: skip


def colour_of(image: np.ndarray) -> str:
    """The name of the main colour by hue, saturation and value, independent of the kit."""
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
    present, counts = np.unique(found, return_counts=True)
    return str(present[counts.argmax()])


def rates(requested: list[str], measured: list[str], names: list[str]) -> dict:
    """Precision and recall of each requested colour, and their means over the colours."""
    truth, found = np.array(requested), np.array(measured)
    each = {}
    for name in names:
        hit = int(((truth == name) & (found == name)).sum())
        each[name] = (hit / max(1, (found == name).sum()), hit / max(1, (truth == name).sum()))
    values = np.array(list(each.values()))
    return {"precision": values[:, 0].mean(), "recall": values[:, 1].mean(), "each": each}


def write_up(rows: list[dict]) -> str:
    text = ""
    for row in (row for row in rows if row["part"] == "quilts"):
        text += about_quilts(row["rows"])
    for kind, title in (("tile", "one generator each"), ("pair", "one generator of two"),
                        ("together", "one generator of all")):  # fmt: skip
        parts = [row for row in rows if row["part"] == kind]
        if parts:
            text += about_tiles(parts, title)
    lines = []
    rows = [row for row in rows if row["part"] != "quilts"]
    for row in (row for row in rows if "textures" not in row):
        for name, rate in [*row["colours"].items(), ("training images", row["ceiling"])]:
            if rate:
                values = f"{rate['precision']:.2f}", f"{rate['recall']:.2f}"
                lines.append([row["part"], name, *values])
    text += (
        store.markdown(["logos", "main colour", "precision", "recall"], lines) + "\n"
        if lines
        else ""
    )
    lines = []
    for row in (row for row in rows if "textures" not in row):
        names = ("precision", "recall", "coverage", "diversity")
        scores = [row["scores"][name]["value"] for name in names]
        lines.append([row["part"], f"{row['seconds']:.0f} s", *(f"{v:.2f}" for v in scores),
                      f"{row['refused']:.1%}", f"{np.mean(row['svg_errors']):.1f}"])  # fmt: skip
    head = ["logos", "training", "precision", "recall", "coverage", "diversity", "near-copies",
            "SVG error, grey levels"]  # fmt: skip
    return text + (store.markdown(head, lines) if lines else "")


def about_quilts(rows: list[dict]) -> str:
    lines = []
    for name in rows[0]["structure"]:
        values = [row["structure"][name] for row in rows]
        lines.append([name, *(f"{v:.2f}" for v in (np.median(values), min(values), max(values)))])
    middle = {name: np.median([row[name] for row in rows])
              for name in ("frechet", "repeats", "ratio", "seconds")}  # fmt: skip
    return (
        f"Tiles of 1,024 pixels by quilting, {len(rows)} textures: patch distance, median "
        f"{middle['frechet']:.2f}; repeated part {middle['repeats']:.2f} (most "
        f"{max(row['repeats'] for row in rows):.2f}); seam {middle['ratio']:.2f}; "
        f"{middle['seconds']:.1f} CPU s each. Structure:\n\n"
        + store.markdown(["", "median", "least", "largest"], lines)
        + "\n"
    )


def about_tiles(parts: list[dict], title: str) -> str:
    found = [one for row in parts for one in row["textures"]]
    seconds = sorted(row["seconds"] for row in parts)
    text = f"Tiles, {title}: {len(found)} textures, {TILES} tiles of each, {parts[0]['kimg']:g} "
    text += f"kimg in {np.median(seconds):.0f} s (median; at most {seconds[-1]:.0f})"
    text += f"; recipe {parts[0]['recipe']}\n\n" if "recipe" in parts[0] else "\n\n"
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
    text += store.markdown(["", "n", "seam over steps inside", "both within 5th to 95th"], lines)
    better = sum(one["frechet"] < one["quilt"] for one in found)
    values = {name: np.array([one[name] for one in found])
              for name in ("frechet", "quilt", "floor")}  # fmt: skip
    low, middle, high = np.percentile(values["frechet"], [25, 50, 75])
    text += (
        f"\nPatch distance, median over textures: tiles {middle:.2f} (quartiles {low:.2f} and "
        f"{high:.2f}), quilting {np.median(values['quilt']):.2f}, the source itself "
        f"{np.median(values['floor']):.2f}; tiles nearer than quilting on {better} of "
        f"{len(found)}. Rolled field against rolled image: at most "
        f"{max(row['equivariance'] for row in parts):.1e}.\n\n"
    )
    return text


def main() -> None:
    options = parser(__doc__, seeds=1).parse_args()
    if not (DATA / "propaganda_textures.zip").exists():
        print(f"{DATA} is absent: set GANVAS_DATA")
        return
    parts = ["quilts", "icons", "emoji", "pair", *(f"tile {name}" for name in textures())]
    parts += ["together"] * (options.only == "together")
    jobs = [(part, seed) for seed in range(options.seeds) for part in parts]
    rows = run_all("patterns", jobs, measure, options)
    contact_sheet()
    store.write_table("patterns", write_up(rows))


if __name__ == "__main__":
    main()
