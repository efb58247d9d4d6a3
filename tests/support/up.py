"""`flowport up` and `flowport stack` as child processes, and their output."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SECONDS = 120
OURS = (Path(sys.executable).with_name("flowport"),)
EXAMPLES = ("--examples", ROOT / "examples")


class Up:
    """One running `flowport up` in `folder`, or `flowport stack`."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *options: str | Path,
        command: str = "up",
        program: Sequence[str | Path] = OURS,
        log: str = "output",
        **settings: str,
    ) -> None:
        self.folder = folder
        self.port = port
        self._output = folder / f"{log}.txt"
        self._errors = folder / f"{log}-errors.txt"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOWPORT_")}
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*program, command, *(EXAMPLES if program is OURS else ()), *options],
                cwd=folder,
                env={**environment, "PORT": str(port), "FLOWPORT_STORE": "secantusdb", **settings},
                stdout=output,
                stderr=errors if options else subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """Return the output so far, without options including standard error."""
        return self._output.read_text()

    @property
    def errors(self) -> str:
        """Return standard error so far, empty without options."""
        return self._errors.read_text()

    def await_ready(self, sign: str = "Ctrl-C stops") -> None:
        """Wait until the output reports readiness."""
        deadline = time.monotonic() + SECONDS
        while sign not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def descendants(self) -> set[int]:
        """Return every descendant process."""
        parents = {int(stat.parent.name): _parent(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@contextmanager
def up(
    folder: Path,
    port: int,
    *options: str | Path,
    command: str = "up",
    program: Sequence[str | Path] = OURS,
    log: str = "output",
    **settings: str,
) -> Iterator[Up]:
    started = Up(folder, port, *options, command=command, program=program, log=log, **settings)
    try:
        yield started
    finally:
        started.process.terminate()
        started.process.wait(SECONDS)


def run(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout


def printed_commands(output: str) -> list[str]:
    """Return the lines below each title, up to the next empty line."""
    parts = [part.partition("\n") for part in output.split("\n\n")]
    return [command for _, _, command in parts if "curl " in command]


def await_end(children: set[int]) -> None:
    """Wait until all processes have ended."""
    deadline = time.monotonic() + SECONDS
    while left := [pid for pid in children if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def credentials(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / ".flowport/credentials.json").read_bytes())
    return found
