"""What a store's adapters raise when the driver fails."""

import pytest
from pymongo.errors import AutoReconnect, DuplicateKeyError, PyMongoError

from shared.errors import NotFound, Unavailable
from shared.store.errors import store_call


@store_call
async def ends_with(outcome: Exception | str) -> str:
    """A call of the store that ends like this."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@pytest.mark.parametrize("error", [AutoReconnect("10.0.0.7:27017: connection closed"), DuplicateKeyError("E11000")])
async def test_the_drivers_errors_become_ours_without_its_words(error: PyMongoError) -> None:
    with pytest.raises(Unavailable, match=r"^the store does not answer$") as raised:
        await ends_with(error)
    assert raised.value.__cause__ is error


async def test_everything_else_passes() -> None:
    assert await ends_with("an answer") == "an answer"
    with pytest.raises(NotFound, match="nothing here"):
        await ends_with(NotFound("nothing here"))
