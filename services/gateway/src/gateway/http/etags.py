"""The revision of a draft, as HTTP spells it."""

from typing import Annotated, Final

from fastapi import Depends, Header

from shared.errors import InvalidRequest

_WEAK: Final = "W/"
"""What proxies that compress answers put before an ETag."""


def etag(revision: int) -> str:
    """A draft's revision as an ETag."""
    return f'"{revision}"'


def revision_in(if_match: str | None) -> int | None:
    """The revision that a change must find; None when it takes any. Raises InvalidRequest."""
    if if_match is None or if_match == "*":
        return None
    revision = if_match.removeprefix(_WEAK).removeprefix('"').removesuffix('"')
    if not (revision.isascii() and revision.isdigit() and len(revision) <= 15):
        raise InvalidRequest("If-Match must be the ETag of a draft")
    return int(revision)


def _to_save_over(
    if_match: Annotated[
        str | None,
        Header(max_length=50, description="The draft's ETag: a draft that was saved since is not replaced (409)."),
    ] = None,
) -> int | None:
    return revision_in(if_match)


def _to_deploy(
    if_match: Annotated[
        str | None,
        Header(max_length=50, description="The draft's ETag: a draft that was saved since is not deployed (412)."),
    ] = None,
) -> int | None:
    return revision_in(if_match)


SavedOver = Annotated[int | None, Depends(_to_save_over)]
"""The revision that a save must find."""
Seen = Annotated[int | None, Depends(_to_deploy)]
"""The revision that a deploy must find."""
