"""Driver errors, translated to Unavailable."""

from collections import Counter
from collections.abc import Callable, Coroutine
from functools import wraps
from math import inf
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar

from pymongo.errors import PyMongoError

from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.store.metrics import FAILURES

P = ParamSpec("P")
T = TypeVar("T")

LOG_SECONDS: Final = 10.0
log = get_logger("store")


class _ErrorLog:
    """Rate limit for one call's error logs: the first of each kind immediately, then one in ten seconds."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._logged_at: dict[type[PyMongoError], float] = {}
        self._suppressed: Counter[type[PyMongoError]] = Counter()

    def log_error(self, error: PyMongoError) -> None:
        kind, now = type(error), monotonic()
        silence = now - self._logged_at.get(kind, -inf)
        if silence < LOG_SECONDS:
            self._suppressed[kind] += 1
            return
        suppressed = self._suppressed.pop(kind, 0)
        since = {"suppressed": suppressed, "since_seconds": round(silence)} if suppressed else {}
        log.error("store_call_failed", call=self._call, error=repr(error), **since)
        self._logged_at[kind] = now


def store_call(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Wrap `method` to raise Unavailable on driver errors. The write may or may not have been applied.

    Only the log has the driver's error. Methods handle a DuplicateKeyError that has a meaning; any other is a race
    between two writers, and a retry helps.
    """

    error_log = _ErrorLog(method.__qualname__)

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except PyMongoError as error:
            FAILURES.inc()
            error_log.log_error(error)
            raise Unavailable("the store does not answer") from error

    return call
