"""The driver's errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import DuplicateKeyError, PyMongoError

from shared.errors import Conflict, Unavailable


@contextmanager
def store_errors() -> Iterator[None]:
    """Raises Conflict for what is there already, Unavailable for a store that does not answer."""
    try:
        yield
    except DuplicateKeyError as error:
        raise Conflict("it exists already") from error
    except PyMongoError as error:
        raise Unavailable("The key store does not answer") from error
