"""Workspaces, their members and invitations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway.access.domain.credentials import Grant, Workspace
from gateway.access.domain.membership import Invitation, Team
from gateway.access.domain.people import Account


class Workspaces(Protocol):
    """Workspaces, their members and invitations. Every method raises Unavailable."""

    async def create_first(self, workspace: Workspace, admin: Account) -> tuple[Workspace, str]:
        """Create the first workspace with this admin unless one exists; return the existing one and the admin's id."""

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """One workspace."""

    async def add_workspace(self, workspace: Workspace, team: Team) -> None: ...

    async def update_workspace(self, workspace_id: str, changes: dict[str, Any]) -> Workspace:
        """Set these fields. Raises NotFound."""

    async def grants(self, user_id: str) -> tuple[Grant, ...]:
        """Return the user's workspaces with roles, oldest first."""

    async def team(self, workspace_id: str) -> Team:
        """Return a workspace's members. Raises NotFound."""

    async def replace_team(self, team: Team) -> bool:
        """Store the team if the stored revision is the one before; return whether it was."""

    async def add_invitation(self, invitation: Invitation) -> None: ...

    async def invitation(self, token_hash: str) -> Invitation | None:
        """Return the invitation with this token, open or not."""

    async def invitations(self, workspace_id: str) -> Sequence[Invitation]:
        """Return all invitations of a workspace."""

    async def admit(self, team: Team, invitation_id: str, now: datetime) -> bool:
        """Like `replace_team`, and consume the invitation in the same transaction.

        Raises NotFound for an invitation that is not open.
        """

    async def withdraw_invitation(self, workspace_id: str, invitation_id: str) -> bool:
        """Return whether the invitation existed."""
