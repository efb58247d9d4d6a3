"""Draft revisions as ETags."""

from typing import Annotated, Final

from fastapi import Depends, Header

from shared.errors import InvalidRequest

_WEAK: Final = "W/"
"""Prefix that compressing proxies add to an ETag."""


def etag(revision: int) -> str:
    """Return a draft's revision as an ETag."""
    return f'"{revision}"'


def revision_in(if_match: str | None) -> int | None:
    """Return the revision a change requires; None for any. Raises InvalidRequest."""
    if if_match is None or if_match == "*":
        return None
    revision = if_match.removeprefix(_WEAK).removeprefix('"').removesuffix('"')
    if not (revision.isascii() and revision.isdigit() and len(revision) <= 15):
        raise InvalidRequest("If-Match must be the ETag of a draft")
    return int(revision)


def _known(
    if_none_match: Annotated[
        str | None, Header(max_length=50, description="ETag of a known draft; 304 if it is still the latest.")
    ] = None,
) -> int | None:
    try:
        return revision_in(if_none_match)
    except InvalidRequest:  # the ETag of another resource, or several
        return None


def _expected_by_save(
    if_match: Annotated[
        str | None,
        Header(max_length=50, description="ETag of the draft to replace; 409 if it was saved since."),
    ] = None,
) -> int | None:
    return revision_in(if_match)


def _expected_by_deploy(
    if_match: Annotated[
        str | None,
        Header(max_length=50, description="ETag of the draft to deploy; 412 if it was saved since."),
    ] = None,
) -> int | None:
    return revision_in(if_match)


KnownRevision = Annotated[int | None, Depends(_known)]
"""Revision that a reader knows."""
SaveRevision = Annotated[int | None, Depends(_expected_by_save)]
"""Revision that a save requires."""
DeployRevision = Annotated[int | None, Depends(_expected_by_deploy)]
"""Revision that a deploy requires."""
