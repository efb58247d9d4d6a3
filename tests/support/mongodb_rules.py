"""Fail tests that send statements which MongoDB refuses and the tests' store accepts."""

from collections.abc import Iterator

import pymongo.monitoring
import pytest
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from tests.support.mongodb_refusals import refusals


class Refusals(CommandListener):
    """Inspects every command that this process sends to a store."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        """Compute MongoDB's refusals before the store answers."""
        if event.command:  # the driver hides commands that contain a password
            self.found += [f"{event.command_name}: {why}" for why in refusals(event.command)]

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Record the refusals of this command."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Record the refusals of this command."""


REFUSALS = Refusals()
pymongo.monitoring.register(REFUSALS)


@pytest.fixture(autouse=True)
def as_mongodb_has_it() -> Iterator[None]:
    """Fail the test if it sent something that MongoDB refuses."""
    REFUSALS.found.clear()
    yield
    assert REFUSALS.found == [], "MongoDB refuses this"
