"""Errors that cross service boundaries. Each has one stable code; presenters choose HTTP statuses.

A service raises them, internal HTTP carries them by code, the calling service raises the same class again, and the
gateway's presenters (one per API generation) turn the class into a status and a body.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar


class FlowportError(Exception):
    """Base of errors that callers see.

    `message` is a sentence for people, `details` is JSON for programs, `retry_after` is in whole seconds.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    retryable: ClassVar[bool] = False
    default_message: ClassVar[str] = ""
    """Message of an error that always means the same."""

    def __init__(self, message: str | None = None, *, details: Any = None, retry_after: int | None = None) -> None:
        self.message = self.default_message if message is None else message
        super().__init__(self.message)
        self.details = details
        self.retry_after = retry_after


class InvalidRequest(FlowportError):
    """The request is invalid; `details` lists each field with the expected value."""

    code = "INVALID_REQUEST"


class InvalidWorkflow(InvalidRequest):
    """A workflow file or draft cannot be read or deployed; `details` lists every problem."""

    code = "INVALID_WORKFLOW"


class Unauthenticated(FlowportError):
    """The credential is missing, wrong, expired or revoked."""

    code = "UNAUTHENTICATED"


class Forbidden(FlowportError):
    """The credential does not permit this."""

    code = "FORBIDDEN"


class RunTicketRefused(Forbidden):
    """A worker's call has no valid run ticket, or one that does not cover it; `details.reason` says why."""

    code = "RUN_TICKET_REFUSED"


class NotFound(FlowportError):
    """The resource does not exist, or is hidden from this caller."""

    code = "NOT_FOUND"


class NotDeployed(FlowportError):
    """The workflow has no live version."""

    code = "NOT_DEPLOYED"


class Conflict(FlowportError):
    """The request conflicts with the current state."""

    code = "CONFLICT"


class PreconditionFailed(Conflict):
    """The resource changed since the version that the caller requires."""

    code = "PRECONDITION_FAILED"


class ContentChanged(Conflict):
    """The content to deploy is not the one that the request names."""

    code = "CONTENT_CHANGED"


class RunIdTaken(Conflict):
    """The caller-chosen run id was used before; ids are single-use."""

    code = "RUN_ID_TAKEN"


class RepairRefused(Conflict):
    """A failed run cannot be continued because of a block, which `details` names."""

    code = "REPAIR_REFUSED"


class PayloadTooLarge(FlowportError):
    """A body or value exceeds its limit."""

    code = "PAYLOAD_TOO_LARGE"


class FullQueue(StrEnum):
    """Which queue is full: a workspace's own limit concerns its owner, the global one the operator."""

    WORKSPACE = "workspace"
    GLOBAL = "global"


class AtCapacity(FlowportError):
    """The queue is full; `retry_after` estimates when to retry, `limit` in `details` names the queue."""

    code = "AT_CAPACITY"
    retryable = True

    @property
    def full_queue(self) -> FullQueue:
        """Return which queue is full; the global one by default."""
        is_own = isinstance(self.details, Mapping) and self.details.get("limit") == FullQueue.WORKSPACE
        return FullQueue.WORKSPACE if is_own else FullQueue.GLOBAL


class Unavailable(FlowportError):
    """A dependency does not respond."""

    code = "UNAVAILABLE"
    retryable = True


class OutcomeUncertain(Unavailable):
    """A dependency did not confirm a change in time. The change may have happened, or may still happen."""

    code = "OUTCOME_UNCERTAIN"
    default_message = "There was no answer in time: the change may have been made. Look before you repeat it"
    """Frozen: the v1 API derives an error code from it, as from the texts of BrokerDisconnected."""


class StaleAttempt(Conflict):
    """The attempt that wrote no longer holds the run."""

    code = "STALE_ATTEMPT"


def _with_subclasses(kind: type[FlowportError]) -> list[type[FlowportError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _with_subclasses(child))]


ERRORS_BY_CODE: Mapping[str, type[FlowportError]] = {kind.code: kind for kind in _with_subclasses(FlowportError)}
"""All errors that travel between services, by code."""
