"""The manifests in deploy/: they parse, and their commands are commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from manifests import parse, places, pods, words_within

yaml = pytest.importorskip("yaml", reason="PyYAML comes with the extra: 'ganvas[cluster]'")
FOLDER = Path(__file__).parents[2] / "deploy"
FILES = sorted(FOLDER.glob("*.yaml"))
COMMENT = re.compile(r"^#.*?(ganvas .*)$", re.MULTILINE)


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
