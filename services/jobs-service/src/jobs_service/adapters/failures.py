"""Errors of the driver, as the errors that everybody knows."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pymongo.errors import PyMongoError

from shared.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


def store_call(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`method`, raising Unavailable where the driver fails. A write may or may not have been done then."""

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except PyMongoError as error:
            raise Unavailable(f"the store does not answer: {error}") from error

    return call
