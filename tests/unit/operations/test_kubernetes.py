"""The manifests, built as `kubectl apply -k` would: valid, and as we promise that they are."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tools.reference.configuration import SETTINGS
from tools.reference.metrics import metrics

from executor_service.providers import ProviderSettings
from executor_service.providers.keyed import keyed_providers
from executor_service.sandbox import SandboxLimits
from executor_service.sandbox.javascript import JavaScriptEngine
from executor_service.sandbox.nursery import Engine
from executor_service.sandbox.python import PythonEngine
from shared.service import ServiceName
from shared.settings import CommonSettings
from shared.settings_reading import variables_of

ROOT = Path(__file__).parents[3]
OVERLAYS = ["dev", "production", "keda"]
SERVICES = [service.value for service in ServiceName]
OURS = {*SERVICES, "topology", "doctor"}
VERSIONS = ("1.33", "1.37")
WORKLOADS = {"Deployment", "StatefulSet", "Job", "CronJob"}
DRAIN_SECONDS = CommonSettings.model_fields["drain_seconds"].default
LIMITS = SandboxLimits()
OWN_MEMORY, READY_MEMORY, FILES_MEMORY = 200 << 20, 64 << 20, 64 << 20
"""Of an executor, beside code that runs: itself, the sandbox processes that stand ready, its /tmp."""

Object = dict[str, Any]


@cache
def built(overlay: str) -> tuple[Object, ...]:
    """Every object of an overlay."""
    done = subprocess.run(
        ["kustomize", "build", f"k8s/overlays/{overlay}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Object]:
    return [found for found in built(overlay) if found["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Object:
    return next(found for found in of_kind(overlay, kind) if found["metadata"]["name"] == name)


def template_of(workload: Object) -> Object:
    """What its pods are made of."""
    spec = workload["spec"]
    template: Object = spec.get("jobTemplate", workload)["spec"]["template"]
    return template


def containers(overlay: str) -> Iterator[tuple[str, Object, Object]]:
    """The name of the workload, its pod, and each container of it."""
    for workload in of_kind(overlay, *WORKLOADS):
        pod = template_of(workload)["spec"]
        for container in pod["containers"]:
            yield workload["metadata"]["name"], pod, container


def of_operators(overlay: str) -> Iterator[tuple[str, Object]]:
    """The name of what an operator runs, and what we override in its pod."""
    for found in of_kind(overlay, "RabbitmqCluster"):
        yield found["metadata"]["name"], found["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"]
    for found in of_kind(overlay, "MongoDBCommunity"):
        yield found["metadata"]["name"], found["spec"]["statefulSet"]["spec"]["template"]["spec"]


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """Each in turn."""
    name: str = request.param
    return name


def _config_maps(container: Object) -> set[str]:
    return {source["configMapRef"]["name"] for source in container.get("envFrom", [])}


def is_standard(found: Object) -> bool:
    group = found["apiVersion"].rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(overlay: str, version: str) -> None:
    for found in filter(is_standard, built(overlay)):
        kubernetes_validate.validate(found, version, strict=True)


def test_only_operators_kinds_are_not_checked(overlay: str) -> None:
    kinds = {found["kind"] for found in built(overlay) if not is_standard(found)}
    assert kinds <= {
        "ExternalSecret", "MongoDBCommunity", "PodMonitor", "PrometheusRule", "RabbitmqCluster", "ScaledObject",
        "ServiceMonitor",
    }  # fmt: skip


def test_no_container_is_root_or_may_become_it(overlay: str) -> None:
    for name, pod, container in containers(overlay):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert container["securityContext"].get("readOnlyRootFilesystem") is True or name not in OURS, name


def test_production_keeps_to_restricted_pod_security() -> None:
    labels = named("production", "Namespace", "flowport")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod, _ in containers("production"):
        profile = pod["securityContext"]["seccompProfile"]
        assert profile["type"] in {"RuntimeDefault", "Localhost"}, name
        assert profile["type"] == "RuntimeDefault" or (ROOT / "k8s/seccomp" / profile["localhostProfile"]).exists()
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert all(set(volume) <= {"name", "emptyDir", "secret", "configMap"} for volume in pod.get("volumes", []))


def test_the_pods_of_operators_keep_to_restricted_pod_security() -> None:
    """What an operator writes is not in these files: it is told of each of its containers by name."""
    told = {}
    for name, pod in of_operators("production"):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        all_of_it = [*pod["initContainers"], *pod["containers"]]
        told[name] = {container["name"] for container in all_of_it}
        for container in all_of_it:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
    assert told == {
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


def test_a_new_version_can_come_in_the_order_that_upgrading_says(overlay: str) -> None:
    """By name for kubectl, by waves for Argo CD; what has no name of a service comes before."""
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


def test_every_deployment_is_spread_and_protected(overlay: str) -> None:
    protected = {
        found["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]
        for found in of_kind(overlay, "PodDisruptionBudget")
    }
    for deployment in of_kind(overlay, "Deployment"):
        assert deployment["metadata"]["name"] in protected
        assert len(deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]) == 2


def test_broker_and_store_lose_one_member_at_a_time() -> None:
    """Not two at once by a drain, nor with one host or one zone; of three, two are the majority."""
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


def test_an_executor_has_room_for_as_much_code_as_it_runs_at_once(overlay: str) -> None:
    settings = next(found["data"] for found in of_kind(overlay, "ConfigMap") if "FLOWPORT_HOST" in found["data"])
    (container,) = named(overlay, "Deployment", "executor-service")["spec"]["template"]["spec"]["containers"]
    javascript, python = _most_data(JavaScriptEngine(LIMITS)), _most_data(PythonEngine(LIMITS, "true"))
    most = (
        int(settings["FLOWPORT_SANDBOX_PROCESSES"]) * (javascript + python) + OWN_MEMORY + READY_MEMORY + FILES_MEMORY
    )
    assert container["resources"]["limits"]["memory"] == "4Gi"
    assert most <= 4 << 30


def _most_data(engine: Engine) -> int:
    """Where a process of this engine is ended: it is told so on its command line."""
    return int(json.loads(engine.command(0)[-1])["data_bytes"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_given_only_settings_that_it_knows(overlay: str, name: str) -> None:
    known = {
        variable for kind in SETTINGS[name] for field in kind.model_fields for variable in variables_of(kind, field)
    }
    (container,) = named(overlay, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    assert {variable["name"] for variable in container["env"]} - known == set()
    tokens = {variable["name"] for variable in container["env"] if "TOKEN" in variable["name"]}
    own = f"FLOWPORT_TOKEN_{name.partition('-')[0].upper()}"
    assert len(tokens) == 4 if name in {"deploy-service", "jobs-service"} else tokens == {own}


def test_the_broker_waits_for_runs_as_long_as_the_gateway_lets_them_take(overlay: str) -> None:
    told = [container for _, _, container in containers(overlay) if "flowport-limits" in _config_maps(container)]
    assert {container["name"] for container in told} == {"gateway", "topology", "doctor"}
    assert named(overlay, "ConfigMap", "flowport-limits")["data"].keys() == {"FLOWPORT_LONGEST_RUN_SECONDS"}


def test_an_operator_can_say_which_vendors_the_executor_has_a_key_of(overlay: str) -> None:
    """The manifests know nothing of what is in an optional Secret; the comment beside the setting names the words."""
    settings = next(found["data"] for found in of_kind(overlay, "ConfigMap") if "FLOWPORT_HOST" in found["data"])
    assert settings["FLOWPORT_KEYED_PROVIDERS"] == ""
    (container,) = named(overlay, "Deployment", "executor-service")["spec"]["template"]["spec"]["containers"]
    keys = {variable["name"].lower(): "key" for variable in container["env"] if variable["name"].endswith("_API_KEY")}
    (words,) = re.findall(r"FLOWPORT_KEYED_PROVIDERS= # ([\w,]+):", (ROOT / "k8s/base/kustomization.yaml").read_text())
    assert set(words.split(",")) == keyed_providers(ProviderSettings.model_validate(keys))


def test_no_secret_is_written_down_outside_of_the_overlay_for_trying() -> None:
    for overlay in ("production", "keda"):
        assert of_kind(overlay, "Secret") == []
    for name, _, container in containers("production"):
        for variable in container.get("env", []):
            assert "valueFrom" in variable, f"{name}: {variable['name']}"


def test_every_secret_that_is_referred_to_is_there_when_trying() -> None:
    kept = {found["metadata"]["name"]: found["stringData"] for found in of_kind("dev", "Secret")}
    for name, _, container in containers("dev"):
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and not reference.get("optional"):
                assert reference["key"] in kept[reference["name"]], f"{name}: {variable['name']}"


def test_a_service_sees_its_own_database_and_a_backup_changes_nothing() -> None:
    (mongodb,) = of_kind("production", "MongoDBCommunity")
    roles = {user["name"]: [(role["name"], role["db"]) for role in user["roles"]] for user in mongodb["spec"]["users"]}
    databases = {name: f"flowport_{name.partition('-')[0]}" for name in ("gateway", "deploy-service", "jobs-service")}
    services = {name: [("readWrite", database)] for name, database in databases.items()}
    assert roles == services | {"backup": [("backup", "admin")]}


def test_every_secret_that_is_referred_to_comes_from_the_vault() -> None:
    (mongodb,) = of_kind("production", "MongoDBCommunity")
    (rabbitmq,) = of_kind("production", "RabbitmqCluster")
    wanted = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for _, _, container in containers("production")
        for variable in container.get("env", [])
    }
    wanted |= {user["passwordSecretRef"]["name"] for user in mongodb["spec"]["users"]}
    wanted.add(rabbitmq["spec"]["secretBackend"]["externalSecret"]["name"])
    assert {found["spec"]["target"]["name"] for found in of_kind("production", "ExternalSecret")} == wanted


def test_operators_make_the_users_that_the_urls_name() -> None:
    """No operator runs here: the two functions that the templates use are done by hand."""
    made = {found["metadata"]["name"]: found["spec"]["target"] for found in of_kind("production", "ExternalSecret")}
    (mongodb,) = of_kind("production", "MongoDBCommunity")
    for user in mongodb["spec"]["users"]:
        urls = {f"mongodb-{user['name']}": f"mongodb://{user['name']}:s3cret@mongodb-svc:27017/?authSource=admin"}
        template = made[user["passwordSecretRef"]["name"]]["template"]["data"]
        assert _filled(template["password"], urls) == "s3cret"
    broker = made["flowport-rabbitmq"]["template"]["data"]
    urls = {"amqp-url": "amqp://operator:s3cret@rabbitmq:5672/"}
    assert _filled(broker["default_user.conf"], urls) == "default_user = operator\ndefault_pass = s3cret\n"
    assert (_filled(broker["username"], urls), _filled(broker["password"], urls)) == ("operator", "s3cret")


def _filled(template: str, values: dict[str, str]) -> str:
    def fill(found: re.Match[str]) -> str:
        key, pattern, trimmed = found.groups()
        (part,) = re.findall(pattern, values[key])
        return str(part).strip(trimmed)

    step = r'\{\{ index \. "([^"]+)" \| regexFind "([^"]+)" \| trimAll "([^"]+)" \}\}'
    return re.sub(step, fill, template)


def test_nobody_is_reached_unless_a_policy_says_so(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    everybody = named(overlay, "NetworkPolicy", "default-deny")["spec"]
    assert everybody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    from_outside = {
        (policy["metadata"]["name"], peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])
        for policy in policies
        for rule in policy["spec"].get("ingress", [])
        for peer in rule.get("from", [])
        if "namespaceSelector" in peer
    }
    assert from_outside == {("allow-metrics", "monitoring"), ("gateway", "ingress-nginx")}
    outside = [
        rule
        for policy in policies
        for rule in policy["spec"].get("ingress", [])
        if any("namespaceSelector" in peer for peer in rule.get("from", []))
    ]
    assert all(rule["ports"] for rule in outside)


def test_callers_are_not_told_how_the_gateway_is() -> None:
    """nginx refuses the same paths in front of containers."""
    (rule,) = named("production", "Ingress", "flowport")["spec"]["rules"]
    closed = {path["path"] for path in rule["http"]["paths"] if path["backend"]["service"]["name"] == "nobody"}
    assert all(path["pathType"] == "Exact" for path in rule["http"]["paths"] if path["path"] in closed)
    assert "selector" not in named("production", "Service", "nobody")["spec"]
    (refused,) = re.findall(r"location ~ \^/\(([\w|]+)\)\$", (ROOT / "deploy/nginx/flowport.conf").read_text())
    assert closed == {f"/{name}" for name in refused.split("|")}


def test_users_code_reaches_the_internet_but_nothing_private(overlay: str) -> None:
    policy = named(overlay, "NetworkPolicy", "executor-service")["spec"]
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer]
    refused = {network for block in blocks for network in block["except"]}
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} <= refused
    pods = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in policy["egress"]
        for peer in rule["to"]
        if "podSelector" in peer
    }
    assert "mongodb" not in pods


def test_what_scales_asks_for_metrics_that_exist() -> None:
    (scaled,) = of_kind("keda", "ScaledObject")
    queries = " ".join(trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"])
    known = {metric.name for metric in metrics()}
    assert set(re.findall(r"flowport_\w+", queries)) - known == set()


def test_what_scales_by_itself_is_not_thrown_back_by_the_next_apply(overlay: str) -> None:
    scalers = of_kind(overlay, "HorizontalPodAutoscaler", "ScaledObject")
    scaled = {found["spec"]["scaleTargetRef"]["name"] for found in scalers}
    with_a_number = {
        found["metadata"]["name"] for found in of_kind(overlay, "Deployment") if "replicas" in found["spec"]
    }
    assert with_a_number == set(SERVICES) - scaled


def test_the_doctor_runs_when_somebody_asks_and_knows_what_it_can_ask(overlay: str) -> None:
    assert named(overlay, "CronJob", "doctor")["spec"]["suspend"] is True
    ((_, _, container),) = [each for each in containers(overlay) if each[0] == "doctor"]
    given = {variable["name"] for variable in container["env"]}
    indexes = {name for _, _, other in containers(overlay) if other["name"] == "indexes" for name in _names(other)}
    assert indexes <= given, "each service's own way to the store"
    places = next(found["data"] for found in of_kind(overlay, "ConfigMap") if "FLOWPORT_EXECUTOR_URL" in found["data"])
    assert set(places) == {"FLOWPORT_URL", "FLOWPORT_EXECUTOR_URL"}
    reached = {found["metadata"]["name"] for found in of_kind(overlay, "Service")}
    assert {url.partition("//")[2].partition(":")[0] for url in places.values()} <= reached


def test_the_doctor_is_let_out_and_let_in(overlay: str) -> None:
    egress = named(overlay, "NetworkPolicy", "doctor")["spec"]["egress"]
    wanted = {*SERVICES, "rabbitmq", "mongodb"}
    assert {name for rule in egress for peer in rule["to"] for name in _selected(peer["podSelector"])} == wanted
    doctor = {"app.kubernetes.io/name": "doctor", "app.kubernetes.io/part-of": "flowport"}.items()
    let_in = {
        name
        for policy in of_kind(overlay, "NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        for peer in rule.get("from", [])
        if peer.get("podSelector", {}).get("matchLabels", {"": ""}).items() <= doctor
        for name in _selected(policy["spec"]["podSelector"])
    }
    assert wanted <= let_in


def _names(container: Object) -> set[str]:
    return {variable["name"] for variable in container["env"]}


def _selected(selector: Object) -> set[str]:
    label = "app.kubernetes.io/name"
    listed = [name for each in selector.get("matchExpressions", []) if each["key"] == label for name in each["values"]]
    return {*listed, *(name for key, name in selector.get("matchLabels", {}).items() if key == label)}


def test_services_point_at_pods(overlay: str) -> None:
    labels = [template_of(workload)["metadata"]["labels"] for workload in of_kind(overlay, *WORKLOADS)]
    for service in of_kind(overlay, "Service"):
        if service["metadata"]["name"] == "nobody":
            continue
        selector = service["spec"]["selector"].items()
        assert any(selector <= pod.items() for pod in labels), service["metadata"]["name"]
