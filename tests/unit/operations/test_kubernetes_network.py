"""Network policies: which pods can reach which."""

import re

import pytest
from tests.support.manifests import ROOT, SERVICES, WORKLOADS, Object, containers, named, of_kind, template_of

from shared.service import ServiceName

ONLY = re.compile(r"\b(?:only\(tokens, |access\()([^)]*)\)")
CALLER = re.compile(r"ServiceName\.(\w+)")


def test_every_allowed_connection_has_a_policy(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    default_deny = named(overlay, "NetworkPolicy", "default-deny")["spec"]
    assert default_deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    from_outside = {
        (policy["metadata"]["name"], peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])
        for policy in policies
        for rule in policy["spec"].get("ingress", [])
        for peer in rule.get("from", [])
        if "namespaceSelector" in peer
    }
    proxies = "envoy-gateway-system" if of_kind(overlay, "Gateway") else "ingress-nginx"
    for_certificates = {("acme-solver", proxies)} if of_kind(overlay, "Ingress", "Gateway") else set()
    assert from_outside == {("allow-metrics", "monitoring"), ("gateway", proxies)} | for_certificates
    outside = [
        rule
        for policy in policies
        for rule in policy["spec"].get("ingress", [])
        if any("namespaceSelector" in peer for peer in rule.get("from", []))
    ]
    assert all(rule["ports"] for rule in outside)


def test_a_certificate_can_be_issued() -> None:
    """cert-manager proves ownership of the host with a pod besides the Ingress: its answer has to come through."""
    annotations = named("production", "Ingress", "flowport")["metadata"]["annotations"]
    assert "cert-manager.io/cluster-issuer" in annotations
    policy = named("production", "NetworkPolicy", "acme-solver")["spec"]
    assert policy["podSelector"] == {"matchLabels": {"acme.cert-manager.io/http01-solver": "true"}}
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"port": 8089}]


def test_external_callers_cannot_read_the_gateways_health() -> None:
    """nginx refuses the same paths in front of containers."""
    (rule,) = named("production", "Ingress", "flowport")["spec"]["rules"]
    closed = {path["path"] for path in rule["http"]["paths"] if path["backend"]["service"]["name"] == "nobody"}
    assert all(path["pathType"] == "Exact" for path in rule["http"]["paths"] if path["path"] in closed)
    assert "selector" not in named("production", "Service", "nobody")["spec"]
    (refused,) = re.findall(r"location ~ \^/\(([\w|]+)\)\$", (ROOT / "deploy/nginx/flowport.conf").read_text())
    assert closed == {f"/{name}" for name in refused.split("|")}


def test_gateway_api_component_serves_what_the_ingress_serves() -> None:
    overlay = "gateway-api"
    assert not of_kind(overlay, "Ingress")
    (ingress,) = named("production", "Ingress", "flowport")["spec"]["rules"]
    gateway, route = named(overlay, "Gateway", "flowport"), named(overlay, "HTTPRoute", "flowport")["spec"]
    assert gateway["metadata"]["annotations"]["cert-manager.io/cluster-issuer"]
    listeners = {each["name"]: (each["protocol"], each["port"]) for each in gateway["spec"]["listeners"]}
    assert listeners == {"http": ("HTTP", 80), "https": ("HTTPS", 443)}
    assert route["hostnames"] == [ingress["host"]]
    routed = {
        (match["path"]["value"], backend["name"])
        for rule in route["rules"]
        for match in rule["matches"]
        for backend in rule["backendRefs"]
    }
    assert routed == {(path["path"], path["backend"]["service"]["name"]) for path in ingress["http"]["paths"]}
    (service,) = named(overlay, "Service", "gateway")["spec"]["ports"]
    (to_gateway,) = [rule for rule in route["rules"] if rule["backendRefs"][0]["name"] == "gateway"]
    assert to_gateway["backendRefs"][0]["port"] == service["port"]
    assert to_gateway["timeouts"] == {"request": "0s"}, "a stream may last as long as its run"
    page = (ROOT / "docs/operations/kubernetes.md").read_text()
    assert "standard channel, version 1.2 or newer" in page.replace("\n", " "), "1.1 rejects `timeouts`"
    (redirect,) = named(overlay, "HTTPRoute", "flowport-redirect")["spec"]["rules"]
    assert redirect["filters"][0]["requestRedirect"]["scheme"] == "https"


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


@pytest.mark.parametrize("called", ["deploy-service", "jobs-service"])
def test_a_service_is_reachable_only_for_its_callers(overlay: str, called: str) -> None:
    source = ROOT / "services" / called / "src"
    routes = [*source.rglob("api/*.py"), *source.rglob("*routes.py")]
    answered = {name for file in routes for found in ONLY.findall(file.read_text()) for name in CALLER.findall(found)}
    callers = {ServiceName[name].value for name in answered}
    (rule,) = named(overlay, "NetworkPolicy", called)["spec"]["ingress"]
    assert {name for peer in rule["from"] for name in _selected(peer["podSelector"])} == callers
    calling = {
        policy["metadata"]["name"]
        for policy in of_kind(overlay, "NetworkPolicy")
        for peers in policy["spec"].get("egress", [])
        for peer in peers.get("to", [])
        if called in _selected(peer.get("podSelector", {}))
    }
    assert calling == {*callers, "doctor"}


def test_the_doctor_runs_on_request_with_access_to_its_checks(overlay: str) -> None:
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
    allow_all = {
        name
        for policy in of_kind(overlay, "NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        for peer in rule.get("from", [])
        if peer.get("podSelector", {}).get("matchLabels", {"": ""}).items() <= doctor
        for name in _selected(policy["spec"]["podSelector"])
    }
    assert wanted <= allow_all


def test_the_doctor_waits_for_its_policies(overlay: str) -> None:
    """Their ingress side names its pod, whose address the nodes learn after it has started."""
    ((_, _, container),) = [each for each in containers(overlay) if each[0] == "doctor"]
    assert container["args"] == ["doctor", "--wait", "30"]


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
