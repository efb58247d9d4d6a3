"""Two builds of Flowport, each running as a user runs it: `flowport stack` from a checkout with its own environment.

Only public interfaces are used (the command, its settings, the HTTP API), so that any earlier revision can be measured.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks import workflows
from benchmarks.load.http_load import BenchmarkFailed, Target
from flowport.client.door import Door
from flowport.client.profiles import Profile
from flowport.client.workflows import import_file
from flowport.first_use import deploy
from flowport.servers.ports import reserve_port
from flowport.servers.process import ServerProcess

ROOT: Final = Path(__file__).parents[1]
CACHE: Final = ROOT / ".venv" / "revisions"
HERE: Final = "."
SETUP_SECONDS: Final = 600
READY_SECONDS: Final = 120.0
SETTINGS: Final = {
    "FLOWPORT_DEFAULT_PLAN": "benchmark",
    "FLOWPORT_LOG_LEVEL": "warning",
    "DISPATCH_MAX_QUEUE_PER_WORKSPACE": "50000",
}
PORTS: Final = ("PORT", "FLOWPORT_DEPLOY_PORT", "FLOWPORT_JOBS_PORT", "FLOWPORT_EXECUTOR_PORT")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Build:
    """One side of a comparison: a checkout, and the settings that differ from the other side's."""

    name: str
    checkout: Path
    settings: Mapping[str, str]


@dataclass(frozen=True)
class RunningBuild:
    """A build that answers at `url`; `pid` is the process that started all others."""

    name: str
    pid: int
    door: Door
    url: str
    api_key: str

    def publish(self, document: workflows.Document, body: str) -> Target:
        """Deploy a workflow and return how to call it."""
        workflow_id = import_file(self.door, document)["id"]
        deploy(self.door, workflow_id)
        return Target(f"{self.url}/api/workflows/{workflow_id}/execute", body, {"x-api-key": self.api_key})

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its processes, ended ones included."""
        return tree_cpu_seconds(self.pid)


def build_of(revision: str, settings: Mapping[str, str]) -> Build:
    """Return the build of a git revision, or of this checkout for `.`. Raises BenchmarkFailed."""
    if revision == HERE:
        return Build(_named("this checkout", settings), ROOT, settings)
    commit = _git("rev-parse", "--verify", f"{revision}^{{commit}}")
    return Build(_named(commit[:8], settings), _checked_out(commit), settings)


@contextmanager
def running(build: Build, folder: Path) -> Iterator[RunningBuild]:
    """Run the build's services, broker and store inside the block."""
    examples = folder / "no-examples"
    examples.mkdir(parents=True)
    log = folder / "stack.log"
    ports = {name: reserve_port() for name in PORTS}  # kept until the end of the block
    environment = {
        **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        **SETTINGS,
        **{name: str(port.lend()) for name, port in ports.items()},
        "FLOWPORT_HOME": str(folder / "home"),
        "FLOWPORT_STORE": "secantusdb",  # a mongod on the PATH would be the store of one revision only
        **build.settings,
    }
    command = [str(build.checkout / ".venv/bin/flowport"), "stack", "--json", "--examples", str(examples)]
    process = ServerProcess(command, log=log, cwd=folder, environment=environment)
    process.start(until=lambda: _welcome(log) is not None, timeout=READY_SECONDS)
    try:
        welcome, pid = _welcome(log), process.pid
        if welcome is None or pid is None:
            raise BenchmarkFailed(f"{build.name} stopped right after its start: {process.log_tail()}")
        profile = Profile(welcome["url"], welcome["apiKey"], welcome["workspaceId"])
        with Door(profile) as door:
            yield RunningBuild(build.name, pid, door, welcome["url"], welcome["apiKey"])
    finally:
        process.stop(timeout=60)


def tree_cpu_seconds(root: int) -> float:
    """Return the CPU time of a process and its descendants, with that of children they have reaped."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # the process ended
            continue
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        used[pid] = sum(map(int, fields[11:15])) / _TICKS
    members, grown = {root}, True
    while grown:
        children = {pid for pid, parent in parents.items() if parent in members} - members
        members |= children
        grown = bool(children)
    return sum(used.get(pid, 0.0) for pid in members)


def _welcome(log: Path) -> dict[str, Any] | None:
    """Return what the command printed when it became ready: one line of JSON."""
    lines = log.read_text(errors="replace").splitlines()
    return next((msgspec.json.decode(line) for line in lines if line.startswith("{") and line.endswith("}")), None)


def _checked_out(commit: str) -> Path:
    checkout = CACHE / commit
    if not (checkout / ".venv/.ready").exists():
        checkout.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(checkout)], input=archive, check=True)
        setup = ["make", "--no-print-directory", "-C", str(checkout), ".venv/.ready"]
        subprocess.run(setup, check=True, stdout=subprocess.DEVNULL, timeout=SETUP_SECONDS)
    return checkout


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkFailed(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def _named(name: str, settings: Mapping[str, str]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in settings.items())])
