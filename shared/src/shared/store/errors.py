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
    """What is logged of one call's failures: the first at once, then a line in ten seconds that counts the others."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._quiet_until = 0.0
        self._unsaid = 0

    def of(self, error: PyMongoError) -> None:
        now = monotonic()
        if now < self._quiet_until:
            self._unsaid += 1
            return
        log.error("the store failed", call=self._call, error=repr(error), failures_before=self._unsaid)
        self._quiet_until, self._unsaid = now + LOG_SECONDS, 0


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
            complaints.of(error)
            raise Unavailable("the store does not answer") from error

    return call
