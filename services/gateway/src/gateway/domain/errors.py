"""Why the gateway refuses a call or loses a run, beside the errors that every service has."""

import math
from datetime import datetime, timedelta
from typing import ClassVar

from gateway.domain.people import Role
from shared.contracts.chats import ChatAccess
from shared.errors import AtCapacity, Conflict, FlowportError, Forbidden, InvalidRequest, Unauthenticated, Unavailable


class AdmissionClosed(FlowportError):
    """This process has as many calls in hand as it may."""

    code = "ADMISSION_GATE_CAPACITY"
    retryable = True

    def __init__(self) -> None:
        super().__init__("Server is at capacity. Please retry shortly.", retry_after=5)


class InvalidKey(Unauthenticated):
    """A key was shown, and it is wrong, expired or revoked. Which of them is nobody's business."""

    code = "INVALID_API_KEY"

    def __init__(self) -> None:
        super().__init__("Invalid API key")


class WrongWorkspace(Forbidden):
    """A good key, but the thing belongs to another workspace."""

    code = "WRONG_WORKSPACE"

    def __init__(self) -> None:
        super().__init__("API key is not authorized for this workspace")


class MissingScope(Forbidden):
    """A good key that was made for something else."""

    code = "MISSING_SCOPE"


class WrongWorkflow(Forbidden):
    """A good key that was made for other workflows."""

    code = "WRONG_WORKFLOW"

    def __init__(self) -> None:
        super().__init__("API key is not authorized for this workflow")


class PersonalKeysForbidden(Forbidden):
    """A personal key in a workspace that wants none."""

    code = "PERSONAL_KEYS_FORBIDDEN"

    def __init__(self) -> None:
        super().__init__("Personal API keys are not allowed for this workspace")


class AccessDenied(Forbidden):
    """A member whose role is too small, or somebody who is no member."""

    code = "ACCESS_DENIED"

    def __init__(self, role: Role) -> None:
        super().__init__(f"Unauthorized: Access denied to {role} this workflow")


class NoWorkspace(Forbidden):
    """Somebody who was a member once, and is no more."""

    code = "NO_WORKSPACE"

    def __init__(self) -> None:
        super().__init__("Not a member of any workspace")


class ChatUnavailable(Forbidden):
    """A chat that its author has closed, or whose workflow is not live."""

    code = "CHAT_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("This chat is currently unavailable")


class ChatLocked(Unauthenticated):
    """A chat that wants a password or an address first; the message is what chat pages wait for."""

    code = "CHAT_LOCKED"

    def __init__(self, access: ChatAccess) -> None:
        super().__init__(f"auth_required_{access}")


class WrongPassword(Unauthenticated):
    """Not the password of this chat."""

    code = "WRONG_PASSWORD"

    def __init__(self) -> None:
        super().__init__("Invalid password")


class WrongCode(Unauthenticated):
    """Not the code, not any more, or not for this address. Which of them is nobody's business."""

    code = "WRONG_CODE"

    def __init__(self) -> None:
        super().__init__("Invalid or expired code")


class SignInRefused(Unauthenticated):
    """No such account, or another password. Which of them is nobody's business."""

    code = "INVALID_EMAIL_OR_PASSWORD"

    def __init__(self) -> None:
        super().__init__("Invalid email or password")


class TooManyAttempts(FlowportError):
    """Too many sign-ins for one account or from one address."""

    code = "TOO_MANY_ATTEMPTS"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests. Please try again later.", retry_after=retry_after)


class UndeployedAlready(InvalidRequest):
    """Nothing is live that could be taken down or rolled back."""

    code = "UNDEPLOYED_ALREADY"

    def __init__(self) -> None:
        super().__init__("Workflow is not deployed")


class CallChainTooDeep(Conflict):
    """Workflows that call workflows, too many times over."""

    code = "CALL_CHAIN_DEPTH_EXCEEDED"


class MalformedJson(InvalidRequest):
    """The body is no JSON, or nested beyond reason."""

    code = "MALFORMED_JSON"

    def __init__(self) -> None:
        super().__init__("Invalid JSON in request body")


class NotStarted(AtCapacity):
    """No worker took the run in time; it will not run."""

    code = "NOT_STARTED"

    def __init__(self) -> None:
        super().__init__(
            "Service temporarily at capacity", details={"message": "No worker was free in time"}, retry_after=10
        )


class IdentityUnavailable(Unavailable):
    """Whether a caller-chosen run id is free cannot be said now."""

    code = "IDENTITY_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("Workflow execution identity is temporarily unavailable")


class RunLost(Unavailable):
    """The connection to the worker is gone, and with it the answer of run `run_id`."""

    code = "RUN_LOST"

    def __init__(self, message: str, *, run_id: str) -> None:
        super().__init__(message, details={"runId": run_id}, retry_after=5)
        self.run_id = run_id


class StreamBroken(RunLost):
    """Events of the run are missing, so its text would be wrong."""

    code = "STREAM_BROKEN"


class ReaderTooSlow(FlowportError):
    """The caller does not read what the run produces."""

    code = "READER_TOO_SLOW"


class CallerGone(FlowportError):
    """The caller closed the connection before the end."""

    code = "CALLER_GONE"

    def __init__(self) -> None:
        super().__init__("Client cancelled request")


class RunOverdue(FlowportError):
    """The worker did not end the run at its time limit."""

    code = "RUN_OVERDUE"


class UsageLimitExceeded(FlowportError):
    """The workspace has spent what it may spend this month."""

    code = "USAGE_LIMIT_EXCEEDED"

    def __init__(self, spent_usd: float, cap_usd: float) -> None:
        super().__init__(
            f"Usage limit exceeded: ${spent_usd:.2f} used of ${cap_usd:.2f} limit. "
            "Please upgrade your plan or raise your usage limit to continue."
        )


class IdempotencyKeyReused(Conflict):
    """The key stands for another request."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("Idempotency key was used before with a different request")


class IdempotencyKeyInUse(Conflict):
    """The first call with this key is still being answered."""

    code = "IDEMPOTENCY_KEY_IN_USE"
    retryable = True

    def __init__(self) -> None:
        super().__init__("A request with this idempotency key is still being processed", retry_after=2)


class OutcomeUnknown(Conflict):
    """The process that answered the first call is gone; its run may have done its work, and is not begun again."""

    code = "IDEMPOTENCY_OUTCOME_UNKNOWN"
    sentence: ClassVar[str] = "The answer to the first request with this key was lost"

    def __init__(self, run_id: str) -> None:
        super().__init__(self.sentence, details={"runId": run_id})
        self.run_id = run_id


class AnswerNotKept(OutcomeUnknown):
    """The first call was answered, and the answer of such a workflow is not kept."""

    code = "IDEMPOTENCY_ANSWER_NOT_KEPT"
    sentence = "The answer to the first request with this key is not kept"


class RateLimited(FlowportError):
    """The caller has called too often; there are tokens again at `resets_at`."""

    code = "RATE_LIMIT_EXCEEDED"
    retryable = True

    def __init__(self, now: datetime, resets_in: float) -> None:
        super().__init__("Rate limit exceeded. Please try again later.", retry_after=max(1, math.ceil(resets_in)))
        self.resets_at = now + timedelta(seconds=resets_in)
