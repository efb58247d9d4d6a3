"""Bodies of workspaces, except workflows."""

from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.access.domain.membership import Role
from gateway.web.bodies import Name, RequestBody, RoleName, Wire


class WorkspaceBody(RequestBody):
    """New workspace."""

    name: Name


class WorkspaceChangeBody(RequestBody):
    """Changes to a workspace."""

    name: Name | None = None
    allow_personal_api_keys: bool | None = None


class WorkspaceRow(Wire):
    """Workspace, and the caller's role in it."""

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
    """Member of the workspace."""

    id: str
    email: str
    name: str
    role: RoleName
    joined_at: str


class MemberRows(Wire):
    members: list[MemberRow]


class RoleBody(RequestBody):
    """New role of a member."""

    role: RoleName

    @property
    def requested_role(self) -> Role:
        """Return the role."""
        return Role(self.role)


class InvitationBody(RoleBody):
    """Recipient and role of an invitation."""

    email: Annotated[str, StringConstraints(max_length=320)] | None = Field(
        None, description="Only this user can accept the invitation; anyone with the link if omitted."
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
    """Invitation with its link, shown only once."""

    url: str


class InvitationRows(Wire):
    invitations: list[InvitationRow]


class NewInvitationAnswer(Wire):
    invitation: NewInvitation
