"""The page of `examples/browser` draws, in a real browser and without a network, what Python draws.

Needs Chromium, `pip install playwright` (the client alone) and npm with its registry.
"""

from __future__ import annotations

import contextlib
import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

import ganvas
from ganvas.data.mnist import mnist
from ganvas.exporting.runners import LiteRT
from ganvas.images import read, to_uint8

pytestmark = pytest.mark.proof
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
PAGE = Path(__file__).parents[2] / "examples" / "browser"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium with a profile of its own; no host but 127.0.0.1 has an address."""
    api = pytest.importorskip("playwright.sync_api")
    if not BROWSER:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        profile = tmp_path_factory.mktemp("profile")
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=BROWSER, args=FLAGS, viewport={"width": 1000, "height": 720}
        )
        yield context
        context.close()


@pytest.fixture(scope="module", params=["labels", "no labels"])
def model(request, few_steps, tmp_path_factory):
    """A few steps on digits, exported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANVAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        images, labels = (part[:600] for part in mnist("train"))
        # Of a smaller network, no quantised file has 0.35 of the size.
        own = {"export.images": 100, "data.clusters": 0,
               "networks.width": 32, "networks.max_width": 256}  # fmt: skip
        folder = tmp_path_factory.mktemp("runs") / "digits"
        run = ganvas.train(
            (images, labels) if request.param == "labels" else images,
            "quick", run=folder, overrides=few_steps | own, progress=False,
        )  # fmt: skip
        return ganvas.export(run.folder, tmp_path_factory.mktemp("models"), formats=["litert"])


@contextlib.contextmanager
def serving(model, folder):
    """The example's own command, on a copy of it -> its URL."""
    npm = shutil.which("npm")
    if not npm or subprocess.run([npm, "ping"], capture_output=True, check=False).returncode:
        pytest.skip("no npm, or its registry is out of reach")
    shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns("node_modules", "site"))
    words = [sys.executable, folder / "serve.py", model, "--port", "0"]
    with (folder / "log").open("w") as log, subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=log, text=True
    ) as process:  # fmt: skip
        try:
            line = ""
            while process.poll() is None and not line.startswith("http"):
                line = process.stdout.readline().strip()  # npm says something first
            assert line, (folder / "log").read_text()
            yield line
        finally:
            process.terminate()


def large(page):
    """What the large picture is drawn from, and its pixels, RGBA."""
    found = page.evaluate("""async () => {
        const { shown } = await import("./page.js");
        const canvas = document.getElementById("large");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return { z: [...shown.z], label: shown.label, pixels: [...data], height: canvas.height };
    }""")
    pixels = np.array(found["pixels"], np.uint8).reshape(found["height"], -1, 4)
    return np.array([found["z"]], np.float32), np.array([found["label"]]), pixels


def changed(page, act, before):
    """Act, and wait for another large picture."""
    act()
    for _ in range(100):
        page.wait_for_timeout(50)
        if ((now := large(page))[2] != before[2]).any():
            return now
    pytest.fail("the picture stays as it is")


def test_the_page_draws_what_python_draws(model, browser, tmp_path):
    with serving(model, tmp_path / "browser") as url:
        asked, page = [], browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        page.get_by_text(re.compile(r"\d ms an image")).wait_for(timeout=60_000)
        conditional = ganvas.storage.manifest.verify(model)["conditional"]
        assert page.locator("#labels button").count() == (11 if conditional else 0)
        press = functools.partial(page.get_by_role, "button", exact=True)
        acts = [
            functools.partial(page.locator("#slider0").fill, "0.5"),
            functools.partial(page.locator("#slider3").fill, "-0.7"),
            functools.partial(page.locator("#truncation").fill, "0.3"),
            press(name="New noise").click,
            page.locator("#grid button").nth(13).click,
        ] + [press(name="7").click] * conditional
        drawn = [large(page)]
        for act in acts:
            drawn.append(changed(page, act, drawn[-1]))
        page.screenshot(path=tmp_path / "page.png")
        page.close()

    assert read(tmp_path / "page.png").shape[:2] == (720, 1000)
    assert {urlsplit(one).hostname for one in asked} == {"127.0.0.1"}
    python = LiteRT(model / "model_dynamic.tflite")
    for z, label, pixels in drawn:
        expected = to_uint8(python(z, label if conditional else None))[0]
        assert pixels[..., :3].std() > 2
        error = np.abs(pixels[..., :3].astype(int) - expected)
        assert error.max() <= 3
        assert error.mean() <= 0.5
        assert (pixels[..., 3] == 255).all()
    assert drawn[-1][1] == (7 if conditional else 0)


def test_without_a_model_the_page_says_so(model, browser, tmp_path):
    with serving(model, tmp_path / "browser") as url:
        (tmp_path / "browser" / "site" / "model" / "manifest.json").unlink()
        page = browser.new_page()
        page.goto(url)
        page.get_by_text("There is no model here").wait_for(timeout=30_000)
        assert not page.locator("main").is_visible()
        page.close()
