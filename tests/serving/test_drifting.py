"""Drift of drawn images: quiet on healthy traffic, loud on damage, and never in the way."""

import logging
import re
import shutil
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.errors import ModelError
from ganvas.exporting import drift as reference, litert, saved_model
from ganvas.features.litert import INPUT, OUTPUT
from ganvas.gan.networks import DCGAN
from ganvas.sampling.sampler import Sampler
from ganvas.serve.drifting import PART, Drift, Sampled
from ganvas.serve.reference import ALL, ARRAYS, FEATURES, Reference
from ganvas.serve.signatures import FLOAT32
from ganvas.storage import manifest
from refusals import refuses

SHARES = [0.7, 0.1, 0.2]


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def means():
    """A network that is made in no time: means of 16 squares."""
    module = tf.Module()
    module.scale = tf.Variable(1 / 255)

    def call(image):
        return {OUTPUT: tf.reshape(tf.nn.avg_pool2d(image, 8, 8, "VALID"), [1, 48]) * module.scale}

    return module, tf.function(call, input_signature=[tf.TensorSpec([1, 32, 32, 3], name=INPUT)])


def publish(folder, generator):
    """A version with both engines' files; a reference that is there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    saved_model.save(generator, SHARES, folder)
    (folder / FLOAT32).write_bytes(
        litert.convert(generator, "float32", np.zeros((1, 10)), np.zeros(1))
    )
    manifest.write(folder, {
        "noise_size": 10, "shape": [16, 16, 3], "conditional": True, "names": ["a", "b", "c"],
        "class_shares": SHARES, "artefacts": {"saved_model": {}, FLOAT32: {}},
    })  # fmt: skip


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """`healthy` and `damaged`, whose generator has lost a kernel, with the same reference."""
    folder = tmp_path_factory.mktemp("watched")
    keras.utils.set_random_seed(0)
    generator = DCGAN(noise=10, width=4, max_width=8, embedding=4).generator((16, 16, 3), 3)
    sampler = Sampler(generator, ["a", "b", "c"], SHARES)
    (folder / "healthy" / "1").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "_network", means)
        facts = reference.write(folder / "healthy" / "1", sampler, None)
    assert facts["images"] == {"all": 512, "class_0": 128, "class_1": 128, "class_2": 128}
    publish(folder / "healthy" / "1", generator)
    (folder / "damaged" / "1").mkdir(parents=True)
    for name in (FEATURES, ARRAYS):
        shutil.copy(folder / "healthy" / "1" / name, folder / "damaged" / "1" / name)
    arrays = generator.get_weights()
    kernels = [number for number, array in enumerate(arrays) if array.ndim == 4]
    arrays[kernels[-1]][:] = 0
    generator.set_weights(arrays)
    publish(folder / "damaged" / "1", generator)
    return folder


def value(running, name, **labels):
    """Of a metric; 0 where it has none."""
    text = running.ask("GET", "/monitoring/prometheus/metrics").body.decode()
    found = [
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith(f"{name}{{") and all(f'{k}="{v}"' in line for k, v in labels.items())
    ]
    return sum(found)


def generate(running, seed, count=PART, model="healthy", **changes):
    inputs = {"num_images": count, "seed": [1, seed], "truncation": 1.0, "label": -1, **changes}
    body = {"signature_name": "generate", "inputs": inputs}
    assert running.ask("POST", f"/v1/models/{model}:predict", body).status == 200


@pytest.mark.parametrize("engine", ["tensorflow", "litert"])
def test_healthy_is_quiet_and_damaged_rings(serve, watched, engine, caplog):
    from ganvas.serve.config import Entry

    entries = [Entry(name, watched / name) for name in ("healthy", "damaged")]
    with serve(entries, drift=1.0, engine=engine) as running:
        for name in ("healthy", "damaged"):
            for seed in range(10):  # 160 images: three windows
                generate(running, seed, model=name)
            until(lambda of=name: value(running, "ganvas_drawn_windows_total", model_name=of) == 3)
        alarms = [value(running, "ganvas_drawn_alarms_total", model_name=name)
                  for name in ("healthy", "damaged")]  # fmt: skip
        assert alarms == [0, 3]
        distances = [value(running, "ganvas_drawn_distance", model_name=name)
                     for name in ("healthy", "damaged")]  # fmt: skip
        assert abs(distances[0]) < 0.05 < distances[1]
        assert "damaged version 1: the last 50 sampled images are not like" in caplog.text
        assert value(running, "ganvas_request_seconds_count", signature="generate") == 20


def test_what_is_not_compared_is_counted(serve, watched):
    from ganvas.serve.config import Entry

    with serve([Entry("healthy", watched / "healthy")], drift=1.0) as running:
        for _ in range(3):
            generate(running, 7)  # the same images
        generate(running, 8, truncation=0.5)
        generate(running, 9, count=5, label=2)
        body = {"inputs": {"z": [[0.0] * 10] * 3, "label": [0, 1, 2]}}
        running.ask("POST", "/v1/models/healthy:predict", body)

        def left_out(why):
            return value(running, "ganvas_drawn_left_out_total", why=why)

        until(lambda: left_out("repeated") == 2 * PART)
        assert left_out("truncation") == PART and left_out("signature") == 1
        drift = running.server.engine.drift
        until(lambda: len(drift._watched["healthy", "1"].monitors["class_2"][0]._held) == 5)
        assert len(drift._watched["healthy", "1"].monitors[ALL][1]._held) == PART
        drift.forget("healthy", "1")
        assert value(running, "ganvas_drawn_left_out_total") == 0


def test_a_version_without_a_reference_is_served_and_named(serve, bars, caplog):
    from ganvas.serve.config import Entry

    with serve([Entry("bars", bars)], drift=1.0) as running:
        for seed in range(2):
            generate(running, seed, model="bars")
        until(lambda: value(running, "ganvas_drawn_left_out_total", why="reference") == 2 * PART)
    lines = [r for r in caplog.records if "has no reference" in r.message]
    assert len(lines) == 1 and lines[0].levelno == logging.WARNING


def test_without_the_option_nothing_is_sampled(serve, watched):
    from ganvas.serve.config import Entry

    with serve([Entry("healthy", watched / "healthy")]) as running:
        generate(running, 1)
        drift = running.server.engine.drift
        assert drift._queue.empty() and not drift._watched


def test_a_busy_server_drops_and_does_not_wait(watched, monkeypatch):
    import threading

    import prometheus_client

    from ganvas.serve import drifting
    from ganvas.serve.engines.litert import LiteRTServable

    go = threading.Event()
    monkeypatch.setattr(drifting, "WAITING", 2)
    monkeypatch.setattr(Drift, "_compare", lambda self, sampled: go.wait(30))
    registry = prometheus_client.CollectorRegistry()
    drift = Drift(1.0, registry)
    servable = LiteRTServable("healthy", 1, watched / "healthy" / "1")
    given = {"truncation": np.float32(1), "num_images": np.int32(2)}
    drawn = {"image_bytes": np.array([b"a", b"b"], object)}
    began = time.monotonic()
    for _ in range(20):
        drift.offer(servable, "generate", given, drawn)
    assert time.monotonic() - began < 2
    text = prometheus_client.generate_latest(registry).decode()
    (dropped,) = re.findall(r'left_out_total\{.*why="queue"\} (\d+)', text)
    assert 34 <= int(dropped) <= 38  # of 40 images, those of two or three requests are held
    go.set()
    drift.close()


def test_an_odd_image_ends_nothing(watched, caplog):
    import prometheus_client

    drift = Drift(0.0, prometheus_client.CollectorRegistry())
    sampled = Sampled("m", "1", watched / "healthy" / "1", ALL, [b"none", b"\x89PNG"], [(1,), (2,)])
    drift._compare(sampled)
    assert drift._watched["m", "1"].monitors[ALL][0].windows == 0


def damaged(folder, **arrays):
    np.savez(folder / ARRAYS, **arrays)
    facts = {k: v for k, v in manifest.read_object(folder / manifest.NAME).items() if k != "files"}
    manifest.write(folder, facts)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {ALL: np.zeros((60, 5), np.float16)},
        {ALL: np.zeros((3, 48), np.float16)},
        {ALL: np.full((60, 48), np.nan, np.float16)},
        {ALL: np.array([{}] * 60)},
        {ALL: np.zeros(60, np.float16)},
    ],
    ids=["nothing", "width", "few", "nan", "objects", "flat"],
)
def test_a_wrong_reference_is_refused(watched, tmp_path, arrays):
    shutil.copytree(watched / "healthy" / "1", tmp_path / "1")
    damaged(tmp_path / "1", **arrays)
    with refuses(ModelError):
        Reference.read(tmp_path / "1")


def test_a_changed_reference_is_refused(watched, tmp_path):
    shutil.copytree(watched / "healthy" / "1", tmp_path / "1")
    (tmp_path / "1" / ARRAYS).write_bytes(b"x")
    with refuses(ModelError):
        Reference.read(tmp_path / "1")
