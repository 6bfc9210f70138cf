"""The whole way through `ganvas studio` in a real browser: from a zip to a downloaded model.

Needs Chromium, and `pip install playwright` (the client alone). Screenshots are written to the
folder that GANVAS_SCREENSHOTS names, if it is set.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from ganvas.storage import manifest
from ganvas.storage.run import Run

pytestmark = pytest.mark.proof
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
COUNT = 320
TRAINED = 300_000
"""Milliseconds that a training may take here."""


def shapes(path: Path) -> Path:
    """A zip of coloured discs and squares, 32x32, in two folders."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(COUNT):
            kind = ("discs", "squares")[number % 2]
            row, column, radius = *rng.integers(10, 22, 2), rng.integers(5, 10)
            far = np.hypot(y - row, x - column) if kind == "discs" else np.maximum(
                abs(y - row), abs(x - column)
            )  # fmt: skip
            picture = np.full((32, 32, 3), rng.integers(200, 256), np.uint8)
            picture[far < radius] = rng.integers(0, 180, 3)
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, "png")
            archive.writestr(f"shapes/{kind}/{number:03}.png", buffer.getvalue())
    return path


@pytest.fixture
def studio(tmp_path):
    """The command, at work in an empty folder -> (the address with its token, the folder)."""
    folder = tmp_path / "workspace"
    words = [sys.executable, "-m", "ganvas", "studio", folder, "--port", "0", "--lang", "en"]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=log, text=True
    ) as process:  # fmt: skip
        try:
            lines = [process.stdout.readline().strip() for _ in range(2)]
            assert lines[1].startswith("http://127.0.0.1:"), (tmp_path / "log").read_text()
            yield lines[1], folder
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(90) == 0
    assert (tmp_path / "log").read_text() == ""


@pytest.fixture(scope="module")
def browser():
    """Chromium; no host but 127.0.0.1 has an address."""
    api = pytest.importorskip("playwright.sync_api")
    if not BROWSER:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(studio, browser):
    """A page that has entered; every request went to this machine, and no script failed."""
    page = browser.new_page(viewport={"width": 1200, "height": 900}, locale="en-US")
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(studio[0])
    yield page
    page.close()
    assert {urlsplit(one).hostname for one in asked if one.startswith("http")} == {"127.0.0.1"}
    assert failed == []


def shoot(page, name: str) -> None:
    """Check that nothing is wider than the page; and a screenshot for people."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    if folder := os.environ.get("GANVAS_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def pixels(page) -> list[int]:
    """Of the large image."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector("canvas.large");
            const context = canvas.getContext("2d"), { width, height } = canvas;
            return [...context.getImageData(0, 0, width, height).data];
        }"""
    )


def changed(page, act, before: list[int]) -> list[int]:
    act()
    for _ in range(100):
        page.wait_for_timeout(100)
        if (now := pixels(page)) != before:
            return now
    pytest.fail("the image stays as it is")


def test_from_zip_to_exported_model(studio, page, tmp_path):
    _, folder = studio
    press = lambda name, exact=True: page.get_by_role("button", name=name, exact=exact)  # noqa: E731
    page.get_by_text("Drop a zip or a folder").wait_for()
    page.locator("#file").set_input_files(shapes(tmp_path / "my shapes.zip"))

    page.get_by_text("discs (160), squares (160)").wait_for(timeout=30_000)
    assert (folder / "uploads" / "my shapes" / "discs").is_dir()
    press("Time it first").click()
    page.get_by_text("Expected duration").wait_for(timeout=TRAINED)
    shoot(page, "images")

    page.locator("#minutes").select_option("kimg")
    page.locator("#length").fill("12")
    press("Train").click()
    page.locator("img.grid:visible").wait_for(timeout=TRAINED)
    shoot(page, "training")
    press("Stop").last.click()
    press("Resume").wait_for(timeout=TRAINED)
    run = Run.open(next((folder / "runs").iterdir()))
    assert run.status() == "interrupted"
    rows = len(run.rows())
    press("Resume").click()
    page.get_by_text("finished", exact=True).wait_for(timeout=TRAINED)
    assert run.status() == "finished"
    assert len(run.rows()) > rows
    page.get_by_text("Distance to real images").wait_for()

    page.get_by_role("link", name="Explore images").click()
    page.locator(".sheet canvas").nth(23).wait_for(timeout=60_000)
    drawn = changed(page, lambda: None, [0] * len(pixels(page)))
    for act in (
        lambda: page.locator("#slider0").fill("3"),
        lambda: page.locator("#truncation").fill("0.4"),
        lambda: page.locator(".sheet canvas").nth(7).click(),
        lambda: press("New noise").click(),
    ):
        drawn = changed(page, act, drawn)
    of_class = []
    for label in ("discs", "squares"):
        with page.expect_response(re.compile(f"what=image.*label={label}")):
            page.locator("#label").select_option(label)
        page.wait_for_timeout(1000)
        of_class.append(pixels(page))
    assert of_class[0] != of_class[1]
    press("Variations").click()
    press("Mark as end").click()
    press("New noise").click()
    press("Interpolation").click()
    page.locator(".sheet canvas").nth(15).wait_for()
    shoot(page, "explore")
    press("Walk").click()
    page.locator(".sheet.single canvas").wait_for()

    page.go_back()
    press("Measure").click()
    page.get_by_text("95 % interval").wait_for(timeout=TRAINED)
    press("Export").click()
    page.get_by_role("link", name="Exported: show the files").wait_for(timeout=TRAINED)
    shoot(page, "run")
    page.get_by_role("link", name="Exported: show the files").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download version 1")).click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path / "unpacked")
    facts = manifest.verify(tmp_path / "unpacked" / run.folder.name)
    assert facts["names"] == ["discs", "squares"]
    press("Start a server").click()
    page.get_by_text(re.compile("It serves at http://127.0.0.1")).wait_for(timeout=60_000)
    shoot(page, "model")

    page.set_viewport_size({"width": 390, "height": 800})
    press("中文").click()
    for view in ("", f"runs/{run.folder.name}", f"explore/runs/{run.folder.name}", "defects"):
        page.goto(f"{studio[0].partition('?')[0]}#/{view}")
        page.wait_for_timeout(1500)
        shoot(page, f"narrow-{view.partition('/')[0] or 'start'}")
