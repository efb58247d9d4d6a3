"""Recognition of exports of other systems, which cannot be imported."""

from typing import Final, NamedTuple

from shared.workflow.format.js_values import Json, object_of


class OtherSystem(NamedTuple):
    """A system whose exports are recognized, and the page that says how to rebuild them."""

    name: str
    page: str

    @property
    def message(self) -> str:
        """Return why the file is refused, and what to do."""
        return (
            f"This file is an export of {self.name}, which cannot be imported. "
            f"Rebuild the workflow: {self.page} lists the equivalents and converts an example"
        )


N8N: Final = OtherSystem("n8n", "docs/migrate/n8n.md")
LANGFLOW: Final = OtherSystem("Langflow", "docs/migrate/langflow.md")


def recognize(document: Json) -> OtherSystem | None:
    """Return the system that wrote a document, or None. An export of several workflows is a list."""
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict) or "blocks" in first:
        return None
    if isinstance(first.get("nodes"), list) and isinstance(first.get("connections"), dict):
        return N8N
    flows = first.get("flows")
    flow = flows[0] if isinstance(flows, list) and flows else first
    graph = object_of(object_of(flow).get("data"))
    if isinstance(graph.get("nodes"), list) and isinstance(graph.get("edges"), list):
        return LANGFLOW
    return None
