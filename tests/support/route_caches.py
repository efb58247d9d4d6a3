"""Caches of FastAPI and `typing` that outlive the application of a test, emptied after each test.

FastAPI caches which of the last 4,096 endpoints and dependencies are coroutines, and `typing` the last 128 types, such
as `Annotated[Caller, Depends(access.caller)]`. Both hold whatever these functions use: services and store clients, up
to 80 MB in each process. PyMongo reports an unclosed client only when it is freed, and prints an AttributeError for one
that exists until the interpreter exits.
"""

import typing

import fastapi.dependencies.models


def pytest_runtest_logfinish() -> None:
    """Release every endpoint, dependency and annotated type."""
    for cache in vars(fastapi.dependencies.models).values():
        if hasattr(cache, "cache_clear"):
            cache.cache_clear()
    for clear in vars(typing)["_cleanups"]:  # as CPython's own tests do
        clear()
