"""Run a command while the wall clock of all its processes steps by +30 s and -30 s.

    python -m tests.support.stepping_clock make tests

Debian's libfaketime is preloaded into every process and adds an offset to the wall clock. The offset is read from a
file, which this module rewrites every `--every` seconds: +30, 0, -30, 0, and so on. The monotonic clock and file times
stay as they are. All processes see a step at once.

Three kinds of processes keep the machine's clock: Chromium and user code in the sandbox, which may not read the file,
and Go programs (Prometheus, kustomize), which are static.
"""

import argparse
import os
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

STEP_SECONDS: Final = 30
STEPS: Final = (0, STEP_SECONDS, 0, -STEP_SECONDS)
EVERY_SECONDS: Final = 20.0
LIBRARIES: Final = Path("/usr/lib")
REAL_CLOCK: Final = "chromium"
"""Programs that the library leaves alone."""


class NotInstalled(Exception):
    """libfaketime is missing on this machine."""


def find_library() -> Path:
    """Return the thread-safe build of libfaketime. Raises NotInstalled."""
    found = next(LIBRARIES.glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        raise NotInstalled("libfaketime is not installed: apt-get install faketime")
    return found


@contextmanager
def stepping_clock(every: float, steps: Sequence[int] = STEPS) -> Iterator[Mapping[str, str]]:
    """Step the clock until the block ends. Yields the variables that subject a process to it. Raises NotInstalled."""
    library, done = find_library(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="stepping-clock-") as folder:
        offset, programs = Path(folder, "offset"), Path(folder, "programs")
        _write(offset, steps[0])
        variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "FAKETIME_SKIP_CMDS": REAL_CLOCK,
            "NO_FAKE_STAT": "1",
        }
        _wrap_erlang(programs, variables)
        stepper = threading.Thread(target=_step, args=(offset, every, steps, done), name="stepper", daemon=True)
        stepper.start()
        try:
            yield {**variables, "PATH": f"{programs}:{os.environ['PATH']}"}
        finally:
            done.set()
            stepper.join()


def _step(offset: Path, every: float, steps: Sequence[int], done: threading.Event) -> None:
    for seconds in cycle(steps):
        _write(offset, seconds)
        if done.wait(every):
            return


def _write(offset: Path, seconds: int) -> None:
    """Replace the file whole: no process may read half of it."""
    new = offset.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.rename(offset)


def _wrap_erlang(programs: Path, variables: Mapping[str, str]) -> None:
    """RabbitMQ starts with an environment without these variables, and finds Erlang by the PATH."""
    programs.mkdir()
    erl = which("erl")
    if erl is None:
        return
    script = programs / "erl"
    exports = "".join(f"export {name}='{value}'\n" for name, value in variables.items())
    script.write_text(f'#!/bin/sh\n{exports}exec {erl} "$@"\n')
    script.chmod(0o755)


def main() -> int:
    """Run the command of the command line, and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.stepping_clock", description=__doc__)
    parser.add_argument("--every", type=float, default=EVERY_SECONDS, help="seconds between two steps")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("a command is missing")
    try:
        with stepping_clock(arguments.every) as variables:
            return subprocess.run(arguments.command, env={**os.environ, **variables}, check=False).returncode
    except NotInstalled as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
