"""`python -m benchmarks.flame_graphs`: a flame graph for each scenario and process.

py-spy samples the running processes under load. Writes benchmarks/results/flames/.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from benchmarks import workflows
from benchmarks.command_line import temporary_folder
from benchmarks.load import http_load, job_load, stream_load
from benchmarks.load.http_load import Target
from benchmarks.results import FOLDER
from benchmarks.testbed import SYNC, Testbed, run_testbed
from shared.service import ServiceName

FLAMES: Final = FOLDER / "flames"
PER_SECOND: Final = 200
CALLERS: Final = 32
PY_SPY: Final = Path(sys.executable).with_name("py-spy")
Load = Callable[[float], object]


def main() -> None:
    """Record all scenarios and write the graphs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a scenario's name")
    options = parser.parse_args()
    FLAMES.mkdir(parents=True, exist_ok=True)
    with temporary_folder() as folder, run_testbed(folder) as testbed:
        for name, (load, services) in _scenarios(testbed).items():
            if options.only in name:
                title = name.replace(", ", "-").replace(" ", "-")
                files = {service: FLAMES / f"{title}.{service}.svg" for service in services}
                _record(testbed, load, files, options.seconds)
                print(*files.values(), sep="\n")


def _scenarios(testbed: Testbed) -> Mapping[str, tuple[Load, tuple[ServiceName, ...]]]:
    attached = (ServiceName.GATEWAY, ServiceName.EXECUTOR)
    found: dict[str, tuple[Load, tuple[ServiceName, ...]]] = {
        name: (partial(_calls, testbed.targets[name]), attached) for name in SYNC
    }
    found["stream"] = (partial(_streams, testbed.stream), attached)
    found["stream of a model"] = (partial(_streams, testbed.targets["vllm/words"]), attached)
    found["async"] = (partial(_jobs, testbed.no_op), (*attached, ServiceName.JOBS))
    return found


def _record(testbed: Testbed, load: Load, files: Mapping[ServiceName, Path], seconds: int) -> None:
    """Write the flame graph of each service under load."""
    with ThreadPoolExecutor() as threads:
        load(1)  # warm
        running = threads.submit(load, seconds + 2)
        watching = [threads.submit(_sample, testbed.pids[service], seconds, file) for service, file in files.items()]
        for each in watching:
            each.result()
        running.result()


def _sample(pid: int, seconds: int, file: Path) -> None:
    options = ["--pid", str(pid), "--duration", str(seconds), "--rate", str(PER_SECOND), "--function", "--nonblocking"]
    command = [str(PY_SPY), "record", *options, "--format", "flamegraph", "--output", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=seconds + 60)


def _calls(target: Target, seconds: float) -> None:
    http_load.measure(target, callers=CALLERS, seconds=max(seconds, 5))


def _streams(target: Target, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        uvloop.run(stream_load.measure(target, callers=CALLERS, tokens=workflows.TOKENS))


def _jobs(target: Target, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        uvloop.run(job_load.measure(target, jobs=100, callers=CALLERS))


if __name__ == "__main__":
    main()
