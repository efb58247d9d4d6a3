"""The manifests are valid, and run the services as documented."""

import json
import os
import re
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
from tests.support.manifests import (
    ROOT,
    SERVICES,
    WORKLOADS,
    Object,
    build,
    built,
    containers,
    named,
    named_in,
    of_kind,
    of_operators,
    template_of,
)
from tools.reference.configuration import SETTINGS

from shared.settings import CommonSettings, setting_variables

OURS = {*SERVICES, "topology", "doctor", "backup"}
VERSIONS = ("1.33", "1.37")
DRAIN_SECONDS = CommonSettings.model_fields["drain_seconds"].default


def is_standard(found: Object) -> bool:
    group = found["apiVersion"].rpartition("/")[0]
    return "." not in group or (group.endswith(".k8s.io") and group != "gateway.networking.k8s.io")


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(overlay: str, version: str) -> None:
    for found in filter(is_standard, built(overlay)):
        check_fields(json.dumps(found), version)


@cache
def check_fields(found: str, version: str) -> None:
    """Check an object; overlays share most of them."""
    kubernetes_validate.validate(json.loads(found), version, strict=True)


def test_only_operators_kinds_are_not_checked(overlay: str) -> None:
    kinds = {found["kind"] for found in built(overlay) if not is_standard(found)}
    assert kinds <= {
        "ExternalSecret", "Gateway", "HTTPRoute", "MongoDBCommunity", "PodMonitor", "PrometheusRule", "RabbitmqCluster",
        "ScaledObject", "ServiceMonitor",
    }  # fmt: skip


def test_no_container_is_root_or_may_become_it(overlay: str) -> None:
    for name, pod, container in containers(overlay):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert container["securityContext"].get("readOnlyRootFilesystem") is True or name not in OURS, name


def test_production_conforms_to_restricted_pod_security() -> None:
    labels = named("production", "Namespace", "flowport")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod, _ in containers("production"):
        profile = pod["securityContext"]["seccompProfile"]
        assert profile["type"] in {"RuntimeDefault", "Localhost"}, name
        assert profile["type"] == "RuntimeDefault" or (ROOT / "k8s/seccomp" / profile["localhostProfile"]).exists()
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert all(set(volume) <= {"name", "emptyDir", "secret", "configMap"} for volume in pod.get("volumes", []))


def test_pods_of_operators_conform_to_restricted_pod_security() -> None:
    """The manifests do not contain the operators' pods: each operator learns of its containers by name."""
    names = {}
    for name, pod in of_operators("production"):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        all_of_it = [*pod["initContainers"], *pod["containers"]]
        names[name] = {container["name"] for container in all_of_it}
        for container in all_of_it:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
    assert names == {
        "rabbitmq": {"setup-container", "rabbitmq"},
        "mongodb": {"mongod-posthook", "mongodb-agent-readinessprobe", "mongod", "mongodb-agent"},
    }


def test_every_container_has_requests_limits_and_a_pinned_image(overlay: str) -> None:
    for name, _, container in containers(overlay):
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}, name
        tag = container["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+[\w.-]*", tag), container["image"]


def test_every_deployment_has_probes_that_mean_something(overlay: str) -> None:
    for deployment in of_kind(overlay, "Deployment"):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert "startupProbe" in container


