"""A run that is pushed to a hub, drawn from there, and its card, against a local stand-in."""

from __future__ import annotations

import functools
import io
import json

import numpy as np
import pytest
from PIL import Image

import ganvas
import hub_server
from ganvas.cli import run_command
from ganvas.errors import UsageError
from ganvas.exporting import push
from ganvas.storage import hub, manifest
from refusals import refuses

TOKEN = "hf_secretsecretsecret"
SCORE = {"value": 0.5, "low": 0.25, "high": 0.75, "floor": 0.01}


@pytest.fixture
def server(tmp_path, monkeypatch):
    from huggingface_hub import constants

    with hub_server.running() as started:
        template = started.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", started.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(hub, "_commits", {})
        yield started


@pytest.fixture(scope="module")
def run(npz, few_steps, tmp_path_factory):
    """A run, and what `ganvas evaluate` would have written."""
    folder = tmp_path_factory.mktemp("runs") / "bars"
    values = {**few_steps, "scores.features": "digits", "export.images": 100}
    made = ganvas.train(npz, "quick", run=folder, overrides=values, progress=False)
    names = ("kid", "coverage", "precision", "recall")
    made.write_json(
        "evaluation.json",
        {
            "headline": "Not there yet: KID 0.5.",
            "scores": dict.fromkeys(names, SCORE),
            "model": f"models/{made.candidates()[0].name}",
            "n_real": 100,
            "n_fake": 200,
            "features": "digits",
        },
    )
    return made


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    to = tmp_path_factory.mktemp("models") / "bars"
    ganvas.export(run, to, formats=["saved_model"], unvalidated=True)
    return to


def test_a_run_is_pushed_and_drawn_from_there(server, run, capsys, caplog, monkeypatch):
    from huggingface_hub import ModelCard
    from safetensors.numpy import load

    short = functools.partial(ganvas.export, formats=["saved_model"])
    monkeypatch.setattr("ganvas.exporting.release.export", short)
    words = ["push", str(run.folder), "hf://me/bars", "--license", "cc-by-4.0"]
    assert run_command(words) == 0
    printed = capsys.readouterr()
    repository = server.repositories["models", "me/bars"]
    assert printed.out.strip() == f"hf://me/bars@{repository.head}"
    assert len(repository.commits) == 2, "made, then one commit"
    assert TOKEN not in printed.out + printed.err + caplog.text
    files = repository.files
    assert {"README.md", "samples.png", "generator.safetensors", "1/manifest.json"} <= set(files)
    weights = load(files["generator.safetensors"])
    generator = ganvas.load(run).generator
    assert weights.keys() == {one.path for one in generator.variables}
    for one in generator.variables:
        np.testing.assert_array_equal(weights[one.path], one.numpy())
    assert Image.open(io.BytesIO(files["samples.png"])).width >= 500

    card = ModelCard(files["README.md"].decode())
    about = card.data
    assert (about.library_name, about.license) == ("ganvas", "cc-by-4.0")
    assert about.pipeline_tag == "unconditional-image-generation"
    found = {one.metric_type: one for one in about.eval_results}
    assert found.keys() == {"kid", "coverage", "precision", "recall"}
    assert found["kid"].metric_value == 0.5 and "0.25" in found["kid"].metric_name
    assert 'ganvas.load("hf://me/bars")' in card.text and "0.25 to 0.75" in card.text
    assert str(run.folder.parent) not in card.text, "paths are private"

    pictures = ganvas.load("hf://me/bars").sample(4)
    assert np.abs(pictures.astype(int) - ganvas.load(run).sample(4)).max() <= 1


def test_a_model_replaces_the_version_before(server, model, run):
    server.add("me/bars", {"1/manifest.json": b"{}", "1/old.tflite": b"1", "LICENSE": b"mine"})
    pushed = push(model, "hf://me/bars")
    files = server.repositories["models", "me/bars"].files
    assert pushed.license is None and b"states no licence" in files["README.md"]
    assert "1/old.tflite" not in files and files["LICENSE"] == b"mine"
    assert set(pushed.files) == set(files) - {"LICENSE"}
    assert ganvas.load(pushed.address).sample(2).shape == (2, 16, 16, 1)


def test_what_is_not_pushed(server, model):
    server.add("me/other", {"model.bin": b"1"})
    with refuses(UsageError, "hf://me/other", "model.bin"):
        push(model, "hf://me/other")
    with refuses(UsageError, "models/x"):
        push(model, "models/x")
    for wrong in ("hf://me/x@main", "hf://datasets/me/x"):
        with refuses(UsageError, wrong):
            push(model, wrong)
    with refuses(UsageError, "My Licence"):
        push(model, "hf://me/bars", license="My Licence")


def test_a_card_is_printed_or_written(run, model, tmp_path, capsys):
    assert run_command(["card", str(run.folder)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("---\nlibrary_name:") and "--license" in printed.err
    out = tmp_path / "README.md"
    assert run_command(["card", str(model), "--out", str(out), "--license", "mit"]) == 0
    assert "Not measured: " in out.read_text() or "No scores: " in out.read_text()
    assert (tmp_path / "samples.png").is_file()
    assert run_command(["card", str(model), "--out", str(out)]) == 0, "it may be written again"
    out.write_text("mine")
    capsys.readouterr()
    assert run_command(["card", str(model), "--out", str(out)]) == 2
    assert "did not write it" in capsys.readouterr().err


def test_a_run_on_a_hub_is_evaluated_without_a_report(server, run, capsys):
    files = {
        path.relative_to(run.folder).as_posix(): path.read_bytes()
        for path in run.folder.rglob("*")
        if path.is_file()
    }
    commit = server.add("me/run", files)
    words = ["evaluate", "hf://me/run", "--metrics", "kid", "-n", "20", "--features", "digits"]
    assert run_command([*words, "--json"]) == 0
    assert "kid" in json.loads(capsys.readouterr().out)["scores"]
    assert server.repositories["models", "me/run"].head == commit, "nothing is written"


def test_a_model_of_other_tools_has_no_card(tmp_path, capsys):
    manifest.write(tmp_path, {"shape": [8, 8, 1], "names": [], "class_shares": []})
    assert run_command(["card", str(tmp_path)]) == 2
    assert "is no exported generator" in capsys.readouterr().err


def test_scores_of_another_generator_are_left_out(run, capsys):
    before = run.read_json("evaluation.json")
    for change in ({"model": "models/999999.keras"}, {"scores": {"kid": "much"}}):
        run.write_json("evaluation.json", {**before, **change})
        assert run_command(["card", str(run.folder)]) == 0
        text = capsys.readouterr().out
        assert "model-index" not in text and "No scores" in text
    run.write_json("evaluation.json", before)
    assert json.loads((run.folder / "evaluation.json").read_text()) == before
