"""A folder of an exported model is what it was, or it is refused."""

import json

import pytest

from ganvas.errors import ModelError
from ganvas.storage import manifest
from refusals import refuses


def test_names_of_classes_are_plain_text_of_some_length(tmp_path):
    for names, expected in (
        (["cat", "\x1b[31m\n", "\udcff"], ("cat", "\\x1b[31m\\n", "\\udcff")),
        ([], ()),
        ("cat", ()),
        (["cat", 3], ()),
        (["x" * 1001], ()),
        (["x"] * 10_001, ()),
    ):
        (tmp_path / "manifest.json").write_text(json.dumps({"names": names}))
        assert manifest.class_names(tmp_path) == expected
    (tmp_path / "manifest.json").write_text("[")
    assert manifest.class_names(tmp_path) == manifest.class_names(tmp_path / "none") == ()


@pytest.fixture
def model(tmp_path):
    """Versions 2 and 10, of two files each, and things that are no versions."""
    for number in (2, 10):
        folder = tmp_path / "digits" / str(number)
        (folder / "variables").mkdir(parents=True)
        (folder / "saved_model.pb").write_bytes(b"graph")
        (folder / "variables" / "data").write_bytes(b"numbers")
        manifest.write(folder, {"run": "r", "number": number})
    (tmp_path / "digits" / ".part-11").mkdir()
    (tmp_path / "digits" / "models.config").touch()
    return tmp_path / "digits"


def test_the_newest_version_is_taken(model):
    assert list(manifest.versions(model)) == [2, 10]
    assert manifest.locate(model) == model / "10"
    assert manifest.locate(model / "2") == model / "2"
    assert manifest.verify(model)["number"] == 10
    assert manifest.verify(model / "2")["number"] == 2


def test_is_model(model, tmp_path):
    assert manifest.is_model(model)
    assert manifest.is_model(model / "2")
    assert not manifest.is_model(tmp_path)
    assert not manifest.is_model(tmp_path / "nothing")


def test_files_are_named_with_their_digest(model):
    files = manifest.verify(model)["files"]
    assert set(files) == {"saved_model.pb", "variables/data"}
    assert files["saved_model.pb"] == manifest.sha256(model / "10" / "saved_model.pb")


def change(folder):
    (folder / "saved_model.pb").write_bytes(b"grapf")


def remove(folder):
    (folder / "variables" / "data").unlink()


def add(folder):
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "requests").touch()


def cut(folder):
    path = folder / manifest.NAME
    path.write_text(path.read_text()[:-20])


def empty(folder):
    (folder / manifest.NAME).write_text("{}")


def other(folder):
    (folder / manifest.NAME).write_text(json.dumps([1]))


@pytest.mark.parametrize(
    ("harm", "file"),
    [
        (change, "saved_model.pb"),
        (remove, "variables/data"),
        (add, "requests"),
        (cut, "manifest.json"),
        (empty, "manifest.json"),
        (other, "manifest.json"),
    ],
)
def test_what_was_changed_is_refused(model, harm, file):
    harm(model / "10")
    with refuses(ModelError, file):
        manifest.verify(model)
    assert manifest.verify(model / "2")["number"] == 2


def test_no_model(tmp_path):
    with refuses(ModelError):
        manifest.verify(tmp_path)
