"""Files of run tests: a recorded run, and the workflow that it tests."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from flowport.errors import CommandFailed
from flowport.input_files import read_input
from flowport.workflow_files import read_source
from shared.contracts.recordings import Recording

SUFFIX: Final = ".test.json"


class RunTest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A test: running the workflow with the recorded input and answers must end as recorded."""

    flowport_test: int = 1
    """Version of the format."""
    workflow: str | None = None
    """Workflow file to test, relative to this file; None: `state`."""
    ignore: tuple[str, ...] = ()
    """Values that may differ: `Block name.field` or `output.field`; `*` stands for any part."""
    recording: Recording
    state: dict[str, Any] = {}
    """Workflow that was recorded, without secrets. A YAML file takes the ids of its blocks by their names."""

    def state_to_test(self, file: Path) -> dict[str, Any]:
        """Return the state of the workflow to test. Raises CommandFailed, InvalidWorkflow."""
        if self.workflow is None:
            return self.state
        source = read_source(file.parent / self.workflow).based_on(self.state)
        if source.yaml and source.yaml.problems:
            raise CommandFailed(f"{self.workflow}: {source.yaml.problems[0].message}")
        return source.state


_decode = msgspec.json.Decoder(RunTest).decode


def find_tests(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the test files named or in the named folders. Raises CommandFailed."""
    for path in paths:
        if not path.exists():
            raise CommandFailed(f"{path} does not exist")
        yield from sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else (path,)


def read_test(file: Path) -> RunTest:
    """Read a test file. Raises CommandFailed."""
    try:
        return _decode(read_input(file))
    except (msgspec.DecodeError, RecursionError) as error:
        raise CommandFailed(f"{file} is not a run test: {error}") from error


def write_test(file: Path, test: RunTest) -> None:
    """Write a test file, indented for reviews."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(test), indent=2) + b"\n")
