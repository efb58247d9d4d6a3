"""Least-privilege broker permissions of each service's user.

RabbitMQ checks a publish against its exchange only, so a user that may reply to callers (through the default exchange)
could put a message into any queue. Consumers therefore validate every message they receive.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.broker.queue_topology import (
    ASYNC,
    CONTROL,
    DEAD,
    EVENTS,
    EXPRESS,
    INTERACTIVE,
    NESTED,
    RECORDS,
    REPLIES,
)
from shared.service import ServiceName

USER_PREFIX: Final = "flowport-"
DEFAULT_EXCHANGE: Final = "amq.default"


@dataclass(frozen=True, slots=True)
class Permissions:
    """Patterns that RabbitMQ matches against names of queues and exchanges."""

    configure: str
    write: str
    read: str


def broker_user(service: ServiceName) -> str:
    """Return the user name of a service."""
    return f"{USER_PREFIX}{service.value}"


def service_permissions(service: ServiceName) -> Permissions:
    """Return the permissions of a service's user."""
    own = [_private(CONTROL), *([_private(REPLIES)] if service is ServiceName.GATEWAY else [])]
    return Permissions(
        configure=_any_of(own),
        write=_any_of([re.escape(DEFAULT_EXCHANGE), CONTROL, *own]),
        read=_any_of([CONTROL, *own, *map(re.escape, _CONSUMED[service])]),
    )


_CONSUMED: Final[Mapping[ServiceName, tuple[str, ...]]] = {
    ServiceName.GATEWAY: (),
    ServiceName.DEPLOY: (),
    ServiceName.EXECUTOR: (EXPRESS, INTERACTIVE, NESTED, ASYNC),
    ServiceName.JOBS: (RECORDS, EVENTS, DEAD),
}


def _private(prefix: str) -> str:
    return rf"{re.escape(prefix)}\.[0-9a-f]{{32}}"


def _any_of(patterns: Iterable[str]) -> str:
    return f"^({'|'.join(patterns)})$"
