"""Resource usage of processes, from the kernel."""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
Pids = Mapping[str, int]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process with its threads, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def tree_cpu_seconds(root: int) -> float:
    """Return the CPU time of a process and its descendants, with that of children they have reaped (proc(5))."""
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
    return sum(sum(map(int, stats[pid][11:15])) for pid in members if pid in stats) / _TICKS


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1024**2


def open_files(pid: int) -> int:
    """Return the number of open file descriptors."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


class CpuMeter:
    """CPU time of processes since its creation. Replicas of a service are added up."""

    def __init__(self, pids: Pids) -> None:
        self._pids = pids
        self._before = self._used()

    def microseconds_per(self, count: float) -> dict[str, float]:
        """Return the CPU time of each service per unit of `count`, in µs."""
        return {f"{name}_cpu_us": (used - self._before[name]) / count * 1e6 for name, used in self._used().items()}

    def total_per(self, count: float) -> float:
        """Return the CPU time of all services per unit of `count`, in µs."""
        return sum(self.microseconds_per(count).values())

    def _used(self) -> dict[str, float]:
        used: dict[str, float] = defaultdict(float)
        for name, pid in self._pids.items():
            used[name.rstrip("-0123456789")] += cpu_seconds(pid)
        return used
