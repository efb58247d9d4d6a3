"""`make kube-check`: applies an overlay to the cluster of kubectl's current context, and restarts it under calls.

It applies the overlay twice, waits until every pod is ready, runs the doctor, and restarts every deployment while a pod
calls the gateway in three modes. It fails if the API server rejects an object, the doctor finds a problem, a container
restarts, or a call fails. What the overlay installs stays.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

import yaml
from tests.kube import caller
from tests.kube.cluster import (
    CALLER,
    SERVICES,
    Kubectl,
    KubeFailed,
    Object,
    caller_job,
    ready_after_servers,
    restarts,
    verdict,
)
from tests.support.workflow_files import START, agent, function, start, workflow

DOCTOR: Final = "kube-check-doctor"
READY_SECONDS: Final = 900
CALLS_SECONDS: Final = 10
began: Final = time.monotonic()


def main() -> int:
    """Return 1 if the check fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.kube", description=__doc__)
    parser.add_argument("overlay", type=Path, nargs="?", default=Path("k8s/overlays/dev"), help="folder of the overlay")
    try:
        _check(parser.parse_args().overlay)
    except KubeFailed as error:
        _say(f"FAILED: {error}")
        return 1
    return 0


def _check(overlay: Path) -> None:
    namespace = _namespace_of(overlay)
    cluster = Kubectl(namespace)
    _note(f"cluster {cluster.run('config', 'current-context').strip()}, namespace {namespace}")
    for _ in range(2):
        cluster.run("apply", "--kustomize", overlay)
    _note(f"{overlay} is applied, twice")
    for service in SERVICES:
        cluster.run(
            "rollout", "status", f"deployment/{service}", f"--timeout={READY_SECONDS}s", seconds=READY_SECONDS + 30
        )
    pods = cluster.get("pods")["items"]
    after = ready_after_servers(pods)
    _note("every pod is ready" + ("" if after is None else f", {after:.0f} s after broker and store"))
    _run_doctor(cluster)
    _note("the doctor found no problem")
    _note(f"every deployment was restarted: {_restart_under_calls(cluster)}")
    if restarted := restarts(cluster.get("pods")["items"]):
        raise KubeFailed(f"containers restarted: {restarted}")


def _namespace_of(overlay: Path) -> str:
    objects = yaml.safe_load_all(Kubectl("default").run("kustomize", overlay))
    namespaces = {found["metadata"]["namespace"] for found in objects if found["kind"] == "Deployment"}
    if len(namespaces) != 1:
        raise KubeFailed(f"{overlay} has deployments in {len(namespaces)} namespaces, not in one")
    return str(namespaces.pop())


def _run_doctor(cluster: Kubectl) -> None:
    cluster.run("delete", "job", DOCTOR, "--ignore-not-found")
    cluster.run("create", "job", DOCTOR, "--from=cronjob/doctor")
    try:
        _await_end(cluster, DOCTOR)
    except KubeFailed as error:
        raise KubeFailed(f"{error}\n{cluster.run('logs', f'job/{DOCTOR}')}") from error
    cluster.run("delete", "job", DOCTOR)


def _restart_under_calls(cluster: Kubectl) -> str:
    doctor = cluster.get("cronjob", "doctor")
    job = caller_job(doctor, Path(caller.__file__).read_text(), _sandboxed_workflow())
    cluster.run("delete", "job", CALLER, "--ignore-not-found")
    cluster.run("apply", "--filename", "-", text=json.dumps(job))
    _await_line(cluster, "calling")
    try:
        for service in SERVICES:
            cluster.run("rollout", "restart", f"deployment/{service}")
            cluster.run(
                "rollout", "status", f"deployment/{service}", f"--timeout={READY_SECONDS}s", seconds=READY_SECONDS + 30
            )
        time.sleep(CALLS_SECONDS)  # the last replaced pods are still draining
    finally:  # the caller then deletes its workflow and revokes its key
        cluster.run("exec", f"job/{CALLER}", "--", "python", "-c", f"open({str(caller.STOP)!r}, 'w')")
        _await_end(cluster, CALLER)
    result = cluster.run("logs", f"job/{CALLER}").splitlines()[-1]
    cluster.run("delete", "job", CALLER)
    return verdict(json.loads(result))


def _sandboxed_workflow() -> Object:
    python = function("f2", "return <javascript.result> * 7", name="Python")
    python["subBlocks"]["language"]["value"] = "python"
    blocks = [start(), function("f1", "return 6", name="JavaScript"), python, agent("a1", "echo", "<python.result>")]
    return workflow("kube-check", blocks, (START, "f1"), ("f1", "f2"), ("f2", "a1"))


def _await_line(cluster: Kubectl, line: str) -> None:
    deadline = time.monotonic() + 120
    while line not in _log(cluster):
        if time.monotonic() > deadline:
            raise KubeFailed(f"{CALLER} does not begin to call:\n{_log(cluster)}")
        time.sleep(1)


def _log(cluster: Kubectl) -> str:
    try:
        return cluster.run("logs", f"job/{CALLER}")
    except KubeFailed as error:  # its container has not started
        return str(error)


def _await_end(cluster: Kubectl, job: str, *, seconds: int = 300) -> None:
    """Wait for the end of a Job. Raises KubeFailed if it fails."""
    deadline = time.monotonic() + seconds
    while True:
        status = cluster.get("job", job)["status"]
        if status.get("succeeded"):
            return
        if status.get("failed") or time.monotonic() > deadline:
            raise KubeFailed(f"the job {job} has not succeeded: {status}")
        time.sleep(1)


def _note(line: str) -> None:
    _say(f"{time.monotonic() - began:5.0f} s  {line}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
