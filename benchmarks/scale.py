"""What it costs to share the work: training, packing and reading against one process, bare tools.

    python benchmarks/scale.py [--only training] [--counts 10000,100000]

training: one run by 1, 2 and 4 workers of this machine, at equal total work: the same images, the
    small network of `quick`, batches of 64 and of 256. Overhead: seconds a tick against those of 1
    worker, without the first tick. Waiting: as many processes at once, each alone with its part of
    the batch, are quicker by it. Where workers are more than cores, they take turns: no speed-up
    can show, overhead can. Losses are compared over the first three steps: sums in another order
    round otherwise, and a game makes much of that later. Once without `workers.keep_memory`.
packing: generated images of mixed formats, 160 to 320 px or twice and three times that, 1 % broken:
    `ganvas prepare --workers` to 64 px against as many threads that do nothing but decode the same
    files in full. Memory: the peak of all processes together (PSS, each shared page counted once).
    After 10,000 pictures come the same again, as files that differ by a few bytes at their end.
reading: `Images.stream` over shards of 64x64x3 against `tf.data.TFRecordDataset`, parsed, decoded,
    batched and cast, but neither shuffled nor checked.
Writes results/scale/*.json and results/scale.md. Images go to the temporary folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

import jobs

PLACE = Path(tempfile.gettempdir()) / "ganvas-scale"
CORES = os.cpu_count() or 1
BATCH = 64
GAMES = {"64": 25.6, "256": 51.2}
"""Batches, and how many thousand images are played in batches of so many, in five ticks."""
TICKS = 5
PICTURES = 10_000
SETS = {
    "train.steps_per_execution": 1,
    "networks.norm": "none", "networks.minibatch": "none", "watch.signals": "false",
    "watch.tensorboard": "false", "scores.times": 0,
}  # fmt: skip
"""Nothing that is normalised or drawn within a worker, so that curves can be compared."""


def command(*words, **sets) -> list[str]:
    for key, value in sets.items():
        words += ("--set", f"{key}={value}")
    return [sys.executable, "-m", "ganvas", *map(str, words)]


def rows_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def tick_seconds(run: Path) -> float:
    """The median of a tick, without the first, which compiles."""
    stamps = [row["seconds"] for row in rows_of(run)]
    return float(np.median(np.diff(stamps)))


def training(workers: int, size: str) -> dict:
    threads = max(1, CORES // workers)
    env = os.environ | dict.fromkeys(
        ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), str(threads)
    )
    kimg, batch, words = GAMES[size], int(size), ("train", "mnist", "--recipe", "quick", "--run")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "together"
        sets = SETS | {"train.batch": batch, "train.kimg": kimg, "train.tick_kimg": kimg / TICKS}
        together(words, run, workers, sets)
        few = Path(folder) / "few"
        step = batch / 1000
        together(words, few, workers, sets | {"train.kimg": 3 * step, "train.tick_kimg": step})
        alone = sets | {
            "train.kimg": kimg / workers, "train.tick_kimg": kimg / TICKS / workers,
            "train.batch": batch // workers,
        }  # fmt: skip
        apart = [Path(folder) / str(i) for i in range(workers)]
        processes = [
            subprocess.Popen(command(*words, one, **alone), env=env,
                             stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            for one in apart
        ]  # fmt: skip
        if any(process.wait() for process in processes):
            raise SystemExit("a process that trained alone failed")
        seconds = tick_seconds(run)
        return {
            "what": "training", "batch": batch, "workers": workers, "cores": CORES,
            "kimg": kimg, "seconds_a_tick": seconds,
            "images_per_second": 1000 * kimg / TICKS / seconds,
            "communication": 1 - float(np.mean([tick_seconds(one) for one in apart])) / seconds,
            "images_sha256": seen(workers, batch),
            "losses": [[row["discriminator"], row["generator"]] for row in rows_of(few)],
        }  # fmt: skip


def forgetful(workers: int, size: str) -> dict:
    """The same run where glibc is left as it is: a user's word to it, which says nothing."""
    kimg, words = GAMES[size], ("train", "mnist", "--recipe", "quick", "--run")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "together"
        sets = {"train.batch": int(size), "train.kimg": kimg, "train.tick_kimg": kimg / TICKS}
        together(words, run, workers, SETS | sets, MALLOC_PERTURB_="0")
        speed = 1000 * kimg / TICKS / tick_seconds(run)
    return {"what": "forgetful", "batch": int(size), "workers": workers, "images_per_second": speed}


