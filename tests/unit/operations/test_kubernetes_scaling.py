"""Replicas and resources: autoscalers query existing metrics, and pods have memory for their limits."""

import json
import re
import subprocess
import sys

import pytest
from tests.support.manifests import (
    ROOT,
    SERVICES,
    containers,
    named,
    of_kind,
    of_operators,
)
from tools.reference.metrics import metrics

from executor_service.sandbox import SandboxLimits
from executor_service.sandbox.javascript import JavaScriptEngine
from executor_service.sandbox.python import PythonEngine
from executor_service.sandbox.zygote import Engine
from gateway.settings import GatewaySettings

LIMITS = SandboxLimits()
OWN_MEMORY, READY_MEMORY, FILES_MEMORY = 200 << 20, 64 << 20, 64 << 20
"""Memory of an executor besides user code: itself, the idle sandbox processes, its /tmp."""


def test_overlay_for_trials_fits_a_node_with_two_cpus() -> None:
    """During a rolling update, and while the Jobs run; 0.5 remain for the cluster's own pods."""
    requests = [container["resources"]["requests"]["cpu"] for _, _, container in containers("dev")]
    assert sum(map(cpus, requests)) <= 1.5
    largest_update = max(cpus(c["resources"]["requests"]["cpu"]) for n, _, c in containers("dev") if n in SERVICES)
    assert sum(map(cpus, requests)) + largest_update <= 1.5


def cpus(quantity: str) -> float:
    return float(quantity.removesuffix("m")) / (1000 if quantity.endswith("m") else 1)


def test_documented_node_sizes_follow_the_requests() -> None:
    page = (ROOT / "docs/operations/kubernetes.md").read_text()
    trial = sum(cpus(container["resources"]["requests"]["cpu"]) for _, _, container in containers("dev"))
    assert f"its pods request {trial:g}" in page
    scalers, deployments = of_kind("production", "HorizontalPodAutoscaler"), of_kind("production", "Deployment")
    pods = {scaler["metadata"]["name"]: scaler["spec"]["minReplicas"] for scaler in scalers}
    pods |= {each["metadata"]["name"]: each["spec"]["replicas"] for each in deployments if "replicas" in each["spec"]}
    (rabbitmq,), (mongodb,) = of_kind("production", "RabbitmqCluster"), of_kind("production", "MongoDBCommunity")
    members = dict(of_operators("production"))["mongodb"]["containers"]
    requests = [
        *((c["resources"]["requests"], pods[name]) for name, _, c in containers("production") if name in SERVICES),
        (rabbitmq["spec"]["resources"]["requests"], rabbitmq["spec"]["replicas"]),
        *((container["resources"]["requests"], mongodb["spec"]["members"]) for container in members),
    ]
    total_cpus = sum(cpus(request["cpu"]) * number for request, number in requests)
    gibibytes = sum(mebibytes(request["memory"]) * number for request, number in requests) / 1024
    assert f"they request {total_cpus:.0f} CPUs and {gibibytes:.0f} GiB" in page


def mebibytes(quantity: str) -> int:
    return int(quantity[:-2]) * (1024 if quantity.endswith("Gi") else 1)


