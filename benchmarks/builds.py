"""Builds to measure: `flowport stack` from checkouts with their own environments, and the programs beside it.

Only public interfaces are used (the command, its settings, the HTTP API), so any earlier revision can be measured.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec

from benchmarks import workflows
from benchmarks.load import BenchmarkFailed, Target
from flowport.client.api_client import ApiClient
from flowport.client.profiles import Profile
from flowport.client.workflows import import_file
from flowport.home import Home
from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerProcess, accepts_connections

ROOT: Final = Path(__file__).parents[1]
CACHE: Final = ROOT / ".venv" / "revisions"
HERE: Final = "."
SETUP_SECONDS: Final = 600
READY_SECONDS: Final = 120.0
ENVIRONMENT: Final = {
    "FLOWPORT_DEFAULT_PLAN": "benchmark",
    "FLOWPORT_LOG_LEVEL": "warning",
    "DISPATCH_MAX_QUEUE_PER_WORKSPACE": "50000",
    "FLOWPORT_STORE": "secantusdb",  # not all revisions can use a mongod on the PATH
}
PORTS: Final = ("PORT", "FLOWPORT_DEPLOY_PORT", "FLOWPORT_JOBS_PORT", "FLOWPORT_EXECUTOR_PORT")
_DROPPED: Final = 'flowport_executor_recordings_total{result="dropped"} '
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Build:
    """Checkout and settings to run."""

    name: str
    checkout: Path
    settings: Mapping[str, str]


@dataclass(frozen=True)
class RunningBuild:
    """A running build. `pid` is its parent process; `baselines` are the programs to compare with."""

    pid: int
    client: ApiClient
    executor_url: str
    baselines: dict[str, Target] = field(default_factory=dict)

    def cpu_seconds(self) -> float:
        """Return the CPU time of all processes, including ended ones."""
        return tree_cpu_seconds(self.pid)

    def resident_mib(self) -> dict[str, float]:
        """Return the resident memory of each service in MiB."""
        found = {}
        for pid in _tree(self.pid):
            service = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0-m\0")[2].partition(b".main")[0]
            if service and b"\0" not in service:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                found[f"{service.decode()}_mib"] = pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
        return found

    def dropped_recordings(self) -> float:
        """Return the number of recordings that the executor dropped."""
        lines = httpx2.get(f"{self.executor_url}/metrics").text.splitlines()
        return sum(float(line.removeprefix(_DROPPED)) for line in lines if line.startswith(_DROPPED))

    def deploy(self, document: workflows.Document, body: str = "{}") -> Target:
        """Deploy a workflow and return its target."""
        workflow_id = import_file(self.client, document)["id"]
        self.client.call("POST", f"/api/v1/workflows/{workflow_id}/deploy")
        url = f"{self.client.profile.base_url}/api/workflows/{workflow_id}/execute"
        return Target(url, body, {"x-api-key": self.client.profile.api_key})


def build_of(revision: str, settings: Mapping[str, str]) -> Build:
    """Return the build of a git revision, or of this checkout for `.`. Raises BenchmarkFailed."""
    suffix = "".join(f" {key}={value}" for key, value in settings.items())
    if revision == HERE:
        return Build(f"this checkout{suffix}", ROOT, settings)
    git = ["git", "rev-parse", "--verify", f"{revision}^{{commit}}"]
    found = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        raise BenchmarkFailed(found.stderr.strip())
    commit = found.stdout.strip()
    return Build(f"{commit[:8]}{suffix}", _check_out(commit), settings)


@contextmanager
def run_build(build: Build, folder: Path, *, with_baselines: bool = False) -> Iterator[RunningBuild]:
    """Run the build's services, broker and store, a model server and, on request, the bare broker path."""
    examples, home, log = folder / "no-examples", folder / "home", folder / "stack.log"
    examples.mkdir(parents=True)
    ports = {name: reserve_port() for name in PORTS}  # reserved until the end of the block
    with ExitStack() as opened:
        model = opened.enter_context(_web("model_server", folder, {}))
        environment = {
            **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
            **ENVIRONMENT,
            **{name: str(port.lend()) for name, port in ports.items()},
            "FLOWPORT_HOME": str(home),
            "VLLM_BASE_URL": model,
            **build.settings,
        }
        command = [str(build.checkout / ".venv/bin/flowport"), "stack", "--json", "--examples", str(examples)]
        process = ServerProcess(command, log=log, cwd=folder, environment=environment)
        process.start(until=lambda: _read_startup_document(log) is not None, timeout=READY_SECONDS)
        opened.callback(process.stop, timeout=60)
        welcome, pid = _read_startup_document(log), process.pid
        if welcome is None or pid is None:
            raise BenchmarkFailed(f"{build.name} ended during startup: {process.log_tail()}")
        profile = Profile(welcome["url"], welcome["apiKey"], welcome["workspaceId"])
        client = opened.enter_context(ApiClient(profile))
        executor_url = f"http://{LOOPBACK}:{ports['FLOWPORT_EXECUTOR_PORT'].number}"
        running = RunningBuild(pid, client, executor_url)
        if with_baselines and (known := Home(home).read_running()):
            amqp = {"FLOWPORT_AMQP_URL": known.amqp_url}
            opened.enter_context(_program("bare-worker", ["benchmarks.baselines.bare_broker"], folder, amqp))
            bare = opened.enter_context(_web("bare_broker", folder, amqp))
            messages = [{"role": "user", "content": workflows.words()}]
            question = json.dumps({"model": "words", "stream": True, "messages": messages})
            running.baselines["bare broker path"] = Target(f"{bare}/execute", "{}", {})
            running.baselines["200 tokens, model server directly"] = Target(
                f"{model}/v1/chat/completions", question, {}
            )
        yield running


def tree_cpu_seconds(root: int) -> float:
    """Return the CPU time of a process and its descendants, with that of children they have reaped (proc(5))."""
    return sum(sum(map(int, fields[11:15])) for fields in _tree(root).values()) / _TICKS


def _tree(root: int) -> dict[int, list[str]]:
    """Return the fields of /proc/PID/stat after the name, of a process and its descendants."""
    stats: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            stats[int(stat.parent.name)] = stat.read_text().rpartition(")")[2].split()
        except OSError:  # the process ended
            continue
    members, found = {root}, {root}
    while found:
        found = {pid for pid, fields in stats.items() if int(fields[1]) in found} - members
        members |= found
    return {pid: stats[pid] for pid in members if pid in stats}


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


@contextmanager
def _web(module: str, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    with reserve_port() as port:
        app, number = f"benchmarks.baselines.{module}:app", str(port.number)
        command = ["uvicorn", app, "--port", number, "--log-level", "warning", "--timeout-graceful-shutdown", "1"]
        port.lend()
        with _program(f"{module}-web", command, folder, environment, port.number):
            yield f"http://{LOOPBACK}:{port.number}"


@contextmanager
def _program(
    name: str, command: list[str], folder: Path, environment: Mapping[str, str], port: int | None = None
) -> Iterator[None]:
    server = ServerProcess(
        [sys.executable, "-m", *command],
        log=folder / f"{name}.log",
        cwd=ROOT,
        environment={**os.environ, **environment},
    )
    server.start(until=lambda: port is None or accepts_connections(port), timeout=30)
    try:
        yield
    finally:
        server.stop()
