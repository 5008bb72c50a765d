"""`compose.yaml`, `Dockerfile` and `prefect.yaml`: what can be told of them without Docker."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.team.compose import FILE, VARIABLE, compose, filled
from tests.team.servers import VARIABLES

DOCKERFILE = (ROOT / "mlflow" / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = compose()["services"]
DEPLOYMENTS = yaml.safe_load((ROOT / "mlflow" / "prefect.yaml").read_text())["deployments"]


def test_it_is_a_compose_file() -> None:
    command = [sys.executable, "-m", "check_jsonschema"]
    done = subprocess.run(
        [*command, "--builtin-schema", "vendor.compose-spec", str(FILE)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_and_its_health_is_asked(name: str) -> None:
    service = SERVICES[name]
    assert re.search(r":v?\d+\.\d+(\.\d+)?[\w.-]*$", service["image"])
    if service["restart"] == "no":  # it ends: others wait for that
        waiting = [each for each in SERVICES.values() if name in each.get("depends_on", {})]
        conditions = {each["depends_on"][name]["condition"] for each in waiting}
        assert conditions == {"service_completed_successfully"}
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
    for needed in service.get("depends_on", {}):
        assert needed in SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_reached_from_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert filled(port, VARIABLES).startswith("127.0.0.1:")
    assert "network_mode" not in SERVICES[name]


def test_secrets_come_from_the_environment_alone() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD$|SECRET|AUTH_STRING", key):
                assert VARIABLE.fullmatch(value), f"{key} is a literal"
    for secret in VARIABLES:
        without = {name: value for name, value in VARIABLES.items() if name != secret}
        with pytest.raises(AssertionError, match=secret):
            filled(FILE.read_text(), without)
    for content in compose()["configs"].values():
        assert not re.search(r"password\s*=|//\w+:", content["content"])


def test_every_variable_is_documented() -> None:
    page = (ROOT / "mlflow" / "README.md").read_text()
    names = {match[1] for match in VARIABLE.finditer(FILE.read_text())}
    names |= set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    assert names >= set(VARIABLES)
    for name in sorted(names):
        assert f"`{name}`" in page


def test_volumes_are_kept_and_declared() -> None:
    used = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
    }
    assert set(compose()["volumes"]) == {each for each in used if each.isalpha()}


def test_images_are_built_from_the_repository_and_the_lock() -> None:
    for source in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE):
        for name in source.split():
            assert (ROOT / name).exists()
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE))
    built = [service["build"] for service in SERVICES.values() if "build" in service]
    assert {each["target"] for each in built} == targets
    for each in built:
        assert (FILE.parent / each["context"] / each["dockerfile"]).is_file()
    assert re.findall(r"^FROM (\S+:3\.11\.\d+\S*) ", DOCKERFILE, re.MULTILINE)
    lock = (ROOT / "requirements.lock").read_text()
    for name in ("prefect", "mlflow", "boto3", "flask-wtf", "psycopg2-binary"):
        assert re.search(rf"^{name}==", lock, re.MULTILINE), f"{name} is not in the lock"
    [pip] = set(re.findall(r"pip==[\d.]+", DOCKERFILE))
    assert pip in (ROOT / "Makefile").read_text()


def test_flows_in_a_container_have_the_environment_of_the_command() -> None:
    [block] = re.findall(r"^ENV (TEMPER_HOME=.*?[^\\])$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    given = dict(word.split("=", 1) for word in block.replace("\\\n", " ").split())
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW", "HF_"))}
    words = (
        "import json, os; from tasks.machinery.servers.environment import prepare_environment; "
        "prepare_environment(with_servers=False); print(json.dumps(dict(os.environ)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", words],
        env=kept | {"TEMPER_HOME": "/state"},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = json.loads(done.stdout)
    assert given == {name: expected.get(name) for name in given}
    [service] = [each for each in SERVICES.values() if each["image"].startswith("temper-worker")]
    assert any(volume.endswith(":/state") for volume in service["volumes"])


def test_versions_are_those_of_temper() -> None:
    version = importlib.metadata.version("temper")
    images = {each["image"] for each in SERVICES.values() if "build" in each}
    assert images == {f"temper-server:{version}", f"temper-worker:{version}"}
    named = [each["work_pool"]["job_variables"].get("image") for each in DEPLOYMENTS]
    assert {each for each in named if each} == {f"temper-worker:{version}"}


@pytest.mark.parametrize("entrypoint", sorted({each["entrypoint"] for each in DEPLOYMENTS}))
def test_an_entrypoint_is_a_flow(entrypoint: str) -> None:
    from prefect import Flow
    from prefect.flows import load_flow_from_entrypoint

    assert isinstance(load_flow_from_entrypoint(entrypoint), Flow)


def test_each_kind_of_pool_has_its_deployments() -> None:
    offered = {each["name"]: each["entrypoint"] for each in DEPLOYMENTS}
    assert len(offered) == len(DEPLOYMENTS)  # or `prefect deploy --name` could not tell them apart
    for kind in ("process", "docker", "kubernetes"):
        assert offered.pop(kind) == "flows.experiment.run_experiment"
        assert offered.pop(f"retrain-{kind}") == "flows.retrain.retrain"
    assert not offered
    for each in DEPLOYMENTS:
        assert "PASSWORD" not in json.dumps(each)  # deployments are read by everybody


def test_the_pool_of_kubernetes_uses_what_it_declares() -> None:
    template = json.loads((ROOT / "mlflow" / "kubernetes.json").read_text())
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])
    container = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    mounted = {each["name"] for each in container["containers"][0]["volumeMounts"]}
    assert mounted == {each["name"] for each in container["volumes"]}


def test_nothing_beside_the_documented_is_in_the_folder() -> None:
    names = {path.name for path in Path(FILE.parent).iterdir()}
    wanted = {"README.md", "Dockerfile", "compose.yaml", "prefect.yaml", "kubernetes.json"}
    assert wanted <= names
    assert not list(FILE.parent.glob("*.py"))
