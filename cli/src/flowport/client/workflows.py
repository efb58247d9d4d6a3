"""Import of workflow files."""

from typing import Any

from flowport.client.api_client import ApiClient, JsonObject, api_path


def import_file(client: ApiClient, document: Any, *, name: str | None = None) -> JsonObject:
    """Create a workflow from a workflow file's content. `name` overrides the file's name. Raises CommandFailed."""
    body = {"workspaceId": client.workspace_id, "workflow": document, **({"name": name} if name else {})}
    created: JsonObject = client.call("POST", api_path("v1", "workflows", "import"), body=body)["data"]
    return created
