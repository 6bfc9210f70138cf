"""What serving adds to the arithmetic: a server process against the same SavedModel in this one.

    python benchmarks/serving.py [--seconds 3] [--rounds 3]
    python benchmarks/serving.py --minutes 10     # saturation: memory and errors over time
    python benchmarks/serving.py --minutes 10 --engine litert
    python benchmarks/serving.py --beside         # one image beside eight clients that want 1024
    python benchmarks/serving.py --engines        # TensorFlow and LiteRT in turn
    python benchmarks/serving.py --bare           # beside the shortest servers
    python benchmarks/serving.py --http           # h11 and asyncio, httptools, uvloop in turn

The models: the generators of the recipes `classic`, 28x28x1, and, for --beside, `rgb64` too, for
--engines `quick`, 28x28x1, too, with their initial weights.
1. One client, batch 1: p50 of predict and generate over REST and gRPC, less the p50 of the same
   call in this process; in turn (A B A B ...), the median over the rounds.
2. Images a second: batch 1 with 1, 16 and 64 clients, without and with a batching file; batch 64
   with one client and with two. Against this process calling batches of 64.
3. CPU seconds of clients and server while 16 clients ask.
4. --engines: of each engine, CPU seconds until it is ready, memory, and server CPU milliseconds of
   a single image by 1, 16 and 64 clients, next to the same call in this process; the median over
   the rounds.
5. --http: server CPU milliseconds and images a second of `quick` by LiteRT, 64 clients over REST,
   by what reads HTTP, next to the same call in this process.
6. --bare: single predictions of `quick` over REST by both engines and by the shortest servers that
   a user would write (bare_servers.py), in turn.
Clients are processes of their own. Adds to results/serving.jsonl.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.client
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc
import numpy as np

import store
from ganvas import Client
from ganvas.serve import messages, protos

BATCHING = """
max_batch_size { value: 64 }
batch_timeout_micros { value: 1000 }
num_batch_threads { value: 2 }
max_enqueued_batches { value: 1000 }
"""


def save(folder: Path, recipe: str = "classic", shape: tuple = (28, 28, 1)):
    """A recipe's generator with its initial weights, as `ganvas export` writes it. Returns: it."""
    from ganvas.config import load_recipe
    from ganvas.config.build import build
    from ganvas.exporting import saved_model
    from ganvas.gan.networks import NETWORKS
    from ganvas.gan.networks.base import Networks

    networks = build("networks", load_recipe(recipe).networks, NETWORKS, Networks)
    generator = networks.generator(shape)
    saved_model.save(generator, (), folder / "1")
    return generator


# --- clients ------------------------------------------------------------------------------------


@functools.cache
def noise_size(url: str) -> int:
    if size := urlsplit(url).fragment:  # of a bare server, which knows no metadata
        return int(size)
    with Client(url, "model") as client:
        return client.metadata()["serving_default"].inputs["z"].shape[1]


def inputs_of(signature: str, batch: int, size: int = 100) -> dict[str, np.ndarray]:
    if signature == "generate":
        seed, one = np.array([1, 2], np.int32), np.float32(1)
        return {"num_images": np.int32(batch), "seed": seed, "truncation": one}
    return {"z": np.random.default_rng(0).normal(size=(batch, size)).astype(np.float32)}


