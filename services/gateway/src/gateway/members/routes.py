"""`/api/workspaces`: list, create, rename; members and invitations."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from gateway.access.credentials import Caller, Grant, Scope, accepts_key
from gateway.access.models import Invitation, Role
from gateway.members.service import MemberService
from gateway.web.bodies import Done, Name, RequestBody, RoleName, Wire, json_of
from gateway.web.routes import WORKSPACE, WorkspaceAccess, legacy_router
from shared.clock import iso
from shared.errors import InvalidRequest


def workspaces_router(access: WorkspaceAccess, teams: MemberService, *, public_url: str) -> APIRouter:
    """Return routes of workspaces and members: all members read, admins change."""
    router = legacy_router("Workspaces", *WORKSPACE, prefix="/api/workspaces")
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    WorkspaceCaller = Annotated[Caller, Depends(access.to_workspace)]  # noqa: N806 - a type

    @router.get("", summary="List workspaces")
    async def list_workspaces(caller: AnyCaller) -> WorkspaceRows:
        caller.require(Scope.READ)
        grants = caller.grants or (Grant(caller.workspace, _role_in(caller)),)
        shown = [workspace_row(grant) for grant in grants if accepts_key(grant.workspace, caller.key)]
        return WorkspaceRows(workspaces=shown)

    @router.post("", status_code=201, summary="Create a workspace")
    async def make(
        caller: AnyCaller, body: Annotated[WorkspaceBody, Depends(json_of(WorkspaceBody))]
    ) -> WorkspaceAnswer:
        workspace = await teams.make(caller, body.name)
        return WorkspaceAnswer(workspace=workspace_row(Grant(workspace, Role.ADMIN)))

    @router.get("/{workspace_id}", summary="Get a workspace")
    async def show(caller: WorkspaceCaller, workspace_id: str) -> WorkspaceAnswer:
        caller.require(Scope.READ)
        return WorkspaceAnswer(workspace=workspace_row(Grant(caller.workspace, _role_in(caller))))

    @router.patch("/{workspace_id}", summary="Change a workspace")
    async def change(
        caller: WorkspaceCaller,
        workspace_id: str,
        body: Annotated[WorkspaceChangeBody, Depends(json_of(WorkspaceChangeBody))],
    ) -> WorkspaceAnswer:
        fields: dict[str, Any] = {"name": body.name, "allow_personal_keys": body.allow_personal_api_keys}
        changes = {name: value for name, value in fields.items() if value is not None}
        if not changes:
            raise InvalidRequest("At least one of name or allowPersonalApiKeys must be provided")
        workspace = await teams.update(caller, changes)
        return WorkspaceAnswer(workspace=workspace_row(Grant(workspace, _role_in(caller))))

    @router.get("/{workspace_id}/members", summary="List members")
    async def list_members(caller: WorkspaceCaller, workspace_id: str) -> MemberRows:
        return MemberRows(
            members=[
                MemberRow(
                    id=user.id, email=user.email, name=user.name, role=member.role.value, joined_at=iso(member.since)
                )
                for member, user in await teams.members(caller)
            ]
        )

    @router.patch("/{workspace_id}/members/{user_id}", summary="Change the role of a member")
    async def set_role(
        caller: WorkspaceCaller, workspace_id: str, user_id: str, body: Annotated[RoleBody, Depends(json_of(RoleBody))]
    ) -> Done:
        await teams.set_role(caller, user_id, body.requested_role)
        return Done()

    @router.delete("/{workspace_id}/members/{user_id}", summary="Remove a member")
    async def remove(caller: WorkspaceCaller, workspace_id: str, user_id: str) -> Done:
        await teams.remove(caller, user_id)
        return Done()

    @router.get("/{workspace_id}/invitations", summary="List invitations")
    async def list_invitations(caller: WorkspaceCaller, workspace_id: str) -> InvitationRows:
        found = await teams.invitations(caller)
        return InvitationRows(invitations=[InvitationRow(**_invitation(each)) for each in found])

    @router.post("/{workspace_id}/invitations", status_code=201, summary="Invite a member")
    async def invite(
        caller: WorkspaceCaller, workspace_id: str, body: Annotated[InvitationBody, Depends(json_of(InvitationBody))]
    ) -> NewInvitationAnswer:
        invitation, token = await teams.invite(caller, body.requested_role, body.email)
        # Servers log no URL fragments, so the token follows a #.
        url = f"{public_url}/invite#{token}"
        return NewInvitationAnswer(invitation=NewInvitation(**_invitation(invitation), url=url))

    @router.delete("/{workspace_id}/invitations/{invitation_id}", summary="Withdraw an invitation")
    async def withdraw(caller: WorkspaceCaller, workspace_id: str, invitation_id: str) -> Done:
        await teams.withdraw(caller, invitation_id)
        return Done()

    return router


class WorkspaceRow(Wire):
    """Workspace, and the caller's role in it."""

    id: str
    name: str
    plan: str
    role: RoleName
    allow_personal_api_keys: bool
    created_at: str


def workspace_row(grant: Grant) -> WorkspaceRow:
    """Present the workspace of this grant."""
    workspace = grant.workspace
    return WorkspaceRow(
        id=workspace.id,
        name=workspace.name,
        plan=workspace.plan.value,
        role=grant.role.value,
        allow_personal_api_keys=workspace.allow_personal_keys,
        created_at=iso(workspace.created_at),
    )


def _role_in(caller: Caller) -> Role:
    if Scope.ADMIN in caller.scopes:
        return Role.ADMIN
    return Role.WRITE if Scope.WRITE in caller.scopes else Role.READ


def _invitation(invitation: Invitation) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role.value,
        "created_by": invitation.created_by,
        "created_at": iso(invitation.created_at),
        "expires_at": iso(invitation.expires_at),
    }


class WorkspaceBody(RequestBody):
    """New workspace."""

    name: Name


class WorkspaceChangeBody(RequestBody):
    """Changes to a workspace."""

    name: Name | None = None
    allow_personal_api_keys: bool | None = None


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
