"""Compose and Kubernetes protect the metrics of every service, and Prometheus has the token."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SERVICES = ("gateway", "deploy-service", "jobs-service", "executor-service")
TOKEN = "FLOWPORT_METRICS_TOKEN"


@pytest.mark.parametrize("name", SERVICES)
def test_compose_requires_a_metrics_token_for_every_service(name: str) -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    assert compose["services"][name]["environment"][TOKEN] == f"${{{TOKEN}:?}}"


def test_prometheus_of_compose_shows_the_token_to_every_service() -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    [secret] = compose["services"]["prometheus"]["secrets"]
    assert compose["secrets"][secret] == {"environment": TOKEN}
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    files = {job["job_name"]: job.get("authorization", {}).get("credentials_file") for job in jobs}
    assert {files[name] for name in SERVICES} == {f"/run/secrets/{secret}"}
    assert files["rabbitmq"] is None


@pytest.mark.parametrize("name", [*SERVICES, "doctor"])
def test_kubernetes_requires_a_metrics_token_for_every_service(name: str) -> None:
    reference = f"{{name: {TOKEN}, valueFrom: {{secretKeyRef: {{name: flowport, key: {TOKEN}}}}}}}"
    assert reference in (ROOT / f"k8s/base/{name}.yaml").read_text()


def test_the_service_monitor_shows_the_token() -> None:
    monitor = yaml.safe_load((ROOT / "k8s/components/monitoring/service-monitor.yaml").read_text())
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["authorization"] == {"credentials": {"name": "flowport", "key": TOKEN}}
