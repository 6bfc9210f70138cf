"""The manifests in deploy/: they parse, and their commands are commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from ganvas.cli.app import app

yaml = pytest.importorskip("yaml", reason="PyYAML comes with the extra: 'ganvas[cluster]'")
FOLDER = Path(__file__).parents[2] / "deploy"
FILES = sorted(FOLDER.glob("*.yaml"))
COMMENT = re.compile(r"^#.*?(ganvas .*)$", re.MULTILINE)


def words_within(value) -> list[list[str]]:
    """Every command of ganvas in a manifest."""
    if isinstance(value, dict):
        return [words for one in value.values() for words in words_within(one)]
    if isinstance(value, list):
        if value[:1] == ["ganvas"]:
            return [value]
        return [words for one in value for words in words_within(one)]
    if isinstance(value, str) and value.startswith("ganvas "):
        return [shlex.split(value)]
    return []


def parse(words: list[str]) -> dict:
    """What the command line understands, or its refusal."""
    import ganvas.cli  # noqa: F401 - it adds the commands

    group = typer.main.get_command(app)
    assert words[0] == "ganvas"
    command = group.commands[words[1]]
    return command.make_context(words[1], list(words[2:])).params


def places(pod: dict) -> tuple[set[str], set[str]]:
    mounts = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
    return mounts, {volume["name"] for volume in pod["volumes"]}


def pods(value):
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for one in value.values():
            yield from pods(one)
    elif isinstance(value, list):
        for one in value:
            yield from pods(one)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_manifests_run_real_commands(path):
    text = path.read_text()
    told = yaml.safe_load(text)
    commands = words_within(told) + [shlex.split(words) for words in COMMENT.findall(text)]
    assert commands
    for words in commands:
        params = parse(words)
        if words[1] == "train":
            assert params["go_on"] and params["run"], "a pod that is started again goes on"
        assert bool(params["workers"]) == bool(params["address"])
        assert bool(params["address"]) == (told["kind"] != "TFJob")
    for pod in pods(told):
        mounts, volumes = places(pod)
        assert mounts == volumes


def test_what_the_operators_look_for():
    assert [path.name for path in FILES] == ["raycluster.yaml", "rayjob.yaml", "tfjob.yaml"]
    cluster, job, tfjob = (yaml.safe_load(path.read_text()) for path in FILES)
    replicas = tfjob["spec"]["tfReplicaSpecs"]
    assert tfjob["apiVersion"] == "kubeflow.org/v1" and set(replicas) == {"Chief", "Worker"}
    assert replicas["Chief"]["replicas"] == 1
    for pod in pods(tfjob):
        assert [c["name"] for c in pod["containers"]] == ["tensorflow"]
    workers = parse(shlex.split(job["spec"]["entrypoint"]))["workers"]
    assert job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"] == workers
    version = re.search(r"ray:([\d.]+)-", (FOLDER / "Dockerfile").read_text()).group(1)
    assert cluster["spec"]["rayVersion"] == version
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == version
