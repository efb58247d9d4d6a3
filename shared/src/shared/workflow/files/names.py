"""Names in workflow files: keys of blocks, and the ids that follow from them."""

from typing import Final
from uuid import UUID, uuid5

_NAMESPACE: Final = UUID("6d1f4c1e-6a3b-5f0e-9d5e-3b1c2a7e4f80")

TOP_KEYS: Final = ("name", "description", "variables", "blocks", "edges", "edgeIds")
BLOCK_KEYS: Final = (
    "type",
    "name",
    "id",
    "enabled",
    "inputs",
    "branches",
    "blocks",
    "start",
    "next",
    "on_error",
    "retry",
    "settings",
    "blockData",
    "layout",
    "advancedMode",
    "triggerMode",
    "errorEnabled",
    "horizontalHandles",
)
"""Keys of a block that are no settings."""
FLAGS: Final = {"advancedMode": False, "triggerMode": False, "errorEnabled": False, "horizontalHandles": True}
"""Switches of the editor, with their defaults."""
CONTAINER_KEYS: Final = {
    "loop": ("count", "collection", "while", "do_while"),
    "parallel": ("count", "collection", "batchSize"),
}
"""Further keys of a loop or parallel that are no settings."""
TYPE_ALIASES: Final = {"start": "start_trigger"}
TERMINAL: Final = frozenset({"response", "condition", "router_v2", "router"})
"""Types that the next block in the file does not follow by order."""
BRANCHING: Final = {"condition": "conditions", "router_v2": "routes"}
"""Types with branches, and the setting that stores them."""


def block_id(key: str) -> str:
    """Return the id of a block without one in the file. The same file always gives the same ids."""
    return str(uuid5(_NAMESPACE, f"block:{key}"))


def variable_id(name: str) -> str:
    """Return the id of a variable without one in the file."""
    return str(uuid5(_NAMESPACE, f"variable:{name}"))


def edge_id(source: str, handle: str | None, target: str, into: str | None = "target") -> str:
    """Return the id of an edge without one in the file or the draft."""
    end = target if into == "target" else f"{target}:{into}"
    return str(uuid5(_NAMESPACE, f"edge:{source}:{handle or ''}:{end}"))
