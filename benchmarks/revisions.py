"""Builds to compare: `flowport stack` from checkouts with their own environments.

Only public interfaces are used (the command, its settings, the HTTP API), so any earlier revision can be measured.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.processes import tree_cpu_seconds
from benchmarks.testbed import ENVIRONMENT
from flowport.client.api_client import ApiClient
from flowport.client.profiles import Profile
from flowport.servers.ports import reserve_port
from flowport.servers.process import ServerProcess

ROOT: Final = Path(__file__).parents[1]
CACHE: Final = ROOT / ".venv" / "revisions"
HERE: Final = "."
SETUP_SECONDS: Final = 600
READY_SECONDS: Final = 120.0
PORTS: Final = ("PORT", "FLOWPORT_DEPLOY_PORT", "FLOWPORT_JOBS_PORT", "FLOWPORT_EXECUTOR_PORT")


@dataclass(frozen=True)
class Build:
    """Checkout and settings of one side of a comparison."""

    name: str
    checkout: Path
    settings: Mapping[str, str]


@dataclass(frozen=True)
class RunningBuild:
    """A running build. `pid` is its parent process."""

    pid: int
    client: ApiClient

    def cpu_seconds(self) -> float:
        """Return the CPU time of all processes, including ended ones."""
        return tree_cpu_seconds(self.pid)


def build_of(revision: str, settings: Mapping[str, str]) -> Build:
    """Return the build of a git revision, or of this checkout for `.`. Raises BenchmarkFailed."""
    if revision == HERE:
        return Build(_named("this checkout", settings), ROOT, settings)
    git = ["git", "rev-parse", "--verify", f"{revision}^{{commit}}"]
    found = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        raise BenchmarkFailed(found.stderr.strip())
    commit = found.stdout.strip()
    return Build(_named(commit[:8], settings), _check_out(commit), settings)


@contextmanager
def run_build(build: Build, folder: Path) -> Iterator[RunningBuild]:
    """Run the build's services, broker and store."""
    examples = folder / "no-examples"
    examples.mkdir(parents=True)
    log = folder / "stack.log"
    ports = {name: reserve_port() for name in PORTS}  # reserved until the end of the block
    environment = {
        **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        **ENVIRONMENT,
        **{name: str(port.lend()) for name, port in ports.items()},
        "FLOWPORT_HOME": str(folder / "home"),
        "FLOWPORT_STORE": "secantusdb",  # not all revisions can use a mongod on the PATH
        **build.settings,
    }
    command = [str(build.checkout / ".venv/bin/flowport"), "stack", "--json", "--examples", str(examples)]
    process = ServerProcess(command, log=log, cwd=folder, environment=environment)
    process.start(until=lambda: _read_startup_document(log) is not None, timeout=READY_SECONDS)
    try:
        welcome, pid = _read_startup_document(log), process.pid
        if welcome is None or pid is None:
            raise BenchmarkFailed(f"{build.name} ended during startup: {process.log_tail()}")
        with ApiClient(Profile(welcome["url"], welcome["apiKey"], welcome["workspaceId"])) as client:
            yield RunningBuild(pid, client)
    finally:
        process.stop(timeout=60)


def _read_startup_document(log: Path) -> dict[str, Any] | None:
    """Return what the command printed when it became ready: one line of JSON."""
    lines = log.read_text(errors="replace").splitlines()
    return next((msgspec.json.decode(line) for line in lines if line.startswith("{") and line.endswith("}")), None)


def _check_out(commit: str) -> Path:
    checkout = CACHE / commit
    if not (checkout / ".venv/.ready").exists():
        checkout.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(checkout)], input=archive, check=True)
        setup = ["make", "--no-print-directory", "-C", str(checkout), ".venv/.ready"]
        subprocess.run(setup, check=True, stdout=subprocess.DEVNULL, timeout=SETUP_SECONDS)
    return checkout


def _named(name: str, settings: Mapping[str, str]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in settings.items())])
