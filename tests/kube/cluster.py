"""kubectl, and what the check reads from its answers."""

import json
import subprocess
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any, Final

SERVERS: Final = frozenset({"rabbitmq", "mongodb"})
SERVICES: Final = ("deploy-service", "jobs-service", "executor-service", "gateway")
"""In the order in which docs/operations/upgrading.md restarts them."""
CALLER: Final = "kube-check"
CALLER_SECONDS: Final = 3600
_NAME: Final = "app.kubernetes.io/name"
_LAST_LINES: Final = 25

Object = dict[str, Any]


class KubeFailed(Exception):
    """A command of kubectl failed, or the cluster did not do what it should."""


class Kubectl:
    """The cluster of kubectl's current context, and one namespace of it."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def run(self, *command: str | Path, seconds: float = 120, text: str | None = None) -> str:
        """Return what `kubectl` prints. Raises KubeFailed with its last lines."""
        line = ["kubectl", "--namespace", self._namespace, *map(str, command)]
        try:
            done = subprocess.run(line, input=text, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as error:
            raise KubeFailed(f"kubectl {command[0]} took longer than {seconds:.0f} s") from error
        except FileNotFoundError as error:
            raise KubeFailed("kubectl is not installed") from error
        if done.returncode:
            raise KubeFailed(f"kubectl {' '.join(map(str, command))} failed:\n{_last_lines(done.stdout + done.stderr)}")
        return done.stdout

    def get(self, *what: str) -> Object:
        """Return objects of the cluster. Raises KubeFailed."""
        found: Object = json.loads(self.run("get", *what, "--output", "json"))
        return found


def ready_after_servers(pods: Sequence[Object]) -> float | None:
    """Return the seconds between the last server and the last pod of a service becoming ready.

    None if no server is in the namespace, or a service's pod is newer than the servers: then it did not wait for them.
    Raises KubeFailed if a pod is not ready.
    """
    pods = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]  # replaced ones still drain
    servers = [_ready_at(pod) for pod in pods if _name_of(pod) in SERVERS]
    services = [pod for pod in pods if _name_of(pod) in SERVICES]
    ready = max(map(_ready_at, services))
    if not servers or any(_time(pod["metadata"]["creationTimestamp"]) > max(servers) for pod in services):
        return None
    return max((ready - max(servers)).total_seconds(), 0.0)


def restarts(pods: Sequence[Object]) -> dict[str, int]:
    """Return the pods of services with restarted containers, and how often."""
    counts = {
        pod["metadata"]["name"]: sum(each["restartCount"] for each in pod["status"].get("containerStatuses", ()))
        for pod in pods
        if _name_of(pod) in SERVICES
    }
    return {name: count for name, count in counts.items() if count}


def caller_job(doctor: Object, program: str, workflow: Object) -> Object:
    """Return the Job that calls the gateway: the doctor's pod, which may reach it, with another program."""
    spec = deepcopy(doctor["spec"]["jobTemplate"]["spec"])
    spec |= {"activeDeadlineSeconds": CALLER_SECONDS, "ttlSecondsAfterFinished": CALLER_SECONDS}
    (container,) = spec["template"]["spec"]["containers"]
    container |= {"name": CALLER, "command": ["python", "-c", program], "args": [json.dumps(workflow)]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": CALLER}, "spec": spec}


def verdict(result: Object) -> str:
    """Describe the result of the calls. Raises KubeFailed if a call or a queued run failed."""
    if result["failed"]:
        raise KubeFailed(
            f"{len(result['failed'])} of {result['calls']} calls failed:\n" + "\n".join(result["failed"][:10])
        )
    completed = result["jobs"].get("completed", 0)
    if set(result["jobs"]) != {"completed"}:
        raise KubeFailed(f"queued runs did not all complete: {result['jobs']}")
    return f"{result['calls']} calls, none failed; {completed} queued runs completed"


def _ready_at(pod: Object) -> datetime:
    ready: Object = next((each for each in pod["status"].get("conditions", ()) if each["type"] == "Ready"), {})
    if ready.get("status") != "True":
        raise KubeFailed(f"{pod['metadata']['name']} is not ready: {ready.get('message', '')}")
    return _time(ready["lastTransitionTime"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _name_of(pod: Object) -> str:
    name: str = pod["metadata"].get("labels", {}).get(_NAME, "")
    return name


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-_LAST_LINES:])