def rest_call(url: str, signature: str, batch: int):
    """A function that asks once, as bytes to bytes: what the wire costs, not a JSON library."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    inputs = inputs_of(signature, batch, noise_size(url))
    values = {k: v.tolist() for k, v in inputs.items()}
    body = json.dumps({"signature_name": signature, "inputs": values}).encode()

    def call() -> None:
        connection.request("POST", "/v1/models/model:predict", body)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(content.decode())

    return call


def grpc_call(url: str, signature: str, batch: int):
    options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(url.removeprefix("grpc://"), options)
    predict = channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict",
        messages.PredictRequest.SerializeToString,
        messages.PredictResponse.FromString,
    )
    request = messages.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "model", signature
    for alias, value in inputs_of(signature, batch, noise_size(url)).items():
        request.inputs[alias].CopyFrom(protos.write(np.asarray(value)))
    return lambda: predict(request, timeout=60)


CALLS = {"rest": rest_call, "grpc": grpc_call}


def crowd(url: str, wire: str, signature: str, batch: int, clients: int, seconds: float) -> None:
    """Prints calls, errors and CPU seconds of this many clients; a process of its own."""
    calls = [CALLS[wire](url, signature, batch) for _ in range(clients)]
    for call in calls[:2]:
        call()
    done, errors = [0] * clients, [0] * clients
    end = time.perf_counter() + seconds

    def ask(index: int) -> None:
        while time.perf_counter() < end:
            try:
                calls[index]()
                done[index] += 1
            except Exception:
                errors[index] += 1

    cpu = time.process_time()
    threads = [threading.Thread(target=ask, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    facts = {"calls": sum(done), "errors": sum(errors), "cpu": time.process_time() - cpu}
    print(json.dumps(facts))


def run_crowd(*words) -> dict:
    command = [sys.executable, __file__, "--crowd", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


# --- the server ---------------------------------------------------------------------------------


@contextlib.contextmanager
def server(folder: Path, *options, hidden: tuple[str, ...] = ()):
    """(pid, {"rest": URL, "grpc": URL}) of `ganvas serve`, which does not see hidden packages."""
    code = f"import sys; sys.modules.update(dict.fromkeys({hidden})); sys.argv[0] = 'ganvas'"
    code += "; from ganvas.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "serve", str(folder), "--name", "model", *options]
    with started([*command, "--rest-port", "0", "--grpc-port", "0"]) as found:
        yield found


@contextlib.contextmanager
def started(command: list[str]):
    """As `server`: of a process that prints its addresses when it is ready."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            words = re.search(r"(http://\S+) and (grpc://\S+)", process.stdout.readline())
            yield process.pid, {"rest": words[1], "grpc": words[2]}
        finally:
            process.terminate()


def cpu_and_memory(pid: int) -> tuple[float, float]:
    """CPU seconds and resident MB of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def local_call(folder: Path, signature: str, batch: int):
    import tensorflow as tf

    model = tf.saved_model.load(str(folder / "1"))
    function = model.signatures[signature]
    inputs = {k: tf.constant(v) for k, v in inputs_of(signature, batch).items()}

    def call() -> None:
        for output in function(**inputs).values():
            output.numpy()

    call.model = model  # alive as long as the function
    return call


# --- what is measured ---------------------------------------------------------------------------


def p50(call, seconds: float) -> float:
    """Milliseconds."""
    times, end = [], time.perf_counter() + seconds
    call()
    while time.perf_counter() < end:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def latency(folder: Path, seconds: float, rounds: int) -> dict:
    """Added milliseconds at one client."""
    found: dict[str, dict] = {}
    with server(folder) as (_, urls):
        for signature in ("serving_default", "generate"):
            local = local_call(folder, signature, 1)
            for wire, url in urls.items():
                remote = CALLS[wire](url, signature, 1)
                pairs = [(p50(local, seconds), p50(remote, seconds)) for _ in range(rounds)]
                added = [there - here for here, there in pairs]
                found[f"{signature} {wire}"] = {
                    "in_process_ms": round(statistics.median(here for here, _ in pairs), 3),
                    "served_ms": round(statistics.median(there for _, there in pairs), 3),
                    "added_ms": round(statistics.median(added), 3),
                    "added_ms_each": [round(one, 3) for one in added],
                }
                print(f"{signature} {wire}", found[f"{signature} {wire}"], flush=True)
    return found


def throughput(folder: Path, seconds: float, rounds: int) -> list[dict]:
    """Images a second, each next to this process calling batches of 64."""
    local = local_call(folder, "serving_default", 64)
    file = folder.parent / "batching.config"
    file.write_text(BATCHING)
    plans = [(batch, clients) for batch, clients in ((1, 1), (1, 16), (1, 64), (64, 1), (64, 2))]
    rows = []
    for batched in (False, True):
        options = ("--batching-config", str(file)) if batched else ()
        with server(folder, *options) as (pid, urls):
            for wire, url in urls.items():
                for batch, clients in plans:
                    words = (url, wire, "serving_default", batch, clients, seconds)
                    pairs = [_pair(local, pid, words, seconds) for _ in range(rounds)]
                    rows.append(_row(wire, batched, batch, clients, pairs))
                    print(rows[-1], flush=True)
    return rows


def _pair(local, pid: int, words: tuple, seconds: float) -> dict:
    count, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        local()
        count += 64
    here = count / (time.perf_counter() - began)
    before = cpu_and_memory(pid)[0]
    crowd_ = run_crowd(*words)
    server_cpu = cpu_and_memory(pid)[0] - before
    there = crowd_["calls"] * words[3] / seconds
    return {"here": here, "there": there, "server_cpu": server_cpu, **crowd_}


def _row(wire: str, batched: bool, batch: int, clients: int, pairs: list[dict]) -> dict:
    ratios = [pair["there"] / pair["here"] for pair in pairs]
    calls = sum(pair["calls"] for pair in pairs)
    return {
        "wire": wire, "batching": batched, "batch": batch, "clients": clients,
        "images_per_second": round(statistics.median(pair["there"] for pair in pairs), 1),
        "in_process_batches_of_64": round(statistics.median(pair["here"] for pair in pairs), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(one, 3) for one in ratios],
        "errors": sum(pair["errors"] for pair in pairs),
        "client_cpu_ms_per_call": round(1e3 * sum(p["cpu"] for p in pairs) / calls, 3),
        "server_cpu_ms_per_call": round(1e3 * sum(p["server_cpu"] for p in pairs) / calls, 3),
    }  # fmt: skip


def saturate(folder: Path, minutes: float, engine: str) -> dict:
    """Sixteen clients of each wire, batching on: memory and errors every tenth of the time."""
    file = folder.parent / "batching.config"
    file.write_text(BATCHING)
    seconds, rows = minutes * 6, []
    options = ("--batching-config", str(file), "--engine", engine)
    with server(folder, *options) as (pid, urls):
        for _ in range(10):
            row = {"calls": 0, "errors": 0}
            for wire, url in urls.items():
                facts = run_crowd(url, wire, "serving_default", 1, 16, seconds / 2)
                row["calls"] += facts["calls"]
                row["errors"] += facts["errors"]
            row["resident_mb"] = round(cpu_and_memory(pid)[1], 1)
            rows.append(row)
            print(row, flush=True)
    return {"minutes": minutes, "rows": rows}


def beside(folder: Path, seconds: float) -> dict:
    """Milliseconds of `generate(1)`, alone and beside eight clients of `generate(1024)`."""
    found = {}
    with server(folder, "--timeout-seconds", "600") as (_, urls):
        for wire, url in urls.items():
            light = CALLS[wire](url, "generate", 1)
            times = [durations(light, seconds)]
            words = [url, wire, "generate", 1024, 8, 3 * seconds]
            command = [sys.executable, __file__, "--crowd", *map(str, words)]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as crowd_:
                time.sleep(4)  # its start
                times.append(durations(light, seconds))
                crowd_.kill()
            alone, crowded = times
            found[wire] = {
                "alone_ms": [round(float(np.percentile(alone, q)), 1) for q in (50, 95)],
                "beside_ms": [round(float(np.percentile(crowded, q)), 1) for q in (50, 95)],
                "ratio": round(float(np.median(crowded) / np.median(alone)), 2),
                "calls": len(crowded),
            }
            print(folder.name, wire, found[wire], flush=True)
    return found


def durations(call, seconds: float) -> list[float]:
    """Milliseconds of each call, ten a second at most."""
    call()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.1)
    return times


def save_both(folder: Path, recipe: str) -> None:
    """As `save`, with the file that LiteRT serves."""
    from ganvas.exporting.litert import convert
    from ganvas.serve.signatures import FLOAT32
    from ganvas.storage import manifest

    generator = save(folder, recipe)
    generator.save(f"{folder}.keras")
    size, shape = generator.input["noise"].shape[-1], list(generator.output.shape[1:])
    content = convert(generator, "float32", np.zeros((1, size), np.float32), None)
    (folder / "1" / FLOAT32).write_bytes(content)
    facts = {"noise_size": size, "shape": shape, "conditional": False, "names": []}
    facts |= {"class_shares": [], "artefacts": {"saved_model": {}, FLOAT32: {}}}
    manifest.write(folder / "1", facts)


def in_process(folder: Path, seconds: float) -> dict[str, float]:
    """CPU milliseconds of one image by each engine, without a server."""
    import tensorflow as tf

    from ganvas.base.litert import opened
    from ganvas.serve.signatures import FLOAT32

    run = opened(folder / "1" / FLOAT32).get_signature_runner("serving_default")
    z = np.zeros(run.get_input_details()["z"]["shape"], np.float32)
    model = tf.saved_model.load(str(folder / "1"))
    calls = {
        "tensorflow": lambda: model.signatures["serving_default"](z=tf.constant(z)),
        "litert": lambda: run(z=z),
    }
    found = {}
    for engine, call in calls.items():
        call()
        began, count, end = time.process_time(), 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            call()
            count += 1
        found[engine] = 1e3 * (time.process_time() - began) / count
    return found


def engines(folder: Path, seconds: float, rounds: int) -> dict[str, dict]:
    """What a server of each engine costs, in turn."""
    seen: dict[str, dict[str, list[float]]] = {"tensorflow": {}, "litert": {}}
    for _ in range(rounds):
        for engine, cost in in_process(folder, seconds).items():
            seen[engine].setdefault("in_process_cpu_ms", []).append(cost)
        for engine, facts in seen.items():
            with server(folder, "--engine", engine) as (pid, urls):
                facts.setdefault("ready_cpu_s", []).append(cpu_and_memory(pid)[0])
                for wire, signature, clients in CROWDS:
                    before = cpu_and_memory(pid)[0]
                    asked = run_crowd(urls[wire], wire, signature, 1, clients, seconds)
                    cpu = cpu_and_memory(pid)[0] - before
                    name = f"{signature} {wire} {clients}"
                    facts.setdefault(f"{name} cpu_ms", []).append(1e3 * cpu / asked["calls"])
                    rate = asked["calls"] / seconds
                    facts.setdefault(f"{name} images_per_second", []).append(rate)
                    facts.setdefault(f"{name} errors", []).append(asked["errors"])
                facts.setdefault("resident_mb", []).append(cpu_and_memory(pid)[1])
    return {
        engine: {name: round(statistics.median(values), 3) for name, values in facts.items()}
        for engine, facts in seen.items()
    }


def bare(folder: Path, seconds: float, rounds: int) -> dict[str, dict]:
    """Single predictions over REST by both engines, and by the shortest servers, in turn."""
    from ganvas.serve.signatures import FLOAT32

    script = [sys.executable, f"{Path(__file__).with_name('bare_servers.py')}"]
    contenders = {
        "ganvas, tensorflow": lambda: server(folder, "--engine", "tensorflow"),
        "ganvas, litert": lambda: server(folder, "--engine", "litert"),
        "uvicorn and Keras": lambda: started([*script, "keras", f"{folder}.keras"]),
        "uvicorn and LiteRT": lambda: started([*script, "litert", f"{folder / '1' / FLOAT32}"]),
    }
    seen: dict[str, dict[str, list[float]]] = {name: {} for name in contenders}
    for _ in range(rounds):
        for name, start in contenders.items():
            with start() as (pid, urls):
                seen[name].setdefault("ready_cpu_s", []).append(cpu_and_memory(pid)[0])
                for clients in (1, 16, 64):
                    before = cpu_and_memory(pid)[0]
                    asked = run_crowd(urls["rest"], "rest", "serving_default", 1, clients, seconds)
                    cost = 1e3 * (cpu_and_memory(pid)[0] - before) / asked["calls"]
                    seen[name].setdefault(f"{clients} clients, CPU ms", []).append(cost)
                    seen[name].setdefault("errors", []).append(asked["errors"])
                seen[name].setdefault("resident_mb", []).append(cpu_and_memory(pid)[1])
    return {
        name: {key: round(statistics.median(values), 3) for key, values in facts.items()}
        for name, facts in seen.items()
    }


HIDDEN = {
    "h11, asyncio": ("httptools", "uvloop"), "httptools, asyncio": ("uvloop",),
    "httptools, uvloop": (),
}  # fmt: skip


def http_readers(folder: Path, seconds: float, rounds: int) -> dict[str, dict]:
    """64 clients over REST, by what reads HTTP, in turn."""
    seen: dict[str, dict[str, list[float]]] = {name: {} for name in HIDDEN}
    for _ in range(rounds):
        for name, facts in seen.items():
            facts.setdefault("in_process_cpu_ms", []).append(in_process(folder, 1)["litert"])
            options = ("--engine", "litert")
            with server(folder, *options, hidden=HIDDEN[name]) as (pid, urls):
                before = cpu_and_memory(pid)[0]
                asked = run_crowd(urls["rest"], "rest", "serving_default", 1, 64, seconds)
                cpu = cpu_and_memory(pid)[0] - before
                facts.setdefault("cpu_ms", []).append(1e3 * cpu / asked["calls"])
                facts.setdefault("images_per_second", []).append(asked["calls"] / seconds)
                facts.setdefault("errors", []).append(asked["errors"])
    return {
        name: {key: round(statistics.median(values), 3) for key, values in facts.items()}
        for name, facts in seen.items()
    }


CROWDS = [
    *((wire, "serving_default", clients) for wire in ("rest", "grpc") for clients in (1, 16, 64)),
    *((wire, "generate", 1) for wire in ("rest", "grpc")),
]
"""Wire, signature, clients."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--engine", choices=["tensorflow", "litert"], default="tensorflow")
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--engines", action="store_true")
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--crowd", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.crowd:
        url, wire, signature, batch, clients, seconds = options.crowd
        crowd(url, wire, signature, int(batch), int(clients), float(seconds))
        return
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        save(model)
        if options.minutes:
            if options.engine == "litert":
                model = Path(folder) / "quick"
                save_both(model, "quick")
            name = "saturation litert" if options.engine == "litert" else "saturation"
            found = {name: saturate(model, options.minutes, options.engine)}
        elif options.http:
            place = Path(folder) / "quick"
            save_both(place, "quick")
            found = {"http": http_readers(place, options.seconds, options.rounds)}
            print(json.dumps(found, indent=1), flush=True)
        elif options.bare:
            place = Path(folder) / "quick"
            save_both(place, "quick")
            found = {"bare": bare(place, options.seconds, options.rounds)}
            print(json.dumps(found, indent=1), flush=True)
        elif options.engines:
            found = {}
            for recipe in ("quick", "classic"):
                place = Path(folder) / recipe
                save_both(place, recipe)
                found[f"engines {recipe}"] = engines(place, options.seconds, options.rounds)
                print(recipe, json.dumps(found[f"engines {recipe}"], indent=1), flush=True)
        elif options.beside:
            save(Path(folder) / "rgb64", "rgb64", (64, 64, 3))
            seconds = max(10.0, options.seconds)
            found = {
                f"beside {name}": beside(Path(folder) / name, seconds)
                for name in ("model", "rgb64")
            }
        else:
            found = {
                "latency": latency(model, options.seconds, options.rounds),
                "throughput": throughput(model, options.seconds, options.rounds),
            }
    found["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_average_at_the_end": [round(one, 2) for one in os.getloadavg()],
        "tensorflow": metadata.version("tensorflow"),
    }
    for part, result in found.items():
        store.add("serving", part, result)


if __name__ == "__main__":
    main()
