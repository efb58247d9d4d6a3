"""The machine: description and pace."""

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import msgspec

STEPS: Final = 150_000
"""4 to 5 ms on two idle cores of an AMD EPYC."""
MAX_SLOWNESS: Final = 1.3
WAIT_SECONDS: Final = 3.0
TOTAL_WAIT_SECONDS: Final = 300.0
SAMPLE_SECONDS: Final = 0.1


class Machine(msgspec.Struct, frozen=True):
    """Machine and time of a measurement. A `load` above zero means that other work ran as well."""

    measured_at: str
    commit: str
    processor: str
    cores: int
    memory_gib: int
    load: float
    python: str

    @classmethod
    def now(cls) -> Self:
        """Return the description of this machine."""
        command = ["git", "rev-parse", "--short", "HEAD"]
        git = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
        cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
        models = (line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name"))
        return cls(
            measured_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            commit=git.stdout.strip() or "unknown",
            processor=next(models, "unknown"),
            cores=os.cpu_count() or 0,
            memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**3,
            load=round(os.getloadavg()[0], 2),
            python=platform.python_version(),
        )

    def __str__(self) -> str:
        busy = ", **under other load: only CPU times are reliable**" if self.load > self.cores / 2 else ""
        return (
            f"{self.measured_at}, {self.cores} cores ({self.processor}), {self.memory_gib} GiB, "
            f"Python {self.python}, commit {self.commit}, load before {self.load:g}{busy}"
        )


def pace_ms() -> float:
    """Return the duration of a fixed piece of work, in ms."""
    began = time.perf_counter()
    total = 0
    for number in range(STEPS):
        total += number
    return (time.perf_counter() - began) * 1000


class PaceMonitor:
    """Waits until the machine is about as fast as at its best: up to 3 s per call and 5 minutes in total.

    Other virtual machines on the same physical core lower the pace; the kernel does not report them.
    """

    def __init__(self) -> None:
        self._best = pace_ms()
        self._left = TOTAL_WAIT_SECONDS
        self.samples = [self._best]
        """The pace at first and after each wait, in ms."""

    def wait(self) -> None:
        """Wait for a normal pace."""
        began = time.monotonic()
        deadline = began + min(WAIT_SECONDS, self._left)
        while (pace := pace_ms()) > self._best * MAX_SLOWNESS and time.monotonic() < deadline:
            time.sleep(SAMPLE_SECONDS)
        self._left -= time.monotonic() - began
        self._best = min(self._best, pace)
        self.samples.append(pace)
