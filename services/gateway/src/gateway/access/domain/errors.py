"""Access errors."""

from gateway.access.domain.membership import Role
from shared.errors import Forbidden, Unauthenticated


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
