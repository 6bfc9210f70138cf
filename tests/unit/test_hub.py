"""Model hubs: addresses, copies by commit, and what is never copied, against a local stand-in."""

from __future__ import annotations

import numpy as np
import pytest

import hub_server
from ganvas import images
from ganvas.data import Options, load, prepare
from ganvas.data.sources import lasting_name
from ganvas.errors import UsageError
from ganvas.storage import hub, remote
from ganvas.storage.mirror import Mirror
from refusals import refuses

TOKEN = "hf_secretsecretsecret"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub of this machine, an empty cache, and a token that the client finds by itself."""
    from huggingface_hub import constants

    with hub_server.running() as started:
        monkeypatch.setattr(constants, "ENDPOINT", started.url)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            started.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(hub, "_commits", {})
        yield started


def test_addresses():
    place = hub.parse("hf://datasets/me/cells@v1.0/train/a b.npz")
    assert (place.kind, place.name, place.revision) == ("dataset", "me/cells", "v1.0")
    assert place.path == "train/a b.npz"
    assert place.address("c" * 40) == f"hf://datasets/me/cells@{'c' * 40}/train/a b.npz"
    assert (
        hub.parse("hf://models/me/x")
        == hub.parse("hf://me/x")
        == hub.Place("model", "me/x", None, "")
    )
    for wrong in ("hf://me", "hf://me/x@", "hf://me/x/../y", "hf://datasets/me"):
        with refuses(UsageError, wrong):
            hub.parse(wrong)


def test_only_what_is_read_is_copied():
    wanted = ["1/saved_model.pb", "1/variables/variables.data-00000-of-00001", "a.PNG",
              "1/manifest.json", "generator.safetensors", "00000.tfrecord"]  # fmt: skip
    assert all(map(hub.readable, wanted))
    refused = ["train.py", "model.pkl", "pytorch_model.bin", "weights.pt", "x.joblib", "run.sh",
               ".cache/x.json", "a/.hidden/b.png", "x.h5", "LICENSE", "lib.so"]  # fmt: skip
    assert not any(map(hub.readable, refused))


def test_a_copy_is_of_one_commit(server, caplog, capsys):
    first = server.add("me/x", {"a.json": b"1", "code.py": b"boom", "sub/b [1].txt": b"22"})
    found = hub.folder("hf://me/x")
    assert found.name == first
    names = {file.relative_to(found).as_posix() for file in found.rglob("*") if file.is_file()}
    assert names == {"a.json", "sub/b [1].txt"}
    second = server.add("me/x", {"a.json": b"3"})
    assert hub.folder("hf://me/x") == found, "one command reads one commit"
    assert hub.pinned("hf://me/x/sub") == f"hf://me/x@{first}/sub"
    hub._commits.clear()
    assert (hub.folder("hf://me/x") / "a.json").read_bytes() == b"3"
    assert any(authorization == f"Bearer {TOKEN}" for *_, authorization in server.requests)
    server.requests.clear()
    hub._commits.clear()
    assert hub.folder(f"hf://me/x@{first}") == found and not server.requests, "offline by commit"
    assert remote.read(f"hf://me/x@{second}", "a.json") == b"3"
    assert remote.Store("hf://me/x@" + first).sizes() == {"a.json": 1, "sub/b [1].txt": 2}
    assert TOKEN not in caplog.text + "".join(capsys.readouterr())


def test_what_cannot_be_copied(server, monkeypatch):
    server.add("me/code", {"train.py": b"", "weights.pkl": b""})
    server.add("me/out", {"a\\..\\x.json": b"1"})
    server.add("me/big", {"x.npz": bytes(2000)})
    server.add("me/cut", {"x.npz": bytes(2000)})
    monkeypatch.setenv(hub.LIMIT, "0.0000015")
    with refuses(UsageError, "hf://me/code", "weights.pkl"):
        hub.folder("hf://me/code")
    with refuses(UsageError, "hf://me/out"):
        hub.folder("hf://me/out")
    with refuses(UsageError, "hf://me/big", hub.LIMIT):
        hub.folder("hf://me/big")
    with pytest.raises(UsageError, match=r"hf://me/none.*cannot be reached") as error:
        hub.folder("hf://me/none")
    assert TOKEN not in str(error.value)
    with pytest.raises(UsageError, match="cannot be reached"):
        hub.folder("hf://me/big@nobranch")
    monkeypatch.setenv(hub.LIMIT, "20GB")
    with refuses(UsageError, hub.LIMIT, "20GB"):
        hub.folder("hf://me/big")
    monkeypatch.delenv(hub.LIMIT)
    server.cut = "x.npz"
    with pytest.raises(UsageError, match=r"x\.npz"):
        hub.folder("hf://me/cut")
    server.cut = ""
    assert (hub.folder("hf://me/cut") / "x.npz").stat().st_size == 2000


def test_images_of_a_repository(server, grey, tmp_path):
    pictures, labels = grey
    files = {
        f"{'standing' if label else 'lying'}/{index:03d}.png": images.png(picture[..., None])
        for index, (picture, label) in enumerate(zip(pictures[:20], labels[:20], strict=True))
    }
    commit = server.add("me/bars", {**files, "bars.py": b"raise SystemExit"}, "datasets")
    found = load("hf://datasets/me/bars", Options(holdout=0))
    assert (found.count, list(found.names)) == (20, ["lying", "standing"])
    assert lasting_name("hf://datasets/me/bars") == f"hf://datasets/me/bars@{commit}"
    assert remote.trusted("hf://datasets/me/bars") == "hf://datasets/me/bars"
    np.savez(tmp_path / "x.npz", x_train=pictures)
    packed = prepare(pictures, tmp_path / "packed")
    server.add(
        "me/arrays",
        {"x.npz": (tmp_path / "x.npz").read_bytes()}
        | {f"set/{file.name}": file.read_bytes() for file in packed.iterdir()},
        "datasets",
    )
    assert load("hf://datasets/me/arrays/x.npz", Options(holdout=0)).count == len(pictures)
    assert load("hf://datasets/me/arrays/set", Options(holdout=0)).count == len(pictures)


def test_only_push_writes_to_a_hub(tmp_path):
    for write in (
        lambda: Mirror("hf://me/x", new=True),
        lambda: prepare(np.zeros((4, 8, 8), np.uint8), "hf://datasets/me/x"),
    ):
        with refuses(UsageError, "ganvas push"):
            write()
