"""Workflows at the public door."""

from typing import Any

from flowport.client.door import Door, JsonObject, path


def import_file(door: Door, document: Any, *, name: str | None = None) -> JsonObject:
    """Make a workflow of a file's content, under another name than the file's if one is given. Raises CommandFailed."""
    body = {"workspaceId": door.workspace_id, "workflow": document, **({"name": name} if name else {})}
    made: JsonObject = door.call("POST", path("v1", "workflows", "import"), body=body)["data"]
    return made
