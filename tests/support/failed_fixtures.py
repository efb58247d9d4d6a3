"""Report a failed shared fixture once: the tests that need it later point to the test that shows the reason.

pytest would raise the same exception, with its whole traceback, for each of them.
"""

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    """Replace what pytest remembers of a failed fixture; the first test still gets the exception itself."""
    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as error:
        if fixturedef.scope != "function" and fixturedef.cached_result:
            failed = pytest.fail.Exception(_line(fixturedef.argname, error), pytrace=False)
            fixturedef.cached_result = (None, fixturedef.cached_result[1], (failed, None))
        raise


def _line(fixture: str, error: BaseException) -> str:
    test = os.environ["PYTEST_CURRENT_TEST"].removesuffix(" (setup)")
    return f"fixture {fixture!r} failed in {test}: {type(error).__name__}"
