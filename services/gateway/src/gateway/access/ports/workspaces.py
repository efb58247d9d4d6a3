"""Workspaces, their members and invitations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway.access.domain.credentials import Grant, Workspace
from gateway.access.domain.membership import Invitation, Team
from gateway.access.domain.people import Account


class Workspaces(Protocol):
    """Workspaces, their members and invitations. Every method raises Unavailable."""

    async def found(self, workspace: Workspace, admin: Account) -> tuple[Workspace, str]:
        """Make this the first workspace, with this admin, unless there is one; returns what is, and the admin's id."""
        ...

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """One workspace."""
        ...

    async def add_workspace(self, workspace: Workspace, team: Team) -> None:
        """Keep a new one."""
        ...

    async def update_workspace(self, workspace_id: str, changes: dict[str, Any]) -> Workspace:
        """Set these fields. Raises NotFound."""
        ...

    async def grants(self, user_id: str) -> tuple[Grant, ...]:
        """Where the user may go, oldest workspace first."""
        ...

    async def team(self, workspace_id: str) -> Team:
        """Raises NotFound."""
        ...

    async def replace_team(self, team: Team) -> bool:
        """Keep it if the stored one is of the revision before; says whether it did."""
        ...

    async def add_invitation(self, invitation: Invitation) -> None:
        """Keep a new one."""
        ...

    async def invitation(self, token_hash: str) -> Invitation | None:
        """The one with this token, open or not."""
        ...

    async def invitations(self, workspace_id: str) -> Sequence[Invitation]:
        """All of a workspace."""
        ...

    async def admit(self, team: Team, invitation_id: str, now: datetime) -> bool:
        """As `replace_team`, and the invitation is used up with it: both, or neither.

        Raises NotFound for an invitation that is not open any more.
        """
        ...

    async def withdraw_invitation(self, workspace_id: str, invitation_id: str) -> bool:
        """Says whether it was there."""
        ...
