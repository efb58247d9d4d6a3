"""The machine and time of a measurement."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import msgspec


class Machine(msgspec.Struct, frozen=True):
    """Machine and time of a measurement. A `load` above zero means that other work ran as well."""

    measured_at: str
    commit: str
    processor: str
    cores: int
    memory_gib: int
    load: float
    system: str
    python: str

    @classmethod
    def now(cls) -> Self:
        """Return the description of this machine."""
        return cls(
            measured_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            commit=_commit(),
            processor=_processor(),
            cores=os.cpu_count() or 0,
            memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**3,
            load=round(os.getloadavg()[0], 2),
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
        )

    def __str__(self) -> str:
        busy = ", **under other load: only CPU times are reliable**" if self.load > self.cores / 2 else ""
        return (
            f"{self.measured_at}, {self.cores} cores ({self.processor}), {self.memory_gib} GiB, "
            f"Python {self.python}, commit {self.commit}, load before {self.load:g}{busy}"
        )


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
