"""Packing images by several workers: what `scale.py` asks for.

Generated images of mixed formats, 160 to 320 px or twice and three times that, 1 % of them broken:
`ganvas prepare --workers` to 64 px against as many threads that do nothing but decode the same
files in full. Memory: the peak of all processes together (PSS, each shared page counted once).
After 10,000 pictures come the same again, as files that differ by a few bytes at their end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import store

PLACE = Path(tempfile.gettempdir()) / "ganvas-scale"
CORES = os.cpu_count() or 1
PICTURES = 10_000


def todo(counts: list[str]) -> list[tuple[str, str]]:
    packed = [*counts, *(f"{count} times 2" for count in counts), "30000 times 3"]
    return [("packing", one) for one in packed] + [
        ("ray_data", f"{count} times 2") for count in counts
    ]


def counted(size: str) -> tuple[int, int]:
    """ "COUNT times FACTOR" -> (images, how many times 160 to 320 pixels)."""
    count, _, times = size.partition(" times ")
    return int(count), int(times or 1)


def draw(folder: Path, times: int, number: int) -> None:
    """One image; each hundredth is cut short."""
    path = file_of(folder, number)
    if path.exists():
        return
    part = path.with_name(f".{path.name}")
    if number >= PICTURES:
        part.write_bytes(file_of(folder, number % PICTURES).read_bytes() + f"{number:07d}".encode())
        part.replace(path)
        return
    rng = np.random.default_rng(number)
    width, height = map(int, rng.integers(160, 321, 2) * times)
    small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8))
    big = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noisy = np.clip(big + rng.integers(-4, 5, big.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(part, {".jpg": "jpeg"}.get(path.suffix, path.suffix[1:]))
    if number % 100 == 50:
        content = part.read_bytes()
        part.write_bytes(content[: len(content) // 3])
    part.replace(path)


def file_of(folder: Path, number: int) -> Path:
    kinds = (".jpg", ".jpg", ".jpg", ".png", ".webp", ".jpg", ".bmp", ".png")
    suffix = kinds[number % PICTURES // 7 % 8]
    return folder / f"{number % 1000:03d}" / f"{number:07d}{suffix}"


def images(count: int, times: int) -> Path:
    folder = PLACE / f"images-{count}-{times}"
    for number in range(1000):
        (folder / f"{number:03d}").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(CORES) as pool:
        for numbers in (range(min(count, PICTURES)), range(PICTURES, count)):  # copies come second
            list(pool.map(partial(draw, folder, times), numbers, chunksize=200))
    return folder


def decode(path: Path) -> int:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB")).nbytes
    except Exception:  # what is broken, is broken in many ways
        return 0


def raw(paths: list[Path]) -> float:
    """Seconds that as many threads as workers need to decode them, and do nothing else."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(decode, paths))
    return time.perf_counter() - began


class Memory(threading.Thread):
    """The peak of a process and all that it started, in MB of PSS."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.peak, self.own = pid, 0.0, 0.0

    def run(self) -> None:
        while Path(f"/proc/{self.pid}").exists():
            sizes = {pid: pss(pid) for pid in family(self.pid)}
            self.peak = max(self.peak, sum(sizes.values()))
            self.own = max(self.own, sizes.get(self.pid, 0.0))
            time.sleep(3)  # a look takes a tenth of a second of one core


def family(pid: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:")), 0.0)


def prepare(folder: Path, out: Path) -> tuple[float, Memory, bytes]:
    words = ["prepare", folder, "--to", out, "--size", 64, "--workers", CORES]
    return timed([sys.executable, "-m", "ganvas", *map(str, words)], out)


def timed(words: list[str], out: Path) -> tuple[float, Memory, bytes]:
    """Seconds and memory that a command took, and what it said."""
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    memory = Memory(process.pid)
    memory.start()
    told, errors = process.communicate()
    if process.returncode:
        raise SystemExit(errors.decode())
    return time.perf_counter() - began, memory, told


def files_of(folder: Path) -> list[Path]:
    """All images, read once: whoever is timed finds them in the machine's memory, if they fit."""
    paths = sorted(p for p in folder.rglob("*.*") if not p.name.startswith("."))
    for path in paths:
        path.read_bytes()
    return paths


def ray_data(size: str) -> dict:
    """The same by Ray Data, see `ray_data.py`; it need not read headers, nor write TFRecords."""
    count, times = counted(size)
    folder, out = images(count, times), PLACE / "sorted"
    files_of(folder)
    script = Path(__file__).with_name("ray_data.py")
    words = [sys.executable, str(script), str(folder), str(out), str(CORES)]
    seconds, memory, told = timed(words, out)
    shutil.rmtree(out)
    return {
        "what": "ray_data", "images": count, "times": times, "workers": CORES,
        "seconds": seconds, "peak_mb": memory.peak, **json.loads(told.splitlines()[-1]),
    }  # fmt: skip


def packing(size: str) -> dict:
    count, times = counted(size)
    few, folder, out = images(200, times), images(count, times), PLACE / "packed"
    start, _, _ = prepare(few, out)
    paths = files_of(folder)
    seconds, memory, _ = prepare(folder, out)
    decoding = raw(paths)
    report = json.loads((out / "index.json").read_text())["report"]
    broken = {f"{n:07d}" for n in range(count) if n % 100 == 50}
    listed = {Path(one["path"]).stem for one in report["unreadable"]}
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    shutil.rmtree(out)
    return {
        "what": "packing", "images": count, "times": times, "workers": CORES,
        "megabytes": megabytes, "seconds": seconds,
        "seconds_to_start": start, "seconds_to_decode": decoding,
        "against_decoding": decoding / seconds,
        "against_decoding_without_start": decoding / (seconds - start),
        "peak_mb": memory.peak, "peak_mb_of_the_command": memory.own,
        "broken": len(broken), "listed": len(listed & broken),
        "listed_wrongly": len(listed - broken),
    }  # fmt: skip


def tables(packed: list[dict], by_ray_data: list[dict]) -> str:
    head = ["images", "pixels a side", "images/s", "against decoding alone", "without the start",
            "peak MB, all", "peak MB, command", "broken listed"]  # fmt: skip
    lines = [
        [
            f"{r['images']:,}", f"{160 * r['times']} to {320 * r['times']}",
            f"{r['images'] / r['seconds']:.0f}", f"{r['against_decoding']:.2f}",
            f"{r['against_decoding_without_start']:.2f}", f"{r['peak_mb']:.0f}",
            f"{r['peak_mb_of_the_command']:.0f}",
            f"{r['listed']} of {r['broken']}, {r['listed_wrongly']} wrongly",
        ]
        for r in sorted(packed, key=lambda r: (r["times"], r["images"]))
    ]  # fmt: skip
    text = f"\nPacking, {CORES} workers:\n\n" + store.markdown(head, lines) if lines else ""
    ours = {(r["images"], r["times"]): r for r in packed}
    lines = []
    for r in by_ray_data:
        count = r["images"] + r["broken"]
        if (count, r["times"]) not in ours:
            continue
        lines.append([
            f"{count:,}", f"{160 * r['times']} to {320 * r['times']}",
            f"{count / r['seconds']:.0f}",
            f"{r['seconds'] / ours[count, r['times']]['seconds']:.2f}", f"{r['peak_mb']:.0f}",
        ])  # fmt: skip
    head = ["images", "pixels a side", "images/s", "times our seconds", "peak MB, all"]
    if lines:
        text += "\nThe same by Ray Data (read, decode, sort, write Parquet):\n\n"
        text += store.markdown(head, lines)
    return text
