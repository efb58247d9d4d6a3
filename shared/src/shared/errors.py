"""The errors that cross a boundary. Each has one stable code; HTTP statuses are the presenters' business.

A service raises them, the internal HTTP door carries them by code, the calling service raises the same class again,
and the gateway's presenters (one per API generation) turn the class into a status and a body.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final

UNCERTAIN: Final = "There was no answer in time: the change may have been made. Look before you repeat it"


class FlowportError(Exception):
    """Something the caller can be told.

    `message` is a sentence for a person, `details` is JSON for a program, `retry_after` is in whole seconds.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, details: Any = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after = retry_after


class InvalidRequest(FlowportError):
    """The caller sent something we cannot accept; `details` lists each field and what was expected."""

    code = "INVALID_REQUEST"


class InvalidWorkflow(InvalidRequest):
    """A workflow file or draft that cannot be read or deployed; `details` lists every problem."""

    code = "INVALID_WORKFLOW"


class Unauthenticated(FlowportError):
    """No credential, or one that is wrong, expired or revoked."""

    code = "UNAUTHENTICATED"


class Forbidden(FlowportError):
    """The credential is good, but not for this."""

    code = "FORBIDDEN"


class RunTicketRefused(Forbidden):
    """A worker's call without a valid run ticket, or with one that does not cover it; `details.reason` says why."""

    code = "RUN_TICKET_REFUSED"


class NotFound(FlowportError):
    """No such thing, or none that this caller may know of."""

    code = "NOT_FOUND"


class NotDeployed(FlowportError):
    """The workflow has no live version."""

    code = "NOT_DEPLOYED"


class Conflict(FlowportError):
    """The request contradicts the present state."""

    code = "CONFLICT"


class PreconditionFailed(Conflict):
    """Somebody changed meanwhile what the caller had seen, and wanted to be as it was."""

    code = "PRECONDITION_FAILED"


class RunIdTaken(Conflict):
    """A caller-chosen run id that was used before; ids are one-shot."""

    code = "RUN_ID_TAKEN"


class PayloadTooLarge(FlowportError):
    """A body or value over its limit."""

    code = "PAYLOAD_TOO_LARGE"


class FullQueue(StrEnum):
    """Whose queue has no place: a workspace's own limit is its owner's business, that of all is the operator's."""

    WORKSPACE = "workspace"
    GLOBAL = "global"


class AtCapacity(FlowportError):
    """The queue is full; `retry_after` says when a place is likely, `limit` in `details` whose queue it is."""

    code = "AT_CAPACITY"
    retryable = True

    @property
    def full_queue(self) -> FullQueue:
        """Whose queue it is; that of all where nothing is said."""
        is_own = isinstance(self.details, Mapping) and self.details.get("limit") == FullQueue.WORKSPACE
        return FullQueue.WORKSPACE if is_own else FullQueue.GLOBAL


class Unavailable(FlowportError):
    """A part we depend on does not answer."""

    code = "UNAVAILABLE"
    retryable = True


class OutcomeUncertain(Unavailable):
    """A part that was asked to change something did not answer in time. It may do so yet, or have done so."""

    code = "OUTCOME_UNCERTAIN"

    def __init__(self, message: str = UNCERTAIN, *, details: Any = None, retry_after: int | None = None) -> None:
        super().__init__(message, details=details, retry_after=retry_after)


class StaleAttempt(Conflict):
    """A write by an attempt that no longer holds the run."""

    code = "STALE_ATTEMPT"


def _with_subclasses(kind: type[FlowportError]) -> list[type[FlowportError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _with_subclasses(child))]


ERRORS_BY_CODE: Mapping[str, type[FlowportError]] = {kind.code: kind for kind in _with_subclasses(FlowportError)}
"""Every error that may travel between services, by its code."""
