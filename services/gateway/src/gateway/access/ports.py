"""Ports of access control: accounts, workspaces, keys, limits and audit entries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from gateway.access.domain.accounts import Account, User
from gateway.access.domain.credentials import ApiKey, Credential, Grant, Workspace
from gateway.access.domain.membership import Invitation, Team
from gateway.access.domain.sessions import Session
from gateway.access.plans import Rate
from shared.contracts.audit import AuditEntry, AuditPage, AuditQuery
from shared.contracts.messages import ControlMessage


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


class Accounts(Protocol):
    """Users and their sessions. Every method raises Unavailable."""

    async def add_account(self, account: Account) -> None:
        """Add an account. Raises Conflict when the address has one."""

    async def account_by_email(self, email: str) -> Account | None: ...

    async def account(self, user_id: str) -> Account | None: ...

    async def users(self, user_ids: list[str]) -> Sequence[User]:
        """Return those users that exist."""

    async def set_password(self, user_id: str, password_hash: str, *, only_if_none: bool = False) -> bool:
        """Return whether the password was set."""

    async def add_session(self, session: Session) -> None: ...

    async def session(self, token_hash: str) -> Session | None:
        """Return the session with this token, valid or not."""

    async def session_with_id(self, session_id: str) -> Session | None:
        """Return the session with this id under its newest token, valid or not."""

    async def rotate_session(self, old_hash: str, renewed: Session, *, old_until: datetime) -> bool:
        """Replace a session's token; return True for only one call per old token."""

    async def end_session(self, session_id: str) -> Sequence[str]:
        """Return the hashes of the revoked tokens."""

    async def end_sessions(self, user_id: str, *, but: str | None = None) -> Sequence[str]:
        """Like `end_session`, for all sessions of a user except the one with id `but`."""

    async def count_attempt(self, key: str, *, window_ends: datetime, by: int = 1) -> int:
        """Add `by` to a count, and return the count."""

    async def forget_attempts(self, key: str) -> None:
        """Reset a count."""


class Passwords(Protocol):
    """Password hashes.

    `address` is the request's address. Every method raises TooManyAttempts when an address requests too many
    concurrently, and Unavailable when all addresses together do.
    """

    async def hash(self, password: str, *, address: str | None = None) -> str: ...

    async def verify(self, password: str, password_hash: str | None, *, address: str | None = None) -> bool:
        """Return whether the password matches; for None, return False after the same time."""


class AuditEntries(Protocol):
    async def find(self, query: AuditQuery) -> AuditPage:
        """Return entries, newest first; fewer than requested if a search takes long. Raises Unavailable."""

    async def add(self, *entries: AuditEntry) -> None:
        """Store entries. Never raises: the action has already happened."""


class Control(Protocol):
    """Port of broadcasts."""

    async def broadcast(self, message: ControlMessage) -> None:
        """Raises Unavailable."""


class Keys(Protocol):
    """API keys, in the gateway's own database. Every method raises Unavailable."""

    async def find(self, key_hash: str) -> Credential | None:
        """Return the key with this hash and its access, valid or not."""

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """One workspace."""

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        """Store each key's last use; an older time never replaces a newer one."""

    async def has_keys(self, workspace_id: str) -> bool:
        """Return whether the workspace has any key, revoked ones included."""

    async def add_key(self, key: ApiKey) -> None:
        """Store a key. Raises Conflict when its owner has one of this name."""

    async def key(self, key_id: str) -> ApiKey | None:
        """Return one key, revoked or not."""

    async def keys_of(self, *, workspace_id: str | None, user_id: str | None) -> Sequence[ApiKey]:
        """Return the keys of a workspace or user that are not revoked, newest first."""

    async def change_key(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey | None:
        """Change the fields in `changes`; return the changed key, None if it is missing or revoked.

        Raises Conflict when its owner has another key of this name.
        """

    async def replace_key(self, old: ApiKey, retired: ApiKey, new: ApiKey) -> bool:
        """Store `new` under the name of `old`, and `old` as `retired`, in one transaction.

        Return False after a concurrent change, replacement or revocation of the old key.
        """

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Return whether the key was valid until now."""


class Tokens(NamedTuple):
    """Tokens granted by a bucket."""

    granted: int
    left: int
    resets_in: float
    """Seconds until the next refill."""
    began_ms: int
    """Start of the bucket's window, by the store's clock."""


class ObservedWindow(NamedTuple):
    """Window that the process measured by its monotonic clock. The store uses it when its own clock was set back."""

    began_ms: int
    """Window start, as the store reported it."""
    age_seconds: float
    """Minimum age of the window."""


class Buckets(Protocol):
    """Rate limit buckets, shared by all gateways. Every method raises Unavailable."""

    async def take(
        self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int, observed: ObservedWindow | None
    ) -> Tokens:
        """Return `returned` tokens, then take `needed` and up to `spare` more, or as many as there are."""

    async def peek(self, bucket: str, rate: Rate, observed: ObservedWindow | None) -> Tokens:
        """Return the bucket's state, taking nothing."""