def test_a_pod_has_longer_to_end_than_its_drain(overlay: str) -> None:
    settings = next(found["data"] for found in of_kind(overlay, "ConfigMap") if "FLOWPORT_HOST" in found["data"])
    assert float(settings["FLOWPORT_DRAIN_SECONDS"]) == DRAIN_SECONDS
    for deployment in of_kind(overlay, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        waits = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pod["terminationGracePeriodSeconds"] >= waits + DRAIN_SECONDS + 10


def test_a_new_version_can_roll_out_in_the_documented_order(overlay: str) -> None:
    """By name for kubectl, by waves for Argo CD; objects without a service's name come before."""
    order = ["deploy-service", "jobs-service", "executor-service", "gateway"]
    assert f"for service in {' '.join(order)}; do" in (ROOT / "docs/operations/upgrading.md").read_text()
    waves = {}
    for found in built(overlay):
        name = found["metadata"].get("labels", {}).get("app.kubernetes.io/name")
        if found["kind"] == "Deployment":
            waves[name] = int(found["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])
            assert name == found["metadata"]["name"]
        else:
            assert name is None or found["kind"] == "Service", found["metadata"]["name"]
    assert sorted(waves, key=waves.__getitem__) == order
    assert min(waves.values()) > 0


def wave_of(found: Object) -> int:
    return int(found["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", 0))


def test_argo_cd_gets_through_a_first_installation(overlay: str) -> None:
    """Argo CD waits for all of a wave. A hook of an earlier phase would wait for objects of a later one; a scaler, for
    its target; a suspended job, for ever, unless nothing comes after it."""
    phases = {found["metadata"].get("annotations", {}).get("argocd.argoproj.io/hook") for found in built(overlay)}
    assert phases == {None, "Sync"}
    waves = {found["metadata"]["name"]: wave_of(found) for found in of_kind(overlay, "Deployment")}
    (topology,) = of_kind(overlay, "Job")
    assert wave_of(topology) == 0 < min(waves.values())
    for scaler in of_kind(overlay, "HorizontalPodAutoscaler", "ScaledObject"):
        assert wave_of(scaler) > waves[scaler["spec"]["scaleTargetRef"]["name"]]
    (doctor,) = [found for found in of_kind(overlay, "CronJob") if found["spec"].get("suspend")]
    assert wave_of(doctor) == max(map(wave_of, built(overlay))) > max(waves.values())


def test_topology_job_waits_an_hour_for_broker_and_store(overlay: str) -> None:
    """In its containers: the kubelet restarts a failed container up to five minutes later, and services wait for it."""
    assert "job/topology --timeout=1h" in (ROOT / "docs/operations/upgrading.md").read_text()
    (topology,) = of_kind(overlay, "Job")
    for container in template_of(topology)["spec"]["containers"]:
        assert container["args"][-2:] == ["--wait", "3600"], container["name"]


def test_another_version_of_the_topology_job_can_be_applied(overlay: str) -> None:
    """A Job is immutable: it has to be gone, or replaced by what applies it."""
    (topology,) = of_kind(overlay, "Job")
    assert topology["spec"]["ttlSecondsAfterFinished"] <= 60
    annotations = topology["metadata"]["annotations"]
    assert annotations["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
    assert annotations["kustomize.toolkit.fluxcd.io/force"] == "enabled"


def test_pods_get_no_variables_of_services(overlay: str) -> None:
    """The Service `gateway` would set GATEWAY_PORT=tcp://…, which reads like a setting."""
    pods = [(found["metadata"]["name"], template_of(found)["spec"]) for found in of_kind(overlay, *WORKLOADS)]
    for name, pod in (*pods, *of_operators(overlay)):
        assert pod["enableServiceLinks"] is False, name


@pytest.mark.parametrize("service", SERVICES)
def test_no_setting_has_the_name_of_a_service_variable(service: str) -> None:
    """Kubernetes also injects these where a pod's manifest is not ours."""
    injected = re.compile(
        rf"({'|'.join(SERVICES)}|RABBITMQ|MONGODB)_(SERVICE_.+|PORT.*)".replace("-", "_"), re.IGNORECASE
    )
    names = [
        name for kind in SETTINGS[service] for field in kind.model_fields for name in setting_variables(kind, field)
    ]
    assert [name for name in names if injected.fullmatch(name)] == []


def test_trial_servers_start_automatically_and_restart() -> None:
    mongodb = template_of(named("dev", "StatefulSet", "mongodb"))["spec"]
    (command,) = [text for text in mongodb["containers"][0]["readinessProbe"]["exec"]["command"] if "initiate" in text]
    (host,) = re.findall(r"host: '([\w.-]+):27017'", command)
    reached = {name for alias in mongodb["hostAliases"] if alias["ip"] == "127.0.0.1" for name in alias["hostnames"]}
    assert host in reached, "its Service leads to who is ready, and it has to reach itself before"
    rabbitmq = template_of(named("dev", "StatefulSet", "rabbitmq"))["spec"]
    assert rabbitmq["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch", "its cookie is for its owner alone"


def test_python_functions_may_mount_where_apparmor_is(tmp_path: Path) -> None:
    """By an existing profile that restricted Pod Security admits, in an overlay with the component."""
    places = [
        os.path.relpath(ROOT / "k8s" / folder, tmp_path) for folder in ("overlays/production", "components/apparmor")
    ]
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{places[0]}]\ncomponents: [{places[1]}]\n")
    executor = named_in(build(tmp_path), "Deployment", "executor-service")
    profile = template_of(executor)["spec"]["securityContext"]["appArmorProfile"]
    assert profile["type"] == "Localhost"
    written = (ROOT / "k8s/apparmor" / profile["localhostProfile"]).read_text()
    assert f"profile {profile['localhostProfile']} " in written
    assert "\n  mount,\n" in written
    for version in VERSIONS:
        kubernetes_validate.validate(executor, version, strict=True)


def test_every_deployment_is_spread_and_protected(overlay: str) -> None:
    protected = {
        found["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]
        for found in of_kind(overlay, "PodDisruptionBudget")
    }
    for deployment in of_kind(overlay, "Deployment"):
        assert deployment["metadata"]["name"] in protected
        assert len(deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]) == 2


def test_broker_and_store_lose_one_member_at_a_time() -> None:
    """A drain stops at most one at a time, and so does losing a host or a zone; of three, two are the majority."""
    budgets = {
        found["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]: found["spec"]["maxUnavailable"]
        for found in of_kind("production", "PodDisruptionBudget")
    }
    (rabbitmq,), (mongodb,) = of_kind("production", "RabbitmqCluster"), of_kind("production", "MongoDBCommunity")
    pods = dict(of_operators("production"))
    affinity = {"rabbitmq": rabbitmq["spec"]["affinity"], "mongodb": pods["mongodb"]["affinity"]}
    for name, pod in pods.items():
        assert budgets[name] == 1
        (apart,) = affinity[name]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        (spread,) = pod["topologySpreadConstraints"]
        assert (apart["topologyKey"], spread["topologyKey"]) == (
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        )
        assert spread["whenUnsatisfiable"] == "DoNotSchedule"
        for selector in (apart["labelSelector"], spread["labelSelector"]):
            assert selector == {"matchLabels": {"app.kubernetes.io/name": name}}
    assert rabbitmq["spec"]["persistence"]["storage"]
    assert all(
        claim["spec"]["resources"]["requests"]["storage"]
        for claim in mongodb["spec"]["statefulSet"]["spec"]["volumeClaimTemplates"]
    )
    for resources in (rabbitmq["spec"]["resources"], *(each["resources"] for each in pods["mongodb"]["containers"])):
        assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}
