"""Run a command while the wall clock of all its processes steps by +30 s and -30 s.

    python -m tests.support.stepping_clock make tests

A small library is compiled and preloaded into every process. It adds an offset to the wall clock: 0, +30, 0, -30, and
so on, each held for `--every` seconds. All processes see a step at the same moment. The monotonic clock and file times
do not change. libfaketime could do the same, but reads its offset from a file at every call: SecantusDB takes seven
times the processor time with it.

Two kinds of processes keep the clock of the machine: user code in the sandbox, which starts with an empty environment,
and Go programs (Prometheus, kustomize), which are static.
"""

import argparse
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from shutil import which
from typing import Final

STEPS: Final = (0, 30, 0, -30)
STEP_SECONDS: Final = 20.0
SOURCE: Final = Path(__file__).with_name("wall_clock.c")
CHECK: Final = "import time; print(round(time.time()))"
CHECK_STEP: Final = 1_000


class Unusable(Exception):
    """The clock cannot be stepped on this machine."""


@contextmanager
def stepping_clock(every: float, steps: Sequence[int] = STEPS) -> Iterator[Mapping[str, str]]:
    """Step the clock until the block ends. Yields the environment variables for its processes. Raises Unusable."""
    with tempfile.TemporaryDirectory(prefix="stepping-clock-") as name:
        folder, done = Path(name), threading.Event()
        offset = _Offset(folder / "offset")
        variables = {"LD_PRELOAD": str(_compiled(folder)), "STEPPING_CLOCK": str(folder / "offset")}
        _wrap_erlang(folder / "programs", variables)
        variables["PATH"] = f"{folder / 'programs'}:{os.environ['PATH']}"
        _check(offset, variables)
        stepper = threading.Thread(target=_step, args=(offset, every, steps, done), name="stepper", daemon=True)
        stepper.start()
        try:
            yield variables
        finally:
            done.set()
            stepper.join()


class _Offset:
    """The offset in seconds, in a file that all processes map."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(struct.pack("=q", 0))
        with path.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), 0)

    def set(self, seconds: int) -> None:
        """Set the clock to `seconds` from the true time."""
        self._mapped[:] = struct.pack("=q", seconds)


def _compiled(folder: Path) -> Path:
    """Compile and return the library. Raises Unusable."""
    library = folder / "wall_clock.so"
    compiler = which("cc")
    if compiler is None:
        raise Unusable("a C compiler is not installed: apt-get install gcc libc6-dev")
    command = [compiler, "-O2", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(library), str(SOURCE)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Unusable(f"{SOURCE.name} cannot be compiled: {ended.stderr}")
    return library


def _wrap_erlang(programs: Path, variables: Mapping[str, str]) -> None:
    """Pass the variables to RabbitMQ, which starts Erlang from the PATH with an environment without them."""
    programs.mkdir()
    erl = which("erl")
    if erl is None:
        return
    script = programs / "erl"
    exports = "".join(f"export {name}='{value}'\n" for name, value in variables.items())
    script.write_text(f'#!/bin/sh\n{exports}exec {erl} "$@"\n')
    script.chmod(0o755)


def _check(offset: _Offset, variables: Mapping[str, str]) -> None:
    """Raise Unusable where a step does not reach another process."""

    def read() -> int:
        return int(subprocess.check_output([sys.executable, "-c", CHECK], env={**os.environ, **variables}))

    before = read()
    offset.set(CHECK_STEP)
    after = read()
    offset.set(0)
    if after - before < CHECK_STEP:
        raise Unusable("the preloaded library has no effect on this machine")


def _step(offset: _Offset, every: float, steps: Sequence[int], done: threading.Event) -> None:
    for seconds in cycle(steps):
        offset.set(seconds)
        if done.wait(every):
            return


def main() -> int:
    """Run the given command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.stepping_clock")
    parser.add_argument("--every", type=float, default=STEP_SECONDS, help="seconds between steps")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("a command is missing")
    try:
        with stepping_clock(arguments.every) as variables:
            return subprocess.run(arguments.command, env={**os.environ, **variables}, check=False).returncode
    except Unusable as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