def together(words: tuple, run: Path, workers: int, sets: dict, **environment: str) -> None:
    done = subprocess.run(
        command(*words, run, "--workers", workers, **sets),
        capture_output=True, env=os.environ | environment,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr.decode())


def seen(workers: int, batch: int) -> str:
    """A digest of the images that so many workers read of the first batches, put together."""
    from ganvas.data import load

    source, own = load("mnist"), batch // workers
    parts = [
        source.stream(batch, 0, part=slice(i * own, (i + 1) * own)).take(50) for i in range(workers)
    ]
    digest = hashlib.sha256()
    for batches in zip(*parts, strict=True):
        digest.update(np.concatenate([images.numpy() for images, _ in batches]).tobytes())
    return digest.hexdigest()


# --- packing ------------------------------------------------------------------------------------


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
    return timed(command("prepare", folder, "--to", out, "--size", 64, "--workers", CORES), out)


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


def ray_data(count: int, times: int) -> dict:
    """The same by Ray Data, see `ray_data.py`; it need not read headers, nor write TFRecords."""
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


def packing(count: int, times: int) -> dict:
    few, folder, out = images(200, times), images(count, times), PLACE / "packed"
    start, _, _ = prepare(few, out)
    paths = files_of(folder)
    seconds, memory, _ = prepare(folder, out)
    decoding = raw(paths)
    report = json.loads((out / "index.json").read_text())["report"]
    broken = {f"{n:07d}" for n in range(count) if n % 100 == 50}
    listed = {Path(one["path"]).stem for one in report["unreadable"]}
    size = sum(path.stat().st_size for path in paths)
    shutil.rmtree(out)
    return {
        "what": "packing", "images": count, "times": times, "workers": CORES,
        "megabytes": size / 1e6, "seconds": seconds,
        "seconds_to_start": start, "seconds_to_decode": decoding,
        "against_decoding": decoding / seconds,
        "against_decoding_without_start": decoding / (seconds - start),
        "peak_mb": memory.peak, "peak_mb_of_the_command": memory.own,
        "broken": len(broken), "listed": len(listed & broken),
        "listed_wrongly": len(listed - broken),
    }  # fmt: skip


# --- reading ------------------------------------------------------------------------------------


def shards(count: int) -> Path:
    from ganvas.data import Options, prepare

    folder = PLACE / f"shards-{count}"
    if not folder.exists():
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (count, 64, 64, 3), np.uint8)
        prepare((pixels, np.arange(count) % 10), folder, Options(), shard_mb=64)
    return folder


def bare(folder: Path):
    import tensorflow as tf

    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }

    def parse(record):
        one = tf.io.parse_single_example(record, features)
        image = tf.reshape(tf.io.decode_raw(one["image"], tf.uint8), (64, 64, 3))
        return tf.cast(image, tf.float32) / 127.5 - 1, tf.cast(one["label"], tf.int32)

    files = sorted(map(str, folder.glob("*.tfrecord")))
    data = tf.data.TFRecordDataset(files).repeat().map(parse, num_parallel_calls=CORES)
    return data.batch(BATCH, drop_remainder=True).prefetch(4)


def speed(data, batches: int) -> float:
    """Images a second, after the first few batches."""
    iterator = iter(data)
    for _ in range(20):
        next(iterator)
    began = time.perf_counter()
    for _ in range(batches):
        next(iterator)
    return BATCH * batches / (time.perf_counter() - began)


def reading(count: int) -> dict:
    from ganvas.data import load

    folder = shards(count)
    source = load(folder)
    batches = 2 * count // BATCH
    pairs = [
        (speed(source.stream(BATCH, seed), batches), speed(bare(folder), batches))
        for seed in range(7)
    ]
    ratios = [ours / theirs for ours, theirs in pairs]
    return {
        "what": "reading", "images": count, "cores": CORES,
        "images_per_second": statistics.median(ours for ours, _ in pairs),
        "bare_images_per_second": statistics.median(theirs for _, theirs in pairs),
        "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios),
    }  # fmt: skip


# --- the table ----------------------------------------------------------------------------------


