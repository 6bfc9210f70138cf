"""What `ganvas export --deploy` writes: it parses, and its commands, paths and metrics exist."""

from __future__ import annotations

import json
import re

import pytest

from ganvas.exporting import deployment
from manifests import parse, places, pods

yaml = pytest.importorskip("yaml", reason="PyYAML comes with the extra: 'ganvas[cluster]'")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of a model whose name is no name for Kubernetes."""
    made = tmp_path_factory.mktemp("models") / "My faces"
    made.mkdir()
    deployment.write(made, [*deployment.FILES, *deployment.SERVER])
    return made


def test_files_of_others_stay_and_every_name_is_filled_in(tmp_path):
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/Dockerfile").write_text("mine")
    deployment.write(tmp_path, deployment.SERVER)
    assert (tmp_path / "deploy/Dockerfile").read_text() == "mine"
    assert {f"deploy/{path.name}" for path in (tmp_path / "deploy").iterdir()} == set(
        deployment.SERVER
    )
    for path in (tmp_path / "deploy").iterdir():
        assert not re.search(r"\$(name|label|version)\b", path.read_text())


def documents(folder, name):
    return list(yaml.safe_load_all((folder / f"deploy/{name}").read_text()))


@pytest.mark.parametrize("name", ["kubernetes.yaml", "inference-service.yaml"])
def test_the_containers_run_ganvas_and_write_nothing_but_tmp(folder, name):
    (pod,) = [pod for document in documents(folder, name) for pod in pods(document)]
    (container,) = pod["containers"]
    mounts, volumes = places(pod)
    assert mounts == volumes
    options = parse(["ganvas", "serve", *map(expanded, container["args"])])
    model = next(m for m in container["volumeMounts"] if m["name"] == "model")
    assert f"{options['folder']}" == model["mountPath"] and model["readOnly"]
    assert options["name"] == deployment.model_name("My faces") and options["host"] == "0.0.0.0"
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    ports = {port["containerPort"] for port in container["ports"]}
    assert ports <= {options["rest_port"], options["grpc_port"]}
    paths = {container[probe]["httpGet"]["path"] for probe in PROBES if probe in container}
    assert paths == {"/healthz", "/readyz"}


def expanded(word):
    """As Kubernetes writes the variables of a container into its arguments."""
    return re.sub(r"\$\((\w+)\)", r"\1", word)


def test_a_pod_ends_after_its_requests(folder):
    from ganvas.serve.server import GRACE_SECONDS

    (pod,) = [pod for document in documents(folder, "kubernetes.yaml") for pod in pods(document)]
    options = parse(["ganvas", "serve", *pod["containers"][0]["args"]])
    assert pod["terminationGracePeriodSeconds"] >= GRACE_SECONDS + options["drain_seconds"]
    (service,) = documents(folder, "compose.yaml")[0]["services"].values()
    options = parse(["ganvas", "serve", *service["command"]])
    assert int(service["stop_grace_period"][:-1]) >= GRACE_SECONDS + options["drain_seconds"]


def test_every_object_selects_the_pods(folder):
    found = {one["kind"]: one for one in documents(folder, "kubernetes.yaml")}
    kinds = ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"]
    assert list(found) == [*kinds, "HorizontalPodAutoscaler"]
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Service"]["spec"]["selector"] == labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert found[kind]["spec"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert (
        found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"]
        == (found["Deployment"]["metadata"]["name"])
    )
    monitor = documents(folder, "monitoring.yaml")[0]["spec"]
    assert monitor["selector"]["matchLabels"] == found["Service"]["metadata"]["labels"]
    ports = {port["name"] for port in found["Service"]["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= ports


def test_the_image_is_started_by_a_command_of_ganvas(folder):
    text = (folder / "deploy/Dockerfile").read_text()
    words = [json.loads(line) for line in re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", text, re.M)]
    assert parse([*words[0], *words[1]])["name"] == deployment.model_name("My faces")
    assert '"ganvas[edge]==' in text and "\nUSER 10001" in text


def test_rules_and_board_name_metrics_that_exist(folder):
    pytest.importorskip("prometheus_client", reason="the extra: 'ganvas[edge]'")
    from ganvas.serve.drifting import Drift
    from ganvas.serve.metrics import Metrics

    metrics = Metrics()
    Drift(0.0, metrics.registry)
    kinds = re.findall(r"# TYPE (\S+) (\w+)", metrics.text().decode())
    known = {f"{name}_bucket" if kind == "histogram" else name for name, kind in kinds} | {"up"}
    board = json.loads((folder / "deploy/grafana.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    rules = documents(folder, "monitoring.yaml")[1]["spec"]["groups"][0]["rules"]
    for query in [*asked, *(rule["expr"] for rule in rules)]:
        assert set(re.findall(r"[:\w]+(?=\{)", query)) <= known, query


@pytest.mark.proof
def test_the_schemas_accept_them(folder):
    """Those of Kubernetes and of Compose. No package has those of KServe and of the operator."""
    validate = pytest.importorskip("kubernetes_validate", reason="the extra: 'ganvas[proof]'")
    compose = pytest.importorskip("compose_spec", reason="the extra: 'ganvas[proof]'")
    for name in ("deploy/kubernetes.yaml", "kubernetes.yaml"):
        for document in yaml.safe_load_all((folder / name).read_text()):
            validate.validate(document, "1.31", strict=True)
    for name in ("deploy/compose.yaml", "docker-compose.yml"):
        compose.ComposeSpecification.model_validate(yaml.safe_load((folder / name).read_text()))
