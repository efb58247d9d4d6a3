"""CORS rules: what a process keeps of the paths that callers send."""

import sys

import pytest

from gateway.web.origins import CACHED_PATH, rules_for


@pytest.mark.parametrize(("length", "is_kept"), [(CACHED_PATH, True), (CACHED_PATH + 1, False)])
def test_long_paths_are_not_cached(length: int, *, is_kept: bool) -> None:
    """A head may have 64 KiB: a thousand such paths would take 260 MB."""
    path = "/api/".ljust(length, "x")
    before = sys.getrefcount(path)
    assert rules_for(path, "http://flowport.test") is not None
    assert (sys.getrefcount(path) > before) is is_kept
