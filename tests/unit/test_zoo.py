"""Models of the zoo: found by name, checked, drawn from, begun from. A stand-in for the package."""

import hashlib
import json
import sys

import pytest

from ganvas.errors import ModelError, UsageError
from ganvas.pretrained.cards import beginning
from ganvas.storage import manifest, zoo
from refusals import refuses


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with the model "dots", whose code must not run."""
    place = tmp_path / "site" / zoo.PACKAGE
    version = place / "dots" / "1"
    version.mkdir(parents=True)
    (place / "__init__.py").write_text("raise SystemExit('executed')")
    (version / "model_float32.tflite").write_bytes(b"TFL3")
    manifest.write(version, {"artefacts": {}})
    (place / "dots" / zoo.PAIR).write_bytes(b"pair")
    files = {
        name: hashlib.sha256((place / "dots" / name).read_bytes()).hexdigest()
        for name in ("1/model_float32.tflite", "1/manifest.json", zoo.PAIR)
    }
    listed = {"dots": {"draws": "dots", "networks": "dcgan", "files": files}}
    (place / zoo.LIST).write_text(json.dumps(listed))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, zoo.PACKAGE, raising=False)
    zoo._check.cache_clear()
    return place


def test_names():
    assert zoo.name_of("zoo:digits") == "digits"
    assert [zoo.name_of(one) for one in ("digits", "zoo://x", "zoo", "C:/zoo", None)] == [None] * 5


def test_a_model_is_found_by_name(package):
    assert manifest.is_model("zoo:dots")
    assert manifest.locate("zoo:dots") == package / "dots" / "1"
    assert manifest.versions("zoo:dots") == {1: package / "dots" / "1"}
    assert zoo.pair("dots").read_bytes() == b"pair"
    assert beginning("zoo:dots") == "zoo:dots"


def test_an_unknown_name_lists_the_known_ones(package):
    with refuses(UsageError, "dot", "did you mean 'dots'"):
        manifest.is_model("zoo:dot")
    with refuses(UsageError, "accepted: dots"):
        beginning("zoo:nothing")


def test_a_changed_or_lost_file_is_refused(package):
    path = package / "dots" / "1" / "model_float32.tflite"
    path.write_bytes(b"TFL4")
    with refuses(ModelError, "sha256"):
        manifest.locate("zoo:dots")
    path.unlink()
    with refuses(ModelError, "cannot be read", "reinstall ganvas-zoo"):
        manifest.locate("zoo:dots")


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(zoo.importlib.util, "find_spec", lambda name: None)
    with refuses(UsageError, "pip install ganvas-zoo"):
        manifest.is_model("zoo:digits")
