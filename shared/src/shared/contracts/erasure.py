"""Deletion of all data of a workflow or a workspace, in repeated requests until none is left."""

import msgspec


class Erase(msgspec.Struct, frozen=True, omit_defaults=True):
    """Delete a batch of the data of a workflow, or of the whole workspace if `workflow_id` is None.

    The data must not be in use: a service first stops the runs that use it. The request is idempotent.
    """

    workspace_id: str
    workflow_id: str | None = None
    blob_ids: tuple[str, ...] = ()
    """Large values of the workspace that the requester stored."""


class ExpiredWorkflows(msgspec.Struct, frozen=True):
    """Deleted workflows that can no longer be restored, and whose data must be deleted."""

    workflows: tuple[Erase, ...]


class Erased(msgspec.Struct, frozen=True):
    """Number of documents deleted. With `has_more`, repeat the request."""

    documents: int
    has_more: bool
