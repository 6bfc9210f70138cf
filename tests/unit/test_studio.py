"""The studio without a browser: who may use it, what it takes, what it starts, what it shows."""

from __future__ import annotations

import asyncio
import io
import json
import re
import string
import sys
import time
import zipfile
from importlib import resources
from types import SimpleNamespace
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image

from ganvas.config import load_recipe
from ganvas.doctor.failures import FAILURES
from ganvas.errors import UsageError
from ganvas.evaluation.scores import SCORES
from ganvas.sampling.drawing import Drawing
from ganvas.serve.status import Declined
from ganvas.storage.run import Run
from ganvas.studio import explore, runs
from ganvas.studio.application import LANGUAGES, Studio, application
from ganvas.studio.commands import ORDERS
from ganvas.studio.jobs import MOST_RUNNING, Jobs
from ganvas.studio.server import StudioOptions, serve
from ganvas.studio.workspace import Workspace
from refusals import refuses

TOKEN = "a-token-of-the-test"
FILES = resources.files("ganvas.studio")


class Client:
    """Sends requests to an ASGI application in this process."""

    def __init__(self, app, cookie=TOKEN):
        self.app = app
        self.headers = {"host": "127.0.0.1:7860"}
        if cookie:
            self.headers["cookie"] = f"ganvas-studio-7860={cookie}"

    def send(self, method, path, query=None, body=b"", headers=None):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        own = {**self.headers, "content-length": str(len(content)), **(headers or {})}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": urlencode(query or {}).encode(), "server": ("127.0.0.1", 7860),
            "client": ("127.0.0.1", 1), "extensions": {},
            "headers": [(k.encode(), v.encode()) for k, v in own.items()],
        }  # fmt: skip
        waiting = [{"type": "http.request", "body": content, "more_body": False}]
        found = SimpleNamespace(status=0, headers={}, body=b"")

        async def receive():
            return waiting.pop() if waiting else await asyncio.Future()  # it stays connected

        async def answer(message):
            if message["type"] == "http.response.start":
                found.status = message["status"]
                found.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                found.body += message.get("body", b"")

        asyncio.run(self.app(scope, receive, answer))
        found.json = lambda: json.loads(found.body)
        return found

    def get(self, path, headers=None, **query):
        return self.send("GET", path, query, headers=headers)

    def post(self, where, body=b"", headers=None, **query):
        return self.send("POST", where, query, body, headers)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def client(workspace) -> Client:
    jobs = Jobs(workspace.of("hidden") / "jobs", workspace.folder, [sys.executable, "-c", "0", "-"])
    app = application(Studio(workspace, jobs, "auto", 200_000), TOKEN, ("127.0.0.1",))
    return Client(app)


def png(shade: int, size: int = 24) -> bytes:
    pixels = np.full((size, size, 3), shade, np.uint8)
    pixels[4:8, 4:12] = 255 - shade
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def classes(count: int = 6) -> bytes:
    names = ("cats", "dogs")
    return zipped(**{f"pets/{names[i % 2]}/{i}.png": png(20 * i) for i in range(count)})


# --- who may use it -------------------------------------------------------------------------


def test_the_token_enters_once(client):
    stranger = Client(client.app, cookie="")
    entered = stranger.get("/", token=TOKEN)
    assert entered.status == 200
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"ganvas-studio-7860={TOKEN};")
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert b"refresh" in entered.body
    assert client.get("/").status == 200
    assert b"app.js" in client.get("/").body


def test_without_the_token_nothing_is_shown(client):
    for cookie in ("", "another"):
        stranger = Client(client.app, cookie)
        for path in ("/", "/page/app.js", "/api/state", "/api/draw"):
            assert stranger.get(path).status == 401
        assert stranger.get("/", token="wrong").status == 401
        assert stranger.post("/api/jobs", {}).status == 401
    assert "ganvas studio" in Client(client.app, "").get("/api/state").json()["error"]


