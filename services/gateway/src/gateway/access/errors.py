"""Errors of access control and of limits."""

import math
from datetime import datetime, timedelta

from gateway.access.domain.membership import Role
from shared.errors import FlowportError, Forbidden, Unauthenticated


class InvalidKey(Unauthenticated):
    """The key is wrong, expired or revoked; the error does not say which."""

    code = "INVALID_API_KEY"
    default_message = "Invalid API key"


class WrongWorkspace(Forbidden):
    """The key is valid, but the resource belongs to another workspace."""

    code = "WRONG_WORKSPACE"
    default_message = "API key is not authorized for this workspace"


class MissingScope(Forbidden):
    """The key is valid, but lacks the scope."""

    code = "MISSING_SCOPE"


class WrongWorkflow(Forbidden):
    """The key is valid, but limited to other workflows."""

    code = "WRONG_WORKFLOW"
    default_message = "API key is not authorized for this workflow"


class LimitedKey(Forbidden):
    """The key is limited to some workflows, but the request concerns the whole workspace."""

    code = "LIMITED_KEY"
    default_message = "API key is limited to some workflows of this workspace"


class PersonalKeysForbidden(Forbidden):
    """The workspace forbids personal keys."""

    code = "PERSONAL_KEYS_FORBIDDEN"
    default_message = "Personal API keys are not allowed for this workspace"


class AccessDenied(Forbidden):
    """The member's role is insufficient, or the user is not a member."""

    code = "ACCESS_DENIED"

    def __init__(self, role: Role) -> None:
        super().__init__(f"Unauthorized: Access denied to {role} this workflow")


class NoWorkspace(Forbidden):
    """The user is no longer a member of a workspace."""

    code = "NO_WORKSPACE"
    default_message = "Not a member of any workspace"


class AccessEnded(Unauthenticated):
    """The caller lost access while it read a stream or waited for a result."""

    code = "ACCESS_ENDED"
    default_message = "Access ended: the key, session or permission behind this call is no longer valid"


class SignInRefused(Unauthenticated):
    """The account or password is wrong; the error does not say which."""

    code = "INVALID_EMAIL_OR_PASSWORD"
    default_message = "Invalid email or password"


class AdmissionClosed(FlowportError):
    """This process handles its maximum number of calls."""

    code = "ADMISSION_GATE_CAPACITY"
    retryable = True
    default_message = "Server is at capacity. Please retry shortly."

    def __init__(self) -> None:
        super().__init__(retry_after=5)


class TooManyStreams(AdmissionClosed):
    """The caller, or the run, has the maximum of open event streams."""

    code = "TOO_MANY_STREAMS"
    default_message = "Too many event streams are open. Close one and retry."


class TooManyAttempts(FlowportError):
    """Too many sign-ins for one account or from one address."""

    code = "TOO_MANY_ATTEMPTS"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests. Please try again later.", retry_after=retry_after)


class UsageLimitExceeded(FlowportError):
    """The workspace has reached its monthly spend cap."""

    code = "USAGE_LIMIT_EXCEEDED"

    def __init__(self, spent_usd: float, cap_usd: float) -> None:
        super().__init__(
            f"Usage limit exceeded: ${spent_usd:.2f} used of ${cap_usd:.2f} limit. "
            "Please upgrade your plan or raise your usage limit to continue."
        )


class RateLimited(FlowportError):
    """The caller exceeded its rate limit; the bucket refills at `resets_at`."""

    code = "RATE_LIMIT_EXCEEDED"
    retryable = True

    def __init__(self, now: datetime, resets_in: float) -> None:
        super().__init__("Rate limit exceeded. Please try again later.", retry_after=max(1, math.ceil(resets_in)))
        self.resets_at = now + timedelta(seconds=resets_in)
