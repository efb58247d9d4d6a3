"""Deleting all that is kept of a workflow, or of a workspace: asked again and again until there is nothing left."""

import msgspec


class Erase(msgspec.Struct, frozen=True, omit_defaults=True):
    """Delete some of what is kept of this workflow; without one, of the whole workspace.

    Nothing of it may be in use any more: a service stops first what it can. The same may be asked at any time again.
    """

    workspace_id: str
    workflow_id: str | None = None
    blob_ids: tuple[str, ...] = ()
    """Large values of the workspace that the asker had put by."""


class Erased(msgspec.Struct, frozen=True):
    """How many documents went this time. With `has_more`, ask again."""

    documents: int
    has_more: bool
