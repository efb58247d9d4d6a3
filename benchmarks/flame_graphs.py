"""`python -m benchmarks.flame_graphs`: a flame graph for each scenario and process.

py-spy samples the running processes under load. Writes benchmarks/results/flames/.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from html import escape
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
WIDTH, ROW, TOP = 1200.0, 15, 24
NARROW: Final = 0.004
"""Minimum share of a frame that is shown."""
LETTER: Final = 6.2
COLORS: Final = {"gateway": "#2a6f97", "executor_service": "#588157", "jobs_service": "#6d597a", "shared": "#e0a458"}
OTHERS: Final = "#b9c0ca"
Load = Callable[[float], object]


@dataclass
class Frame:
    """Stack frame with its sample count and callees."""

    name: str
    samples: int = 0
    called: dict[str, "Frame"] = field(default_factory=dict)

    def add(self, stack: Iterable[str], samples: int) -> None:
        """Add one line of py-spy's output."""
        frame = self
        frame.samples += samples
        for name in stack:
            frame = frame.called.setdefault(name, Frame(name))
            frame.samples += samples


def flame_graph(title: str, folded: str) -> str:
    """Return an SVG of collapsed stacks (`main;serve;run 42`). Tooltips show the share of each frame."""
    root = Frame("all")
    for line in folded.splitlines():
        stack, _, samples = line.rpartition(" ")
        root.add(stack.split(";"), int(samples))
    boxes = list(_boxes(root, root.samples or 1, 0.0, 0))
    height = TOP + ROW * (1 + max((depth for *_, depth in boxes), default=0))
    head = f'<text x="4" y="15" font-weight="bold">{escape(title)}: {root.samples} samples</text>'
    size = f'viewBox="0 0 {WIDTH:.0f} {height}" width="{WIDTH:.0f}" height="{height}"'
    parts = "\n".join(_drawn(*box, of=root.samples) for box in boxes)
    style = 'font-family="monospace" font-size="10"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{head}\n{parts}\n</svg>\n'


def _boxes(frame: Frame, total: int, left: float, depth: int) -> Iterator[tuple[Frame, float, int]]:
    for each in sorted(frame.called.values(), key=lambda called: called.name):
        if each.samples / total >= NARROW:
            yield each, left, depth
            yield from _boxes(each, total, left, depth + 1)
        left += each.samples / total * WIDTH


def _drawn(frame: Frame, left: float, depth: int, *, of: int) -> str:
    width, top = frame.samples / of * WIDTH, TOP + depth * ROW
    place = f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}"'
    tip = f"<title>{escape(frame.name)} {frame.samples / of:.1%}</title>"
    text = escape(frame.name[: int(width / LETTER)]) if width > 5 * LETTER else ""
    label = f'<text x="{left + 2:.1f}" y="{top + 11}">{text}</text>' if text else ""
    return f'<g>{tip}<rect {place} fill="{_color(frame.name)}"/>{label}</g>'


def _color(name: str) -> str:
    return next((color for package, color in COLORS.items() if f"({package}/" in name), OTHERS)


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
                for service, folded in _recorded(testbed, load, services, options.seconds, folder).items():
                    file = FLAMES / f"{name.replace(', ', '-').replace(' ', '-')}.{service}.svg"
                    file.write_text(flame_graph(f"{name}, {service}", folded))
                    print(file)


def _scenarios(testbed: Testbed) -> Mapping[str, tuple[Load, tuple[ServiceName, ...]]]:
    attached = (ServiceName.GATEWAY, ServiceName.EXECUTOR)
    found: dict[str, tuple[Load, tuple[ServiceName, ...]]] = {
        name: (partial(_calls, testbed.targets[name]), attached) for name in SYNC
    }
    found["stream"] = (partial(_streams, testbed.stream), attached)
    found["stream of a model"] = (partial(_streams, testbed.targets["vllm/words"]), attached)
    found["async"] = (partial(_jobs, testbed.no_op), (*attached, ServiceName.JOBS))
    return found


def _recorded(
    testbed: Testbed, load: Load, services: tuple[ServiceName, ...], seconds: int, folder: Path
) -> dict[ServiceName, str]:
    """Return the collapsed stacks of each service under load."""
    with ThreadPoolExecutor() as threads:
        load(1)  # warm
        running = threads.submit(load, seconds + 2)
        watching = {each: threads.submit(_stacks, testbed.pids[each], seconds, folder / each) for each in services}
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
