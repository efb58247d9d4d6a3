"""The `flowport` command as a shell sees it: arguments in, exit code and two streams out."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import msgspec

from flowport.main import main


@dataclass(frozen=True)
class Done:
    """Result of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Parse standard output as JSON."""
        return msgspec.json.decode(self.out)


class CommandLine:
    """Runs `flowport` with only these environment variables, and without what `make up` left in this folder."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWPORT_", "SIM_"))}
        self.variables = dict(environment)
        self._environment = {**inherited, "FLOWPORT_HOME": "/nowhere", **environment}

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command as a process that runs until the block ends, for signals; its streams are pipes."""
        command = (sys.executable, "-m", "flowport", *arguments)
        pipe = subprocess.PIPE
        # A script's background processes ignore SIGINT, and their children inherit that.
        heeding = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(command, env=self._environment, stdout=pipe, stderr=pipe, text=True)
        signal.signal(signal.SIGINT, heeding)
        with process:
            try:
                yield process
            finally:
                process.kill()

    def __call__(self, *arguments: str, stdin: str = "") -> Done:
        """Run the command to its end."""
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with (
            patch.dict(os.environ, self._environment, clear=True),
            patch.object(sys, "argv", ["flowport", *arguments]),
            patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()))),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
                err.write(ended.code if isinstance(ended.code, str) else "")
        return Done(code, out.getvalue(), err.getvalue())
