"""What MongoDB refuses and the store of the tests takes: whoever asks for it fails the test that made it."""

from collections.abc import Iterator
from typing import Any

import pymongo.monitoring
import pytest
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent


class Refusals(CommandListener):
    """Looks at every command that goes to a store in this process."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def started(self, event: CommandStartedEvent) -> None:
        """An upsert takes its first document from the query, and knows none to take from an expression."""
        if event.command_name == "update":
            self.found += [
                each["q"] for each in event.command["updates"] if each.get("upsert") and _has(each["q"], "$expr")
            ]

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """It was asked for all the same."""

    def failed(self, event: CommandFailedEvent) -> None:
        """So was this."""


REFUSALS = Refusals()
pymongo.monitoring.register(REFUSALS)


@pytest.fixture(autouse=True)
def as_mongodb_has_it() -> Iterator[None]:
    """Fails where a test sent what MongoDB refuses."""
    REFUSALS.found.clear()
    yield
    assert REFUSALS.found == [], "MongoDB refuses `$expr` in the query of an upsert"


def _has(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return name in value or any(_has(each, name) for each in value.values())
    return isinstance(value, list) and any(_has(each, name) for each in value)