def test_other_hosts_and_pages_are_refused(client):
    other = client.get("/api/state", headers={"host": "evil.example:7860"})
    assert other.status == 403  # its name leads here: DNS rebinding
    for headers in (
        {"origin": "http://127.0.0.1:9000"},  # another server of this machine
        {"origin": "null"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
    ):
        assert client.post("/api/jobs", {}, headers=headers).status == 403
    own = {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}
    assert client.post("/api/uploads/folder", {"name": "a"}, headers=own).status == 200


def test_nothing_is_loaded_from_elsewhere(client):
    for path in ("/", "/api/state", "/api/nothing", "/page/style.css"):
        rules = client.get(path).headers["content-security-policy"]
        assert rules.startswith("default-src 'self'") and "unsafe" not in rules
    for file in (*FILES.joinpath("page").iterdir(), *FILES.joinpath("texts").iterdir()):
        addresses = set(re.findall(r"https?://[\w./]+", file.read_text("utf-8")))
        assert addresses <= {"http://www.w3.org/2000/svg"}, file.name
        assert "innerHTML" not in file.read_text("utf-8")


def test_what_has_not_changed_is_not_sent(client):
    first = client.get("/api/state")
    again = client.get("/api/state", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_hosts():
    assert StudioOptions(host="10.0.0.7").hosts() == ("localhost", "127.0.0.1", "::1", "10.0.0.7")
    assert "0.0.0.0" not in StudioOptions(host="0.0.0.0").hosts()


def test_wrong_places(tmp_path, here):
    (tmp_path / "file").touch()
    with refuses(UsageError, "file", tmp_path / "file"):
        serve(tmp_path / "file", StudioOptions(), print)
    with refuses(UsageError, "--host", "nowhere.invalid"):
        serve(tmp_path, StudioOptions(host="nowhere.invalid"), print)
    assert here("train", "mnist", "--json").returncode == 2


# --- texts ----------------------------------------------------------------------------------


def texts() -> dict[str, dict[str, str]]:
    return {
        name: json.loads(FILES.joinpath("texts", f"{name}.json").read_text("utf-8"))
        for name in LANGUAGES
    }


def test_languages_have_the_same_texts():
    def fields(text):
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

    found = texts()
    assert list(found["en"]) == list(found["zh"])
    for key, text in found["en"].items():
        assert fields(text) == fields(found["zh"][key]), key
        assert text and found["zh"][key]


def test_every_text_is_used_and_there():
    known = set(texts()["en"])
    source = "\n".join(
        one.read_text("utf-8") for one in FILES.joinpath("page").iterdir() if one.name[-3:] == ".js"
    )
    named = set(re.findall(r'"([a-z][\w.]*)"', source)) & known
    called = set(re.findall(r'\bt\("([\w.]+)"', source))
    assert called <= known
    families = set(re.findall(r"t\(`([\w]+)\.\$", source))
    assert {key for key in known if key.split(".")[0] not in families} <= named | called
    for family, members in {
        "failure": FAILURES, "score": SCORES, "job": ORDERS, "chart": runs.CHARTS,
        "severity": ("certain", "suspected"),
        "state": ("running", "finished", "interrupted", "stopped", "diverged", "sick", "damaged"),
    }.items():  # fmt: skip
        assert {f"{family}.{one}" for one in members} <= known


# --- images ---------------------------------------------------------------------------------


def test_a_zip_becomes_a_folder(client, workspace):
    answer = client.post("/api/uploads", classes(), name="My pets.zip")
    assert answer.json() == {"data": "uploads/My pets", "left_out": 0}
    again = client.post("/api/uploads", classes(), name="../../My pets.zip").json()
    assert again["data"] == "uploads/My pets-2"
    files = workspace.folder.rglob("*.png")
    found = sorted(one.relative_to(workspace.folder).as_posix() for one in files)
    assert "uploads/My pets/cats/0.png" in found
    assert len(found) == 12
    assert client.get("/api/state").json()["data"] == ["uploads/My pets", "uploads/My pets-2"]
    assert not list((workspace.of("hidden") / "incoming").iterdir())


def test_members_cannot_leave_their_folder(client, workspace):
    wild = zipped(**{"../out.png": png(1), "/abs.png": png(2), "a.png": png(3), "x.exe": b"MZ",
                     ".hidden/b.png": png(4), "a/b.png": png(5)})  # fmt: skip
    answer = client.post("/api/uploads", wild, name="wild.zip").json()
    assert answer["left_out"] == 3
    names = {p.relative_to(workspace.folder).as_posix() for p in workspace.folder.rglob("*.png")}
    assert names == {"uploads/wild/a.png", "uploads/wild/a/b.png"}


@pytest.mark.parametrize(
    ("name", "content", "status", "says"),
    [
        ("notes.txt", b"text", 400, "no archive of images"),
        ("", b"text", 400, "no archive of images"),
        ("cut.zip", classes()[:200], 400, "damaged"),
        ("empty.zip", zipped(**{"a.txt": b"text"}), 400, "contains no images"),
        ("large.zip", bytes(300_000), 413, "larger than"),
    ],
)
def test_other_uploads_are_refused(client, workspace, name, content, status, says):
    answer = client.post("/api/uploads", content, name=name)
    assert answer.status == status and says in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    # The length that is stated need not be true.
    answer = client.post("/api/uploads", content, headers={"content-length": "1"}, name=name)
    assert answer.status == status
    assert not [*workspace.folder.rglob("*.png"), *workspace.folder.rglob("*.zip")]


def test_a_folder_arrives_file_by_file(client, workspace):
    data = client.post("/api/uploads/folder", {"name": "my/photos"}).json()["data"]
    kept = {
        path: client.post("/api/uploads/file", png(9), data=data, path=path).json().get("kept")
        for path in ("a.png", "cats/1.png", "../up.png", ".git/x.png", "readme", "x.sh", "c:d.png")
    }
    assert kept == {"a.png": True, "cats/1.png": True, "../up.png": False, ".git/x.png": False,
                    "readme": False, "x.sh": False, "c:d.png": True}  # fmt: skip
    files = list(workspace.folder.rglob("*.png"))
    assert len(files) == 3
    assert all(p.is_relative_to(workspace.folder / data) for p in files)
    lost = client.post("/api/uploads/file", png(9), data="uploads/none", path="a.png")
    assert lost.status == 404


def test_what_was_understood(client):
    data = client.post("/api/uploads", classes(), name="pets.zip").json()["data"]
    found = client.get("/api/understood", data=data).json()
    assert (found["images"], found["classes"], found["shape"]) == (6, 2, [24, 24, 3])
    assert found["largest_classes"] == [["cats", 3], ["dogs", 3]]
    assert found["recipe"] == "finetune" and "6 RGB images" in found["why"]
    sheet = Image.open(io.BytesIO(client.get("/api/preview", data=data).body))
    assert sheet.size == (6 * 100 - 4, 96)
    assert client.get("/api/understood", data="mnist").json() == {"data": "mnist", "kind": "arrays"}
    assert Image.open(io.BytesIO(client.get("/api/preview", data="mnist").body)).size[0] > 200


@pytest.mark.parametrize(
    "name", ["../x", "/etc", "C:\\x", "none", ".studio", "a/../../x", "", "-x", "a\0b", "keras:x"]
)
def test_no_path_leads_out(client, workspace, name):
    (workspace.folder / ".studio").mkdir()
    (workspace.folder / "-x").mkdir()
    for path in ("/api/understood", "/api/preview"):
        assert client.get(path, data=name).status in (400, 404)
    answer = client.post("/api/jobs", {"kind": "train", "data": name})
    assert answer.status in (400, 404)
    assert client.get("/api/draw", of=f"runs/{name}").status in (400, 404)
    assert client.get("/api/compare", a=name, b=name).status in (400, 404)


# --- commands and jobs ----------------------------------------------------------------------


def test_choices_become_a_command(workspace):
    (workspace.folder / "photos").mkdir()
    (workspace.folder / "photos" / "a.png").write_bytes(png(1))
    body = {"data": "photos", "minutes": 10, "recipe": "auto", "seed": 3, "name": "a b/c"}
    order = ORDERS["train"](workspace, body)
    run = order.about["run"]
    assert re.fullmatch(r"a b_c-[0-9a-f]{8}", run)
    assert order.words == [
        "train", "photos", "--recipe", "auto", "--minutes", "10", "--seed", "3", "--heal",
        "--run", f"runs/{run}",
    ]  # fmt: skip
    timed = ORDERS["dry-run"](workspace, {"data": "mnist", "kimg": 2, "recipe": "quick"})
    assert timed.words == [
        "train", "mnist", "--recipe", "quick", "--kimg", "2", "--dry-run", "--json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [{"minutes": "10"}, {"minutes": -1}, {"minutes": True}, {"minutes": 1e9}, {"size": 7.5e3},
     {"recipe": "--set"}, {"recipe": "none"}, {"seed": -4}],
)  # fmt: skip
def test_other_choices_are_refused(workspace, wrong):
    with pytest.raises(Declined, match=f"{next(iter(wrong))} must be"):
        ORDERS["train"](workspace, {"data": "mnist", **wrong})


def test_unknown_jobs(client):
    assert client.post("/api/jobs", {"kind": "rm"}).status == 400
    assert client.post("/api/jobs", b"[]").status == 400
    assert client.post("/api/jobs", b"x" * 70_000).status == 413
    assert client.get("/api/jobs/none").status == 404
    assert client.post("/api/jobs/none/stop").status == 404
    for kind in ("resume", "evaluate", "export", "serve", "score"):
        wish = {"kind": kind, "run": "none", "model": "none"}
        assert client.post("/api/jobs", wish).status == 404


SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # tests in the background ignore it
print("ready", file=sys.stderr, flush=True)
if sys.argv[1] == "wait":
    time.sleep(60)
if sys.argv[1] == "fail":
    print("error: it has failed", file=sys.stderr)
    sys.exit(2)
print('{"n": 1}')
"""


@pytest.fixture
def jobs(tmp_path):
    jobs = Jobs(tmp_path / "jobs", tmp_path, [sys.executable, "-c", SCRIPT])
    yield jobs
    jobs.close(5)


def ended(job):
    job.process.wait(30)
    return job.detailed()


def test_a_job_ends(jobs):
    found = ended(jobs.start("dry-run", ["x"], {"data": "d"}))
    assert (found["code"], found["running"], found["error"]) == (0, False, "")
    assert found["result"] == {"n": 1} and found["log"] == ["ready"]
    found = ended(jobs.start("train", ["fail"], {"run": "r"}))
    assert (found["code"], found["error"], found["result"]) == (2, "it has failed", None)
    assert [job.kind for job in jobs.all()] == ["train", "dry-run"]


def test_a_job_is_stopped_as_by_ctrl_c(jobs):
    job = jobs.start("train", ["wait"], {"run": "r"})
    assert jobs.training("r") is job and jobs.training("other") is None
    while "ready" not in job.tail("err"):
        time.sleep(0.02)
    job.stop()
    found = ended(job)
    assert (found["code"], found["stopped"], found["error"]) == (130, True, "")
    assert jobs.training("r") is job


def test_few_jobs_run_together(jobs):
    started = [jobs.start("train", ["wait"], {}) for _ in range(MOST_RUNNING)]
    with pytest.raises(Declined, match="run already"):
        jobs.start("train", ["wait"], {})
    server = jobs.start("serve", ["wait"], {}, serves=True)
    jobs.close(5)
    assert all(job.code is not None for job in (*started, server))


def test_a_training_that_does_not_begin_says_why(workspace, jobs):
    client = Client(application(Studio(workspace, jobs, "en", 1), TOKEN, ("127.0.0.1",)))
    job = jobs.start("train", ["wait"], {"run": "r"})
    assert client.get("/api/runs/r").json()["state"] == "starting"
    job.process.kill()
    ended(jobs.start("train", ["fail"], {"run": "r"}))
    found = client.get("/api/runs/r").json()
    assert (found["state"], found["job"]["error"]) == ("failed", "it has failed")


# --- runs -----------------------------------------------------------------------------------


@pytest.fixture
def run(workspace) -> Run:
    run = Run.create(workspace.of("runs") / "one", "x", load_recipe("quick"))
    for tick in range(1, 400):
        run.log({"step": tick, "kimg": float(tick), "seconds": tick / 2, "generator": 1.0,
                 "discriminator": 2.0, "signal/distance": 1 / tick, "signal/separation": 0.7,
                 "signal/diversity": 0.9})  # fmt: skip
    (run.folder / "samples" / "000399.png").write_bytes(png(7))
    return run


def test_a_run(client, run):
    found = client.get("/api/runs/one").json()
    assert (found["state"], found["kimg"], found["ticks"]) == ("stopped", 399, 399)
    assert found["doctor"]["healthy"] is True and found["job"] is None
    charts = {one["name"]: one["lines"] for one in found["charts"]}
    assert set(charts) == {"distance", "diversity", "losses", "separation"}
    points = charts["distance"][0]["points"]
    assert len(points) == runs.MOST_POINTS
    assert (points[0], points[-1]) == ([1, 1.0], [399, pytest.approx(1 / 399, rel=1e-3)])
    picture = client.get("/api/runs/one/samples/000399.png")
    assert picture.body == png(7)
    mark = {"if-none-match": picture.headers["etag"]}
    assert client.get("/api/runs/one/samples/000399.png", headers=mark).status == 304
    assert client.get("/api/runs/one/samples/config.toml").status == 404
    assert client.get("/api/runs/two").status == 404
    listed = client.get("/api/state").json()["runs"]
    assert [one["cover"]["file"] for one in listed] == ["000399.png"]


def test_a_report_has_no_scripts(client, run):
    page = client.get("/api/runs/one/report")
    assert page.status == 200 and b"<html" in page.body
    rules = page.headers["content-security-policy"]
    assert "sandbox" in rules and rules.startswith("default-src 'none'")


def test_two_runs(client, run, workspace):
    Run.create(workspace.of("runs") / "two", "x", load_recipe("sngan"))
    found = client.get("/api/compare", a="one", b="two").json()
    assert [one["name"] for one in found["runs"]] == ["one", "two"]
    assert found["keys"]["recipe"] == ["quick", "sngan"] and found["runs"][0]["cover"]


def test_a_damaged_run_is_shown(client, run):
    (run.folder / "config.toml").write_text("not toml [")
    listed = client.get("/api/state").json()["runs"]
    assert listed[0]["state"] == "damaged" and listed[0]["faults"]
    answer = client.get("/api/runs/one")
    assert answer.status == 400 and "damaged" in answer.json()["error"]


# --- drawing --------------------------------------------------------------------------------


class Shades(Drawing):
    """Draws the first numbers of the noise as grey bars, and the class as the last one."""

    def __init__(self):
        super().__init__((4, 4, 1), 8, True, ("a", "b"), (0.5, 0.5))

    def _drawn(self, inputs):
        bars = np.tanh(inputs["noise"][:, None, :4, None]).repeat(4, 1)
        bars[:, :, 3] = 2.0 * inputs["label"][:, None, None] - 1
        return bars


@pytest.fixture
def drawn(client, monkeypatch, workspace):
    """(what, ...) -> images uint8 [N, 4, 4] of an answer."""
    generator = explore.Generator(Shades())
    monkeypatch.setattr(explore.Generators, "of", lambda self, folder: generator)
    (workspace.made("runs") / "r").mkdir()

    def draw(what, **query):
        answer = client.get("/api/draw", of="runs/r", what=what, **query)
        assert answer.status == 200, answer.body
        count, columns = int(answer.headers["x-count"]), int(answer.headers["x-columns"])
        sheet = np.asarray(Image.open(io.BytesIO(answer.body)))
        cells = sheet.reshape(-1, 4, columns, 4).swapaxes(1, 2).reshape(-1, 4, 4)
        return cells[:count]

    return draw


def test_images_of_the_same_point_are_the_same(drawn):
    grid = drawn("grid", n=24, seed=5)
    assert grid.shape == (24, 4, 4)
    assert (drawn("image", seed=5, index=7) == grid[7]).all()
    assert (drawn("variations", seed=5, index=7, n=9)[0] == grid[7]).all()
    between = drawn("between", seed=5, index=7, to_seed=5, to_index=2, n=8, label="a")
    assert (between[0] == drawn("image", seed=5, index=7, label="a")[0]).all()
    assert (between[-1] == drawn("image", seed=5, index=2, label="a")[0]).all()
    assert len(drawn("walk", seconds=4)) == 48
    assert set(np.unique(drawn("grid", label="b")[..., 3])) == {255}


def test_sliders_change_the_image(drawn):
    plain = drawn("image", seed=1, label="a")
    moved = [drawn("image", seed=1, label="a", offsets=f"{'0,' * at}3") for at in range(3)]
    assert all((one != plain).any() for one in moved)
    directions = explore.Generator(Shades()).sliders("a")
    assert np.allclose(directions @ directions.T, np.eye(6), atol=1e-5)
    # Only the first three numbers of the noise are drawn.
    assert (directions[:3, :3] ** 2).sum() > 2.5


@pytest.mark.parametrize(
    "wrong",
    [{"n": 65}, {"n": 0}, {"truncation": "nan"}, {"seed": "x"}, {"index": 64}, {"label": "c"},
     {"what": "x"}, {"offsets": "1e9"}, {"strength": 2}],
)  # fmt: skip
def test_other_wishes_are_refused(client, drawn, wrong):
    answer = client.get("/api/draw", of="runs/r", **{"what": "image", **wrong})
    assert answer.status == 400
    assert answer.json()["error"]


def test_a_film_and_nothing_left(client, drawn, workspace):
    film = client.get("/api/film", of="runs/r", what="walk", seconds=1)
    assert Image.open(io.BytesIO(film.body)).n_frames == 12
    assert not list(workspace.of("hidden").glob("download-*"))


def test_facts_of_a_generator(client, drawn):
    assert client.get("/api/explore", of="runs/r").json() == {
        "shape": [4, 4, 1], "names": ["a", "b"], "noise_size": 8, "sliders": 6, "most": 64,
    }  # fmt: skip


def test_a_run_without_a_model(client, run):
    answer = client.get("/api/explore", of="runs/one")
    assert answer.status == 404 and "no model yet" in answer.json()["error"]


# --- models and scores ----------------------------------------------------------------------


def test_models(client, workspace):
    from ganvas.storage import manifest

    version = workspace.made("models") / "pets" / "1"
    version.mkdir(parents=True)
    (version / "model_float32.tflite").write_bytes(b"x" * 10)
    manifest.write(version, {"artefacts": {"model_float32.tflite": {"bytes": 10}}})
    (one,) = client.get("/api/state").json()["models"]
    assert (one["name"], one["kind"], one["versions"]) == ("pets", "generator", [1])
    answer = client.get("/api/models/pets/1")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        names = ("manifest.json", "model_float32.tflite")
        assert set(archive.namelist()) == {f"pets/1/{one}" for one in names}
    assert not list(workspace.of("hidden").glob("download-*"))
    for path in ("/api/models/pets/2", "/api/models/pets/x", "/api/models/none/1"):
        assert client.get(path).status == 404
    (version / "model_float32.tflite").write_bytes(b"changed")
    assert client.get("/api/models/pets/1").status == 400


def test_scores_of_a_detector(client, workspace):
    place = workspace.made("scores") / "s"
    place.mkdir()
    assert client.get("/api/scores/s").status == 404
    (place / "scores.csv").write_text(
        "path,picture,score,p_value,defective,regions\r\n"
        "a/1.png,00000-1.png,0.5,0.6,0,0\r\nb/'2.png,00001-2.png,9.5,0.01,1,1\r\n"
    )
    (place / "00001-2.png").write_bytes(png(3))
    found = client.get("/api/scores/s").json()
    assert (found["count"], found["defective"]) == (2, 1)
    assert [one["score"] for one in found["images"]] == [9.5, 0.5]
    assert client.get("/api/scores/s/00001-2.png").body == png(3)
    for name in ("scores.csv", "00009.png", "..%2fx.png"):
        assert client.get(f"/api/scores/s/{name}").status in (400, 404)


def test_an_internal_error_is_one_line(client, workspace, monkeypatch, caplog):
    monkeypatch.setattr(Workspace, "listed", lambda self: 1 / 0)
    answer = client.get("/api/state")
    assert answer.status == 500
    assert answer.json()["error"].startswith("internal error (bug): ZeroDivisionError")
    assert "Traceback" in caplog.text
