"""`make kube-check`, without a cluster: its results, its Job and its error messages."""

import ast
import json
import os
from pathlib import Path

import pytest
from tests.kube import caller
from tests.kube.cluster import (
    SERVICES,
    Kubectl,
    KubeFailed,
    Object,
    caller_job,
    ready_after_servers,
    restarts,
    verdict,
)
from tests.support.manifests import ROOT, named, of_kind

from shared.service import ServiceName

COMPLETED = {"calls": 12, "failed": [], "jobs": {"completed": 4}}


def pod(name: str, ready_at: str, *, created_at: str = "10:00:00", ready: str = "True", restarted: int = 0) -> Object:
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": f"2026-11-30T{ready_at}Z", "message": "broker"}
    return {
        "metadata": {
            "name": f"{name}-1",
            "creationTimestamp": f"2026-11-30T{created_at}Z",
            "labels": {"app.kubernetes.io/name": name},
        },
        "status": {"conditions": [condition], "containerStatuses": [{"restartCount": restarted}]},
    }


def test_readiness_is_measured_from_the_last_server_to_the_last_service() -> None:
    servers = [pod("rabbitmq", "10:00:05"), pod("mongodb", "10:00:20")]
    services = [pod("gateway", "10:00:31"), pod("jobs-service", "10:00:28")]
    assert ready_after_servers([*services, *servers]) == 11


def test_readiness_is_not_measured_without_servers_in_the_namespace() -> None:
    assert ready_after_servers([pod("gateway", "10:00:31")]) is None


def test_readiness_is_not_measured_from_servers_that_ran_before() -> None:
    servers = [pod("rabbitmq", "10:00:05"), pod("mongodb", "10:00:20")]
    assert ready_after_servers([*servers, pod("gateway", "11:00:31", created_at="11:00:00")]) is None


def test_a_pod_that_is_not_ready_fails_the_check_with_its_reason() -> None:
    with pytest.raises(KubeFailed, match="gateway-1 is not ready: broker"):
        ready_after_servers([pod("gateway", "10:00:31", ready="False"), pod("mongodb", "10:00:20")])


def test_restarted_containers_of_services_are_reported() -> None:
    pods = [
        pod("gateway", "10:00:31", restarted=2),
        pod("jobs-service", "10:00:28"),
        pod("mongodb", "10:00:20", restarted=1),
    ]
    assert restarts(pods) == {"gateway-1": 2}


def test_the_caller_has_the_access_and_the_restrictions_of_the_doctor() -> None:
    doctor = named("production", "CronJob", "doctor")
    job = caller_job(doctor, "print()", {"workflow": {"name": "check"}})
    wanted, found = doctor["spec"]["jobTemplate"]["spec"]["template"], job["spec"]["template"]
    assert found["metadata"]["labels"]["app.kubernetes.io/name"] == "doctor", "NetworkPolicies select it"
    assert found["spec"]["securityContext"] == wanted["spec"]["securityContext"]
    (container,), (original,) = found["spec"]["containers"], wanted["spec"]["containers"]
    assert container["command"] == ["python", "-c", "print()"]
    assert json.loads(container["args"][0]) == {"workflow": {"name": "check"}}
    for field in ("image", "env", "envFrom", "securityContext", "volumeMounts"):
        assert container[field] == original[field], field
    assert original["args"][0] == "doctor", "the CronJob itself is unchanged"


def test_the_caller_reads_only_variables_of_the_doctor() -> None:
    (container,) = named("production", "CronJob", "doctor")["spec"]["jobTemplate"]["spec"]["template"]["spec"][
        "containers"
    ]
    config = next(found["data"] for found in of_kind("production", "ConfigMap") if "FLOWPORT_URL" in found["data"])
    given = {variable["name"] for variable in container["env"]} | set(config)
    tree = ast.parse(Path(caller.__file__).read_text())
    read = {
        ast.literal_eval(node.slice)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ"
    }
    assert read
    assert read <= given


def test_the_caller_imports_nothing_that_the_image_lacks() -> None:
    tree = ast.parse(Path(caller.__file__).read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [module for module in modules if module is not None and module.startswith("tests")]


def test_services_restart_in_the_documented_order() -> None:
    assert f"for service in {' '.join(SERVICES)}; do" in (ROOT / "docs/operations/upgrading.md").read_text()
    assert set(SERVICES) == {service.value for service in ServiceName}


def test_the_verdict_counts_calls_and_runs() -> None:
    assert verdict(COMPLETED) == "12 calls, none failed; 4 queued runs completed"


def test_a_failed_call_fails_the_check() -> None:
    with pytest.raises(KubeFailed, match="1 of 12 calls failed:\nrun: 503 draining"):
        verdict({**COMPLETED, "failed": ["run: 503 draining"]})


@pytest.mark.parametrize("jobs", [{"completed": 3, "failed": 1}, {}])
def test_a_queued_run_that_does_not_complete_fails_the_check(jobs: dict[str, int]) -> None:
    with pytest.raises(KubeFailed, match="queued runs did not all complete"):
        verdict({**COMPLETED, "jobs": jobs})


def test_a_failed_command_is_shown_with_its_last_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\necho "The Job \\"topology\\" is invalid" >&2; exit 1\n')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(KubeFailed, match=r'kubectl apply failed:\nThe Job "topology" is invalid'):
        Kubectl("flowport").run("apply")


def test_without_kubectl_the_check_reports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KubeFailed, match="kubectl is not installed"):
        Kubectl("flowport").run("version")