def test_applying_the_overlay_keda_changes_no_number_of_replicas() -> None:
    """An apply that removes `replicas` resets the number to 1: production must not set it either."""

    def fixed(overlay: str) -> dict[str, int]:
        found = {each["metadata"]["name"]: each["spec"].get("replicas") for each in of_kind(overlay, "Deployment")}
        return {name: number for name, number in found.items() if number is not None}

    assert fixed("production") == fixed("keda")
    for scaler in of_kind("keda", "ScaledObject"):
        target = scaler["spec"]["scaleTargetRef"]["name"]
        replaced = named("production", "HorizontalPodAutoscaler", target)
        assert scaler["spec"]["minReplicaCount"] >= replaced["spec"]["minReplicas"], target
        assert scaler["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["name"] == target
        assert scaler["metadata"]["annotations"]["scaledobject.keda.sh/transfer-hpa-ownership"] == "true"


def test_an_executor_has_memory_for_its_maximum_of_concurrent_code(overlay: str) -> None:
    settings = next(found["data"] for found in of_kind(overlay, "ConfigMap") if "FLOWPORT_HOST" in found["data"])
    (container,) = named(overlay, "Deployment", "executor-service")["spec"]["template"]["spec"]["containers"]
    javascript, python = _most_data(JavaScriptEngine(LIMITS)), _most_data(PythonEngine(LIMITS, "true"))
    most = (
        int(settings["FLOWPORT_SANDBOX_PROCESSES"]) * (javascript + python) + OWN_MEMORY + READY_MEMORY + FILES_MEMORY
    )
    assert container["resources"]["limits"]["memory"] == "4Gi"
    assert most <= 4 << 30


def test_a_gateway_has_room_for_all_bodies_that_it_takes(overlay: str) -> None:
    """Each holds twice its body there, measured; where the container runs out of memory, all its runs end."""
    (container,) = named(overlay, "Deployment", "gateway")["spec"]["template"]["spec"]["containers"]
    bodies = GatewaySettings.model_fields["max_inflight_body_bytes"].default
    assert container["resources"]["limits"]["memory"] == "1Gi"
    assert (128 << 20) + 2 * bodies <= 1 << 30


def test_deploy_service_has_memory_for_several_large_workflows(overlay: str) -> None:
    """Eight concurrent ones of 8 MB in 30,000 blocks each took 532 MiB."""
    (container,) = named(overlay, "Deployment", "deploy-service")["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == "1Gi"


def _most_data(engine: Engine) -> int:
    """Return the data limit at which a process of this engine is stopped, from its command line."""
    return int(json.loads(engine.command(0)[-1])["data_bytes"])


def _prometheus_queries(name: str) -> list[dict[str, str]]:
    """Return the queries of a ScaledObject to Prometheus."""
    triggers = named("keda", "ScaledObject", name)["spec"]["triggers"]
    return [trigger["metadata"] for trigger in triggers if trigger["type"] == "prometheus"]


SCALED = pytest.mark.parametrize("name", ["executor-service", "gateway"])


@SCALED
def test_autoscalers_query_existing_metrics(name: str) -> None:
    queries = " ".join(trigger["query"] for trigger in _prometheus_queries(name))
    known = {metric.name for metric in metrics()}
    found = set(re.findall(r"flowport_\w+", queries))
    assert found
    assert found - known == set()


@SCALED
def test_autoscalers_query_their_own_namespace_and_treat_silence_as_no_answer(name: str) -> None:
    """Another installation in the same Prometheus has a separate backlog."""
    own = f'{{namespace="{named("keda", "ScaledObject", name)["metadata"]["namespace"]}"'
    for trigger in _prometheus_queries(name):
        query = trigger["query"]
        assert query.count(own) == len(re.findall(r"flowport_\w+", query)), query
        assert trigger["ignoreNullValues"] == "false"


def test_no_executor_is_removed_while_the_load_is_unknown() -> None:
    """Prometheus tends to be unavailable when much else is: a fixed number would end all runs of the replicas beyond
    it."""
    fallback = named("keda", "ScaledObject", "executor-service")["spec"]["fallback"]
    assert fallback["behavior"] == "currentReplicasIfHigher"
    assert "KEDA 2.17 or newer" in (ROOT / "docs/operations/kubernetes.md").read_text(), "older ones do not know it"


def test_gateways_are_scaled_by_the_calls_that_they_hold_before_their_gates_are_full() -> None:
    """Waiting calls use no processor."""
    (query,) = _prometheus_queries("gateway")
    assert "flowport_gateway_calls_in_hand" in query["query"]
    assert int(query["threshold"]) < GatewaySettings.model_fields["admission_gate_max_inflight"].default
    assert not of_kind("keda", "HorizontalPodAutoscaler"), "two that scale the same"


def test_autoscalers_get_an_answer_before_the_first_run() -> None:
    """A kind of run that no worker has begun counts as zero busy ones: silence would look like an outage, see
    `fallback`."""
    queries = " ".join(query["query"] for query in _prometheus_queries("executor-service"))
    program = "import executor_service.metrics, prometheus_client; print(prometheus_client.generate_latest().decode())"
    fresh = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    kinds = re.findall(r'slots_busy\{namespace="flowport",kind="(\w+)"\}', queries)
    assert sorted(kinds) == ["durable", "interactive", "nested"]
    assert [kind for kind in kinds if f'flowport_executor_slots_busy{{kind="{kind}"}} 0' not in fresh] == []


def test_applying_the_manifests_does_not_reset_autoscaled_replicas(overlay: str) -> None:
    scalers = of_kind(overlay, "HorizontalPodAutoscaler", "ScaledObject")
    scaled = {found["spec"]["scaleTargetRef"]["name"] for found in scalers}
    with_a_number = {
        found["metadata"]["name"] for found in of_kind(overlay, "Deployment") if "replicas" in found["spec"]
    }
    assert with_a_number == set(SERVICES) - scaled
