"""The bodies of everything about a workspace but its workflows."""

from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.access.domain.people import Role
from gateway.http.bodies import RequestBody, Wire
from gateway.http.fields import Name, RoleName


class WorkspaceBody(RequestBody):
    """A new workspace."""

    name: Name


class WorkspaceChangeBody(RequestBody):
    """What to change."""

    name: Name | None = None
    allow_personal_api_keys: bool | None = None


class WorkspaceRow(Wire):
    """A workspace, and what the caller is in it."""

    id: str
    name: str
    plan: str
    role: RoleName
    allow_personal_api_keys: bool
    created_at: str


class WorkspaceRows(Wire):
    workspaces: list[WorkspaceRow]


class WorkspaceAnswer(Wire):
    workspace: WorkspaceRow


class MemberRow(Wire):
    """A person in the workspace."""

    id: str
    email: str
    name: str
    role: RoleName
    joined_at: str


class MemberRows(Wire):
    members: list[MemberRow]


class RoleBody(RequestBody):
    """What a member is to be."""

    role: RoleName

    @property
    def wanted(self) -> Role:
        """The role."""
        return Role(self.role)


class InvitationBody(RoleBody):
    """Whom to let in, and as what."""

    email: Annotated[str, StringConstraints(max_length=320)] | None = Field(
        None, description="Only this person may use the link; anybody who has it when not given."
    )


class InvitationRow(Wire):
    """An open invitation."""

    id: str
    email: str | None
    role: RoleName
    created_by: str
    created_at: str
    expires_at: str


class NewInvitation(InvitationRow):
    """An invitation with its link, which is shown this once."""

    url: str


class InvitationRows(Wire):
    invitations: list[InvitationRow]


class NewInvitationAnswer(Wire):
    invitation: NewInvitation
