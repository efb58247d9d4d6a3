"""Lookups whose subject may be missing."""

from collections.abc import Awaitable
from typing import TypeVar

from shared.errors import NotFound

T = TypeVar("T")


async def or_none(found: Awaitable[T]) -> T | None:
    """Return what the call finds, None if it raises NotFound."""
    try:
        return await found
    except NotFound:
        return None
