"""Distribution of tests among processes: tests of one file stay together, and so do tests that share one stack.

A stack takes 12 s of processor time to start, and 6 % of a core while idle. The console's tests use three anyway: in
fewer groups, one of them would take by far the longest. The tests of the look of every page take as long as all tests
of several other files.
"""

from fnmatch import fnmatchcase
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WITH_A_STACK: Final = (
    "tests/browser/test_looks.py",
    "tests/browser/test_[a-e]*",
    "tests/browser/*",
    "tests/conformance/*",
    "tests/e2e/*",
    "tests/faults/*",
)


class ByStack(LoadScopeScheduling):  # type: ignore[misc]
    """Makes groups of tests that one process runs one after the other the unit of distribution."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((area for area in WITH_A_STACK if fnmatchcase(file, area)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByStack:
    """See pytest-xdist."""
    return ByStack(config, log)
