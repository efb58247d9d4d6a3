"""An agent's response format: the JSON schema of its answer."""

from typing import Final

import msgspec

from shared.workflow.format.js_values import Json, JsonObject, parse_json
from shared.workflow.format.paths import OutputField, Outputs

DEFAULT_NAME: Final = "response_schema"


class ResponseFormat(msgspec.Struct, frozen=True):
    """A named schema for model APIs."""

    name: str
    schema: JsonObject
    strict: bool = True

    @property
    def outputs(self) -> Outputs:
        """Return the schema's top-level fields, the only ones that references to such an agent may use."""
        properties = self.schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        return {name: _field(schema) for name, schema in properties.items()}


def read_response_format(value: Json) -> ResponseFormat | None:
    """Return the format of a stored `responseFormat`.

    It is JSON text or an object, `{name, schema, strict}` or a bare schema. Anything else is ignored.
    """
    document = parse_json(value) if isinstance(value, str) else value
    if not isinstance(document, dict) or not document:
        return None
    wrapped = document.get("json_schema")
    if isinstance(wrapped, dict):
        document = wrapped
    schema, name = document.get("schema"), document.get("name")
    if not isinstance(schema, dict):
        return ResponseFormat(DEFAULT_NAME, document)
    return ResponseFormat(
        name if isinstance(name, str) and name else DEFAULT_NAME, schema, document.get("strict") is not False
    )


def _field(schema: Json) -> OutputField:
    kind = schema.get("type") if isinstance(schema, dict) else None
    description = schema.get("description") if isinstance(schema, dict) else None
    return OutputField(
        type=kind if isinstance(kind, str) else "any",
        description=description if isinstance(description, str) else "",
    )
