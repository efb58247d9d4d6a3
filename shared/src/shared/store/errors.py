"""Errors of the driver, as the error that everybody knows."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pymongo.errors import PyMongoError

from shared.errors import Unavailable
from shared.observe.logging import get_logger

P = ParamSpec("P")
T = TypeVar("T")

log = get_logger("store")


def store_call(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`method`, raising Unavailable where the driver fails. A write may or may not have been done then.

    The driver's own words stay in the log. A DuplicateKeyError that means something is caught inside the method; any
    other is two writers in one moment, and trying again helps.
    """

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except PyMongoError as error:
            log.error("the store failed", call=method.__qualname__, error=repr(error))
            raise Unavailable("the store does not answer") from error

    return call