def write_up(rows: list[dict]) -> None:
    by = {
        what: [r for r in rows if r["what"] == what]
        for what in ("training", "forgetful", "packing", "ray_data", "reading")
    }
    text = "# Sharing the work\n\n`benchmarks/scale.py`\n"
    if by["training"]:
        lines = []
        for row in sorted(by["training"], key=lambda r: (r["batch"], r["workers"])):
            one = next(
                r for r in by["training"] if r["batch"] == row["batch"] and r["workers"] == 1
            )
            apart = np.abs(np.array(row["losses"]) - np.array(one["losses"])).max()
            lines.append([
                str(row["batch"]), str(row["workers"]), f"{row['images_per_second']:.0f}",
                f"{row['seconds_a_tick'] / one['seconds_a_tick'] - 1:+.0%}",
                f"{row['communication']:.0%}",
                "yes" if row["images_sha256"] == one["images_sha256"] else "NO", f"{apart:.0e}",
            ])  # fmt: skip
        head = ["batch", "workers", "images/s", "overhead", "waiting for others", "same images",
                "losses differ by"]  # fmt: skip
        text += f"\nTraining, {CORES} cores:\n\n" + jobs.markdown(head, lines)
    for r in by["forgetful"]:
        text += (
            f"\nWhere {r['workers']} workers give freed memory back, in batches of {r['batch']}: "
            f"{r['images_per_second']:.0f} images/s.\n"
        )
    if by["packing"]:
        lines = [
            [
                f"{r['images']:,}", f"{160 * r['times']} to {320 * r['times']}",
                f"{r['images'] / r['seconds']:.0f}", f"{r['against_decoding']:.2f}",
                f"{r['against_decoding_without_start']:.2f}", f"{r['peak_mb']:.0f}",
                f"{r['peak_mb_of_the_command']:.0f}",
                f"{r['listed']} of {r['broken']}, {r['listed_wrongly']} wrongly",
            ]
            for r in sorted(by["packing"], key=lambda r: (r["times"], r["images"]))
        ]  # fmt: skip
        head = ["images", "pixels a side", "images/s", "against decoding alone",
                "without the start", "peak MB, all", "peak MB, command",
                "broken listed"]  # fmt: skip
        text += f"\nPacking, {by['packing'][0]['workers']} workers:\n\n" + jobs.markdown(
            head, lines
        )
    if by["ray_data"]:
        ours = {(r["images"], r["times"]): r for r in by["packing"]}
        text += "\nThe same by Ray Data (read, decode, sort, write Parquet):\n\n"
        text += jobs.markdown(
            ["images", "pixels a side", "images/s", "times our seconds", "peak MB, all"],
            [
                [
                    f"{r['images'] + r['broken']:,}", f"{160 * r['times']} to {320 * r['times']}",
                    f"{(r['images'] + r['broken']) / r['seconds']:.0f}",
                    f"{r['seconds'] / ours[r['images'] + r['broken'], r['times']]['seconds']:.2f}",
                    f"{r['peak_mb']:.0f}",
                ]
                for r in by["ray_data"]
            ],
        )  # fmt: skip
    if by["reading"]:
        lines = [
            [
                f"{r['images']:,}", f"{r['images_per_second']:.0f}",
                f"{r['bare_images_per_second']:.0f}",
                f"{r['ratio']:.2f} ({r['lowest']:.2f} to {r['highest']:.2f})",
            ]
            for r in by["reading"]
        ]  # fmt: skip
        head = ["images", "images/s", "bare images/s", "ratio (median, range)"]
        text += "\nReading shards:\n\n" + jobs.markdown(head, lines)
    (jobs.RESULTS / "scale.md").write_text(text)
    print(text)


def play(what: str, size: str) -> dict:
    if what in ("training", "forgetful"):
        batch, _, workers = size.partition(" by ")
        return {"training": training, "forgetful": forgetful}[what](int(workers), batch)
    if what in ("packing", "ray_data"):
        count, _, times = size.partition(" times ")
        return {"packing": packing, "ray_data": ray_data}[what](int(count), int(times or 1))
    return reading(int(size))


def main() -> None:
    options = jobs.parser(__doc__)
    options.add_argument("--counts", default="10000,100000")
    options.add_argument("--workers", default="1,2,4")
    given = options.parse_args()
    todo = [("training", f"{game} by {n}") for game in GAMES for n in given.workers.split(",")]
    todo += [("forgetful", "256 by 2")]
    todo += [("packing", count) for count in given.counts.split(",")]
    todo += [("packing", f"{count} times 2") for count in given.counts.split(",")]
    todo += [("packing", "3000 times 3"), ("reading", "30000")]
    todo += [("ray_data", f"{count} times 2") for count in given.counts.split(",")]
    write_up(jobs.run_all("scale", todo, play, given))


if __name__ == "__main__":
    main()
