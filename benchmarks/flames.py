"""`python -m benchmarks.flames`: where each process spends its time, a flame graph for each scenario and process.

py-spy looks at the running processes from outside while the load is on. Writes benchmarks/results/flames/.
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
from benchmarks.flame import flame_graph
from benchmarks.load import http_load, job_load, stream_load
from benchmarks.load.http_load import Target
from benchmarks.results import FOLDER
from benchmarks.stand import SYNC, Stand, standing
from benchmarks.surroundings import temporary_folder
from shared.service import ServiceName

FLAMES: Final = FOLDER / "flames"
PER_SECOND: Final = 200
CALLERS: Final = 32
PY_SPY: Final = Path(sys.executable).with_name("py-spy")
Load = Callable[[float], object]


def main() -> None:
    """Record and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a scenario's name")
    asked = parser.parse_args()
    FLAMES.mkdir(parents=True, exist_ok=True)
    with temporary_folder() as folder, standing(folder) as stand:
        for name, (load, services) in _scenarios(stand).items():
            if asked.only in name:
                for service, folded in _recorded(stand, load, services, asked.seconds, folder).items():
                    file = FLAMES / f"{name.replace(', ', '-').replace(' ', '-')}.{service}.svg"
                    file.write_text(flame_graph(f"{name}, {service}", folded))
                    print(file)


def _scenarios(stand: Stand) -> Mapping[str, tuple[Load, tuple[ServiceName, ...]]]:
    attached = (ServiceName.GATEWAY, ServiceName.EXECUTOR)
    found: dict[str, tuple[Load, tuple[ServiceName, ...]]] = {
        name: (partial(_calls, stand.targets[name]), attached) for name in SYNC
    }
    found["stream"] = (partial(_streams, stand.stream), attached)
    found["stream of a model"] = (partial(_streams, stand.targets["vllm/words"]), attached)
    found["async"] = (partial(_jobs, stand.no_op), (*attached, ServiceName.JOBS))
    return found


def _recorded(
    stand: Stand, load: Load, services: tuple[ServiceName, ...], seconds: int, folder: Path
) -> dict[ServiceName, str]:
    """What py-spy saw in each service, while the load was on."""
    with ThreadPoolExecutor() as threads:
        load(1)  # warm
        running = threads.submit(load, seconds + 2)
        watching = {each: threads.submit(_stacks, stand.pids[each], seconds, folder / each) for each in services}
        found = {service: each.result() for service, each in watching.items()}
        running.result()
    return found


def _stacks(pid: int, seconds: int, file: Path) -> str:
    looking = ["--pid", str(pid), "--duration", str(seconds), "--rate", str(PER_SECOND), "--function", "--nonblocking"]
    command = [str(PY_SPY), "record", *looking, "--format", "raw", "--output", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=seconds + 60)
    return file.read_text()


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
