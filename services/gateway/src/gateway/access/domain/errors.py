"""Why a caller is not let in."""

from gateway.access.domain.people import Role
from shared.errors import Forbidden, Unauthenticated


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


class LimitedKey(Forbidden):
    """A good key that is for some workflows only, where the whole workspace is concerned."""

    code = "LIMITED_KEY"

    def __init__(self) -> None:
        super().__init__("API key is limited to some workflows of this workspace")


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


class AccessEnded(Unauthenticated):
    """The caller lost the access while it read a stream or waited for a result."""

    code = "ACCESS_ENDED"

    def __init__(self) -> None:
        super().__init__("Access ended: the key, session or permission behind this call is no longer valid")


class SignInRefused(Unauthenticated):
    """No such account, or another password. Which of them is nobody's business."""

    code = "INVALID_EMAIL_OR_PASSWORD"

    def __init__(self) -> None:
        super().__init__("Invalid email or password")
