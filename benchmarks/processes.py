"""What a process has used, as the kernel counts it: true on a busy machine too."""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
Pids = Mapping[str, int]


def cpu_seconds(pid: int) -> float:
    """CPU time of the process, its threads included, its children not."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(pid: int) -> float:
    """Memory that the process holds, in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1024**2


def open_files(pid: int) -> int:
    """Descriptors that the process holds."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def sockets(pid: int) -> int:
    """Those of them that are sockets."""
    return sum(1 for each in Path(f"/proc/{pid}/fd").iterdir() if _target(each).startswith("socket:"))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed just now
        return ""


class CpuMeter:
    """CPU time of processes from now on; several of one service count as one."""

    def __init__(self, pids: Pids) -> None:
        self._pids = pids
        self._before = self._used()

    def microseconds_per(self, count: float) -> dict[str, float]:
        """What each service has used for one of `count`."""
        return {f"{name}_cpu_us": (used - self._before[name]) / count * 1e6 for name, used in self._used().items()}

    def _used(self) -> dict[str, float]:
        used: dict[str, float] = defaultdict(float)
        for name, pid in self._pids.items():
            used[name.rstrip("-0123456789")] += cpu_seconds(pid)
        return used
