"""Distribution of tests among processes: tests of one file stay together, and so do tests that share servers.

A stack takes 9 s of processor time to start, a third of it for RabbitMQ, and 3 % of a core while idle. The console's
tests use two anyway: in one group, they would take by far the longest.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

GROUPS: Final[Mapping[str, str]] = {
    "tests/browser/test_[a-f]*": "console",
    "tests/browser/*": "other tests of the console",
    "tests/conformance/*": "conformance",
    "tests/e2e/*": "whole system",
    "tests/faults/*": "faults",
    "tests/contract/broker/*": "broker",
    "tests/integration/broker/*": "broker",
    "tests/integration/cli/test_doctor.py": "broker",
    "tests/integration/cli/test_topology_command.py": "broker",
    "tests/integration/gateway/test_full_interactive_queue.py": "broker",
}
"""Groups by file; the first pattern that matches decides."""


class ByServers(LoadScopeScheduling):  # type: ignore[misc]
    """Makes groups of tests that one process runs one after the other the unit of distribution."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((group for pattern, group in GROUPS.items() if fnmatchcase(file, pattern)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServers:
    """See pytest-xdist."""
    return ByServers(config, log)
