"""Errors of the driver, as the error that everybody knows."""

from collections.abc import Callable, Coroutine
from functools import wraps
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar

from pymongo.errors import PyMongoError

from shared.errors import Unavailable
from shared.observe.logging import get_logger

P = ParamSpec("P")
T = TypeVar("T")

LOG_SECONDS: Final = 10.0
log = get_logger("store")


class _Complaints:
    """What is logged of one call's failures: of each kind the first at once, then a line in ten seconds."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._said: dict[type[PyMongoError], tuple[float | None, int]] = {}

    def complain(self, error: PyMongoError) -> None:
        now = monotonic()
        said_at, unsaid = self._said.get(type(error), (None, 0))
        if said_at is not None and now < said_at + LOG_SECONDS:
            self._said[type(error)] = said_at, unsaid + 1
            return
        since = {"unsaid": unsaid, "since_seconds": round(now - said_at)} if said_at is not None and unsaid else {}
        log.error("the store failed", call=self._call, error=repr(error), **since)
        self._said[type(error)] = now, 0


def store_call(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`method`, raising Unavailable where the driver fails. A write may or may not have been done then.

    The driver's own words stay in the log. A DuplicateKeyError that means something is caught inside the method; any
    other is two writers in one moment, and trying again helps.
    """

    complaints = _Complaints(method.__qualname__)

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except PyMongoError as error:
            complaints.complain(error)
            raise Unavailable("the store does not answer") from error

    return call
