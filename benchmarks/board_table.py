"""The contact sheet and the table of quality_board.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import store
from board_folders import ALL, STUDY, arrays
from ganvas.tuning.verdict import compare

WIDE, MARGIN, LABEL, TEXT = 1600, 8, 150, 14
"""Pixels: the sheet's width, space between cells, the column of names, the size of letters."""
REAL = "real images"
ARMS = ("noise", "pretrained", "frozen")
SHOWN = ("kid", "kid_held", "pixels", "precision", "recall", "density", "coverage", "copies")
HEADS = {"kid": "KID × 1000", "kid_held": "to held-out"}

Scores = dict[str, list[float | None]]
Cells = dict[tuple[str, str], tuple[np.ndarray, str]]
"""(contender, folder) -> 16 images, and a line below them."""


def title(row: dict) -> str:
    """A contender, with the version of this package if it has one."""
    return f"{row['contender']} ({row['label']})" if row["label"] else row["contender"]


def cells(trained: list[dict], judged: list[dict], pieces: Path) -> Cells:
    """What the sheet shows: the first 16 images of seed 0 at the last mark, none chosen."""
    kids = {
        (title(row), row["folder"], row.get("mark")): cell(row["scores"], "kid", interval=False)
        for row in judged if row["seed"] == 0
    }  # fmt: skip
    found: Cells = {}
    for row in trained:
        last = row["marks"][-1]["mark"]
        if row["seed"] == 0:
            with np.load(pieces / row["piece"] / f"{last:g}.npz") as file:
                images = file["x"][:16]
            kid = kids.get((title(row), row["folder"], last), "-")
            found[title(row), row["folder"]] = images, f"{last:g} s, KID {kid}"
    for name in {row["folder"] for row in trained}:
        kid = kids.get((REAL, name, None), "-")
        chosen = np.random.default_rng(0).permutation(arrays(name)[2])[:16]
        found[REAL, name] = chosen, f"held out, KID {kid}"
    return found


def sheet(found: Cells, folders: list[str]) -> np.ndarray:
    """Rows are contenders, real images first, columns folders -> uint8 [H, W, 3]."""
    columns = [name for name in folders if any(folder == name for _, folder in found)]
    rows = [REAL, *sorted({row for row, _ in found} - {REAL}, key=rank)]
    side = min(256, (WIDE - LABEL) // len(columns) - MARGIN)
    step = side + MARGIN, side + 2 * MARGIN + TEXT
    size = LABEL + len(columns) * step[0], TEXT + MARGIN + len(rows) * step[1]
    page = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT)
    for j, name in enumerate(columns):
        pen.text((LABEL + j * step[0], 2), name, "black", font)
    for i, row in enumerate(rows):
        top = TEXT + MARGIN + i * step[1]
        pen.multiline_text((2, top), row.replace(" (", "\n("), "black", font)
        for j, name in enumerate(columns):
            if (row, name) in found:
                images, below = found[row, name]
                page.paste(mosaic(images, side), (LABEL + j * step[0], top))
                pen.text((LABEL + j * step[0], top + side + 1), below, "black", font)
    return np.asarray(page)


def rank(name: str) -> tuple[int, str]:
    """Our contenders stand before peers."""
    return (0 if "(" in name else 1, name)


def mosaic(images: np.ndarray, side: int) -> Image.Image:
    """Four by four images, each enlarged or reduced to a quarter of the side."""
    page = Image.new("RGB", (side, side), "white")
    small = side // 4 - 1
    for number, image in enumerate(images):
        one = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("RGB")
        place = (number % 4) * side // 4, (number // 4) * side // 4
        page.paste(one.resize((small, small), Image.Resampling.BICUBIC), place)
    return page


def table(judged: list[dict]) -> str:
    """Markdown, a row for each folder, contender, seed and mark."""
    order = {name: at for at, name in enumerate(ALL)}
    judged = sorted(
        judged,
        key=lambda r: (order[r["folder"]], r["contender"] != REAL, *rank(title(r)), r["seed"],
                       r.get("mark", 0)),
    )  # fmt: skip
    head = ["folder", "contender", "seed", "CPU s", "kimg", "ms an image",
            "weights G + D, millions"]  # fmt: skip
    return store.markdown(
        [*head, *(HEADS.get(name, name) for name in SHOWN)],
        [[*facts(row), *(cell(row["scores"], name) for name in SHOWN)] for row in judged],
    )


def verdicts(judged: list[dict]) -> str:
    """Markdown: KID from noise, from a pair, and so with frozen layers, by folder and mark:
    means over the seeds, and the verdict of `ganvas tune` on the paired difference of the first
    two."""
    found: dict[tuple[str, float], dict[str, dict[int, dict]]] = {}
    for row in judged:
        if row["folder"] in STUDY and row["contender"] != REAL:
            arms = found.setdefault((row["folder"], row["mark"]), {})
            arms.setdefault(row["contender"], {})[row["seed"]] = row["scores"]
    rows = []
    order = list(ALL)
    for (folder, mark), arms in sorted(
        found.items(), key=lambda x: (order.index(x[0][0]), x[0][1])
    ):
        seeds = sorted(set(arms.get("noise", {})) & set(arms.get("pretrained", {})))
        if not seeds:
            continue
        kid = {
            arm: [scores["kid"][0] for seed, scores in arms[arm].items() if seed in seeds]
            for arm in arms
        }
        said = compare(kid["pretrained"], kid["noise"]).verdict if len(seeds) > 1 else "-"
        means = [f"{np.mean(kid[arm]):,.0f}" if kid.get(arm) else "-" for arm in ARMS]
        others = [
            f"{np.mean([arms[arm][seed][name][0] for seed in seeds]):.2f}"
            for name in ("coverage", "copies") for arm in ("noise", "pretrained")
        ]  # fmt: skip
        ratio = np.mean(kid["pretrained"]) / np.mean(kid["noise"])
        rows.append([folder, f"{mark:g}", f"{len(seeds)}", *means, f"{ratio:.2f}", said, *others])
    head = ["folder", "CPU s", "seeds", "KID × 1000 from noise", "from a pair",
            "two layers frozen", "ratio of the first two", "verdict",
            "coverage from noise", "from a pair", "near copies from noise",
            "from a pair"]  # fmt: skip
    return store.markdown(head, rows)


def facts(row: dict) -> list[str]:
    if row["contender"] == REAL:
        return [row["folder"], REAL, "-", "-", "-", "-", "-"]
    weights = " + ".join(f"{count / 1e6:.2f}" for count in row["weights"])
    return [row["folder"], title(row), f"{row['seed']}", f"{row['seconds']:.0f}",
            f"{row['kimg']:.1f}", f"{row['ms_per_image']:.1f}", weights]  # fmt: skip


def cell(scores: Scores, name: str, interval: bool = True) -> str:
    """A value as tables show it; KID with its interval."""
    value, low, high = scores[name]
    if value is None:
        return "-"
    if name.startswith("kid"):
        ends = f" ({low:,.0f} to {high:,.0f})" if interval and low is not None else ""
        return f"{value:,.0f}{ends}"
    return f"{value:.3f}" if name == "copies" else f"{value:.2f}"
