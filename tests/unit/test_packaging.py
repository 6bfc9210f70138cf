"""What is published: one version everywhere, a page without relative links, a small wheel."""

import re
import runpy
import tomllib
from pathlib import Path

import ganvas

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")["registry_page"]


def test_one_version():
    version = PROJECT["version"]
    assert ganvas.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    for file in (ROOT / "deploy").iterdir():
        assert set(re.findall(r"/ganvas:([\d.]+)", file.read_text())) <= {version}, file


def test_the_page_of_the_registry_has_absolute_links():
    text = (ROOT / "README.md").read_text()
    page = PAGE(text, "1.2")
    assert not re.findall(r"\]\((?!https?://)([^)]*)\)", page)
    assert page.count("](") == text.count("](")
    raw = "https://raw.githubusercontent.com/ganvas/ganvas/v1.2/docs/pictures/quick.png"
    assert f"]({raw})" in page
    assert "](https://github.com/ganvas/ganvas/blob/v1.2/docs/tour.md)" in page
    assert PAGE("[a](#b) [c](https://d/e) [f](g.md#h)", "2") == (
        "[a](#b) [c](https://d/e) [f](https://github.com/ganvas/ganvas/blob/v2/g.md#h)"
    )


def test_the_wheel_is_small():
    """Its files are smaller packed: this bounds the wheel, which `make release` measures."""
    package = ROOT / "src" / "ganvas"
    files = [file for file in package.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    assert sum(file.stat().st_size for file in files) < 32 * 2**20


def test_all_has_every_extra_for_use():
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    named = set(everything.removeprefix("ganvas[").removesuffix("]").split(","))
    assert set(extras) - named == {"all", "dev", "docs", "gpu", "proof", "serve"}
