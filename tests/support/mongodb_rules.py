"""What MongoDB refuses and the store of the tests takes: whoever asks for it fails the test that made it."""

from collections.abc import Iterator

import pymongo.monitoring
import pytest
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from tests.support.mongodb_refusals import refusals


class Refusals(CommandListener):
    """Looks at every command that goes to a store in this process."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        """What MongoDB would answer is known before the store has answered."""
        if event.command:  # the driver hides commands that contain a password
            self.found += [f"{event.command_name}: {why}" for why in refusals(event.command)]

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
    assert REFUSALS.found == [], "MongoDB refuses this"
