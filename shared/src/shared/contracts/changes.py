"""Differences between two workflow states."""

from enum import StrEnum
from typing import Any

import msgspec


class ChangeKind(StrEnum):
    """Type of change and changed object."""

    BLOCK_ADDED = "block_added"
    BLOCK_REMOVED = "block_removed"
    BLOCK_RENAMED = "block_renamed"
    BLOCK_CHANGED = "block_changed"
    EDGE_ADDED = "edge_added"
    EDGE_REMOVED = "edge_removed"
    CONTAINER_CHANGED = "container_changed"
    VARIABLE_ADDED = "variable_added"
    VARIABLE_REMOVED = "variable_removed"
    VARIABLE_CHANGED = "variable_changed"


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference. `before` and `after` are JSON, set if a value changed."""

    kind: ChangeKind
    summary: str
    """One line for people, without the values."""
    block_id: str | None = None
    block_name: str | None = None
    field: str | None = None
    before: Any = None
    after: Any = None
