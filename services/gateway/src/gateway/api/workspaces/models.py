"""The bodies of everything about a workspace but its workflows."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from gateway.api.bodies import AskedFor, Wire
from gateway.application.api_keys import MAX_OVERLAP
from gateway.domain.people import Role

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
RoleName = Literal["read", "write", "admin"]
KeyRateLimit = Annotated[
    int | None,
    Field(ge=1, le=1_000_000_000, description="Calls of each kind per window; the workspace's limits hold as well."),
]
ScopeName = Literal["execute", "read", "write", "deploy", "approve", "admin"]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("This moment is too far away") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class WorkspaceBody(AskedFor):
    """A new workspace."""

    name: Name


class WorkspaceChangeBody(AskedFor):
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


class RoleBody(AskedFor):
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


class TokenBody(AskedFor):
    """What stands behind `#` in the link."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AcceptBody(TokenBody):
    """The link's token, and who comes; nobody need say so who is signed in."""

    email: Annotated[str, StringConstraints(max_length=320)] | None = None
    name: Name | None = None
    password: Annotated[str, StringConstraints(max_length=1000)] | None = None


class InvitationLook(Wire):
    """What a link leads to."""

    workspace_id: str
    workspace_name: str
    email: str | None
    role: RoleName
    expires_at: str


class KeyBody(AskedFor):
    """A new API key. A misspelt restriction would be none: keys that we do not know are refused."""

    model_config = ConfigDict(strict=False, extra="forbid", alias_generator=to_camel)

    name: Name
    source: str | None = Field(
        None, max_length=100, description="What Sim's clients send along; nothing is done with it."
    )
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=6)] = Field(["execute", "read"])
    workflow_ids: list[Annotated[str, StringConstraints(max_length=128)]] | None = Field(
        None, min_length=1, max_length=500, description="The workflows that it is for; all of them when not given."
    )
    expires_at: Moment | None = None
    rate_limit: KeyRateLimit = None


class KeyChangeBody(AskedFor):
    """What to change of a key. What it may do stays: that would be another key."""

    name: Name | None = None
    rate_limit: KeyRateLimit = None


class RotateBody(AskedFor):
    """How long the old key stays good."""

    overlap_seconds: int = Field(0, ge=0, le=int(MAX_OVERLAP.total_seconds()))


class KeysBody(AskedFor):
    """The keys to revoke."""

    keys: list[Annotated[str, StringConstraints(max_length=128)]] = Field(min_length=1, max_length=500)


class KeyRow(Wire):
    """A key as it may be shown."""

    id: str
    name: str
    display_key: str
    scopes: list[ScopeName]
    workflow_ids: list[str] | None
    created_at: str
    created_by: str
    last_used: str | None
    expires_at: str | None
    rate_limit: int | None


class NewKey(KeyRow):
    """A key that was just made."""

    key: str = Field(description="In clear, this once.")


class KeyRows(Wire):
    keys: list[KeyRow]


class KeyAnswer(Wire):
    key: KeyRow


class NewKeyAnswer(Wire):
    key: NewKey


class Done(Wire):
    success: Literal[True] = True


class Revoked(Done):
    deleted_count: int


class ValueBody(AskedFor):
    """A value; it is never read back."""

    value: Annotated[str, StringConstraints(max_length=65_536)]


class ValuesBody(AskedFor):
    """Values by name."""

    variables: dict[str, Annotated[str, StringConstraints(max_length=65_536)]] = Field(max_length=100)


class ValueName(Wire):
    """That there is a value."""

    name: str
    updated_at: str
    updated_by: str


class ValueNames(Wire):
    data: list[ValueName]


class AuditRow(Wire):
    """Who did what."""

    id: str
    at: str
    actor: dict[str, str]
    action: str
    target_id: str
    target_name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditRows(Wire):
    data: list[AuditRow]
    next_cursor: str | None
