"""What each service's user may do at the broker: no more than its work needs.

RabbitMQ checks a publish against its exchange alone, so whoever may answer callers at all (through the default
exchange) could put a message into any queue. What protects there is that every consumer checks what it receives.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.broker.topology import (
    ASYNC,
    CONTROL,
    DEAD,
    EVENTS,
    EXPRESS,
    INTERACTIVE,
    NESTED,
    RECORDS,
    REPLIES,
    RUN_BUNDLES,
)
from shared.service import ServiceName

USER_PREFIX: Final = "flowport-"
DEFAULT_EXCHANGE: Final = "amq.default"


@dataclass(frozen=True, slots=True)
class Access:
    """Three patterns, as RabbitMQ matches them against the names of queues and exchanges."""

    configure: str
    write: str
    read: str


def user_of(service: ServiceName) -> str:
    """The name of a service's user."""
    return f"{USER_PREFIX}{service.value}"


def access_of(service: ServiceName) -> Access:
    """What the user of `service` may do."""
    own = [_private(CONTROL), *([_private(REPLIES)] if service is ServiceName.GATEWAY else [])]
    return Access(
        configure=_any_of(own),
        write=_any_of([re.escape(DEFAULT_EXCHANGE), CONTROL, *own]),
        read=_any_of([CONTROL, *own, *map(re.escape, _CONSUMED[service])]),
    )


_CONSUMED: Final[Mapping[ServiceName, tuple[str, ...]]] = {
    ServiceName.GATEWAY: (),
    ServiceName.DEPLOY: (),
    ServiceName.EXECUTOR: (EXPRESS, RUN_BUNDLES, INTERACTIVE, NESTED, ASYNC),
    ServiceName.JOBS: (RECORDS, EVENTS, DEAD),
}


def _private(prefix: str) -> str:
    return rf"{re.escape(prefix)}\.[0-9a-f]{{32}}"


def _any_of(patterns: Iterable[str]) -> str:
    return f"^({'|'.join(patterns)})$"
