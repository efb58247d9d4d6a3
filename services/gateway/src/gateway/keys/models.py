"""Request and response bodies of API keys."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from gateway.keys.service import MAX_OVERLAP
from gateway.web.bodies import Done, Name, RequestBody, Wire

KeyRateLimit = Annotated[
    int | None,
    Field(ge=1, le=1_000_000_000, description="Calls of each kind per window; the workspace's limits also apply."),
]


ScopeName = Literal["execute", "read", "write", "deploy", "approve", "admin"]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class KeyBody(RequestBody):
    """A new API key. Unknown fields are refused, as a misspelt restriction would restrict nothing."""

    model_config = ConfigDict(strict=False, extra="forbid", alias_generator=to_camel)

    name: Name
    source: str | None = Field(None, max_length=100, description="Sent by Sim's clients; ignored.")
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=6)] = Field(["execute", "read"])
    workflow_ids: list[Annotated[str, StringConstraints(max_length=128)]] | None = Field(
        None, min_length=1, max_length=500, description="Workflows that the key is limited to; all if omitted."
    )
    expires_at: Moment | None = None
    rate_limit: KeyRateLimit = None


class KeyChangeBody(RequestBody):
    """Changes to a key. Its scopes cannot change: create another key instead."""

    name: Name | None = None
    rate_limit: KeyRateLimit = None


class RotateBody(RequestBody):
    """Time for which the old key stays valid."""

    overlap_seconds: int = Field(0, ge=0, le=int(MAX_OVERLAP.total_seconds()))


class KeysBody(RequestBody):
    """Keys to revoke."""

    keys: list[Annotated[str, StringConstraints(max_length=128)]] = Field(min_length=1, max_length=500)


class KeyRow(Wire):
    """Key without its secret."""

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
    """New key."""

    key: str = Field(description="Key in clear text, shown only once.")


class KeyRows(Wire):
    keys: list[KeyRow]


class KeyAnswer(Wire):
    key: KeyRow


class NewKeyAnswer(Wire):
    key: NewKey


class Revoked(Done):
    deleted_count: int
