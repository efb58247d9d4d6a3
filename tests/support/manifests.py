"""The manifests, built as `kubectl apply -k` would."""

import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shared.service import ServiceName

ROOT = Path(__file__).parents[2]
SHIPPED = ["dev", "production", "keda"]
WITH_PARTS = ["backup", "gateway-api"]
"""Production with one optional component, by its name."""
OVERLAYS = [*SHIPPED, *WITH_PARTS]
SERVICES = [service.value for service in ServiceName]
WORKLOADS = {"Deployment", "StatefulSet", "Job", "CronJob"}

Object = dict[str, Any]


@cache
def built(overlay: str) -> tuple[Object, ...]:
    """Return every object of an overlay."""
    overlays = "k8s/overlays" if overlay in SHIPPED else "tests/unit/operations/overlays"
    return build(ROOT / overlays / overlay)


def build(folder: Path) -> tuple[Object, ...]:
    """Return every object of a kustomization."""
    command = ["kustomize", "build", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Object]:
    return [found for found in built(overlay) if found["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Object:
    return named_in(built(overlay), kind, name)


def named_in(objects: Iterable[Object], kind: str, name: str) -> Object:
    return next(found for found in objects if found["kind"] == kind and found["metadata"]["name"] == name)


def template_of(workload: Object) -> Object:
    """Return the template of its pods."""
    spec = workload["spec"]
    template: Object = spec.get("jobTemplate", workload)["spec"]["template"]
    return template


def containers(overlay: str) -> Iterator[tuple[str, Object, Object]]:
    """Yield the name of the workload, its pod, and each of its containers."""
    for workload in of_kind(overlay, *WORKLOADS):
        pod = template_of(workload)["spec"]
        for container in pod["containers"]:
            yield workload["metadata"]["name"], pod, container


def of_operators(overlay: str) -> Iterator[tuple[str, Object]]:
    """Yield the names of the operators' objects, and our overrides in their pods."""
    for found in of_kind(overlay, "RabbitmqCluster"):
        yield found["metadata"]["name"], found["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"]
    for found in of_kind(overlay, "MongoDBCommunity"):
        yield found["metadata"]["name"], found["spec"]["statefulSet"]["spec"]["template"]["spec"]
