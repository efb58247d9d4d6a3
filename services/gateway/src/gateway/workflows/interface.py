"""Inputs and outputs of a workflow for its callers."""

import base64
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from shared.workflow.catalog import Catalog
from shared.workflow.compile.selectors import selector_beginnings
from shared.workflow.format.input_format import InputField
from shared.workflow.format.input_validation import ALWAYS_ALLOWED
from shared.workflow.format.js_values import MISSING, Json, JsonObject, object_of
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.paths import OutputField, Outputs
from shared.workflow.format.start import coerce, input_fields

_FILE: Final = base64.b64encode(b"Hello from a file.").decode()


_EXAMPLES: Final[Mapping[str, Json]] = {
    "string": "example",
    "number": 42,
    "boolean": True,
    "object": {"key": "value"},
    "array": [1, 2, 3],
    "file[]": [{"type": "file", "name": "hello.txt", "mime": "text/plain", "data": f"data:text/plain;base64,{_FILE}"}],
}


class BlockOutputs(msgspec.Struct, frozen=True):
    """Block with selectable outputs."""

    block_id: str
    block_name: str
    block_type: str
    selector: str
    """Prefix of its output selectors: `agent_1`, or the block's id without a unique name."""
    fields: Outputs


class Interface(msgspec.Struct, frozen=True):
    """Fields of the start block, and selectable outputs of the blocks that run."""

    fields: tuple[InputField, ...]
    outputs: tuple[BlockOutputs, ...]

    def example_input(self) -> JsonObject:
        """Return an example body."""
        if not self.fields:
            return {"input": "your data here"}
        return {field.name: example_of(field) for field in self.fields}

    def default_selection(self) -> tuple[str, ...]:
        """Return the output that most callers want streamed: the first agent's text, if any."""
        agents = (block for block in self.outputs if block.block_type == "agent")
        return tuple(f"{block.selector}.content" for block in agents)[:1]


def example_of(field: InputField) -> Json:
    """Return the field's default, otherwise a value of its type."""
    default = None if field.value == "" else coerce(field.value, field.type)
    return _EXAMPLES.get(field.type, "example") if default in (None, MISSING) else default


def read_interface(state: WorkflowState, catalog: Catalog) -> Interface:
    """Return the interface of the workflow."""
    return Interface(input_fields(state), tuple(_outputs(state, catalog)))


def _outputs(state: WorkflowState, catalog: Catalog) -> Iterator[BlockOutputs]:
    beginnings = selector_beginnings(state)
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or spec.is_trigger or spec.is_container or not block.enabled:
            continue
        outputs = spec.declared_outputs(block)
        yield BlockOutputs(block.id, block.name, block.type, beginnings[block.id], outputs)


_FILE_SCHEMA: Final[JsonObject] = {
    "type": "object",
    "required": ["data", "name"],
    "properties": {
        "type": {"type": "string", "enum": ["file", "url"]},
        "data": {"type": "string", "description": "A data: URL, or a URL from which the file can be fetched."},
        "name": {"type": "string"},
        "mime": {"type": "string"},
    },
}


_SCHEMAS: Final[Mapping[str, JsonObject]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "array": {"type": "array", "items": {}},
    "file[]": {"type": "array", "items": _FILE_SCHEMA},
}


_ERROR: Final[JsonObject] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string"},
        "code": {"type": "string"},
        "retryAfterSeconds": {"type": "integer"},
    },
}


_REFUSALS: Final = {
    "400": "The request is invalid.",
    "401": "The API key is missing or invalid.",
    "402": "The workspace has reached its spend limit.",
    "403": "The key has no access to the workflow, or it is not deployed.",
    "404": "The workflow does not exist.",
    "408": "The run took too long.",
    "409": "The run id was used before.",
    "413": "The body is larger than 10 MiB.",
    "429": "Too many calls; Retry-After says when to try again.",
    "500": "The run failed.",
    "503": "The system is at capacity, or a dependency is unavailable.",
}


def workflow_openapi(
    interface: Interface,
    *,
    base_url: str,
    workflow_id: str,
    title: str,
    description: str,
    version: int,
    is_live: bool,
    is_public: bool,
    is_strict: bool = False,
) -> JsonObject:
    """Return the document. Calls run the live version; a header that it describes selects another."""
    body: JsonObject = {"schema": _body(interface, is_strict=is_strict), "example": interface.example_input()}
    operation: JsonObject = {
        "operationId": "execute",
        "summary": title,
        "description": description,
        "parameters": _parameters(None if is_live else version),
        "requestBody": {"content": {"application/json": body}},
        "responses": {**_successes(interface), **_failures()},
        "security": [*([{}] if is_public and is_live else []), {"key": []}, {"bearer": []}],
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "description": description, "version": str(version)},
        "servers": [{"url": base_url}],
        "paths": {f"/api/workflows/{workflow_id}/execute": {"post": operation}},
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            }
        },
    }


def _parameters(pinned: int | None) -> list[Json]:
    mode: JsonObject = {"type": "string", "enum": ["async"]}
    parameters: list[Json] = [
        {"name": "X-Execution-Mode", "in": "header", "schema": mode, "description": "Queue the run; needs a key."}
    ]
    if pinned is not None:
        schema: JsonObject = {"type": "string", "const": str(pinned)}
        text = "Version to run instead of the live one."
        parameters.append(
            {"name": "X-Workflow-Version", "in": "header", "required": True, "schema": schema, "description": text}
        )
    return parameters


def input_schema(
    interface: Interface, descriptions: Mapping[str, str] | None = None, *, is_strict: bool = False
) -> JsonObject:
    """Return the input's JSON schema; `descriptions` override those of the start block's fields.

    With strict validation, callers may send no other fields.
    """
    properties = _properties(interface, descriptions or {})
    if is_strict:
        properties |= {name: {} for name in sorted(ALWAYS_ALLOWED) if name not in properties}
    required: list[Json] = [field.name for field in interface.fields if field.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": not is_strict}


def _properties(interface: Interface, descriptions: Mapping[str, str]) -> JsonObject:
    declared = interface.fields or (InputField(name="input", description="Input of the workflow."),)
    return {field.name: _field(field, descriptions.get(field.name)) for field in declared}


def _body(interface: Interface, *, is_strict: bool) -> JsonObject:
    schema = input_schema(interface, is_strict=is_strict)
    fields = object_of(schema["properties"])
    selectors: list[Json] = [f"{block.selector}.{name}" for block in interface.outputs for name in block.fields]
    controls: JsonObject = {
        "stream": {"type": "boolean", "default": False, "description": "Answer with a stream."},
        "selectedOutputs": {
            "type": "array",
            "items": {"type": "string"},
            "examples": [selectors],
            "description": "Outputs that the stream includes.",
        },
    }
    return {**schema, "properties": {**fields, **{name: controls[name] for name in controls if name not in fields}}}


def _field(field: InputField, description: str | None) -> JsonObject:
    schema: JsonObject = {**_SCHEMAS.get(field.type, {}), "examples": [example_of(field)]}
    if text := description or field.description:
        schema["description"] = text
    if field.value not in (None, ""):
        schema["default"] = example_of(field)
    return schema


def _successes(interface: Interface) -> JsonObject:
    result: JsonObject = {
        "type": "object",
        "required": ["success", "output"],
        "properties": {
            "success": {"type": "boolean"},
            "executionId": {"type": "string"},
            "output": _any_of(interface.outputs),
            "metadata": {
                "type": "object",
                "properties": {
                    "duration": {"type": "integer", "description": "Milliseconds."},
                    "startTime": {"type": "string", "format": "date-time"},
                    "endTime": {"type": "string", "format": "date-time"},
                },
            },
        },
    }
    queued: JsonObject = {
        "type": "object",
        "required": ["jobId", "executionId", "statusUrl"],
        "properties": {name: {"type": "string"} for name in ("jobId", "executionId", "statusUrl")},
    }
    return {
        "200": {
            "description": "Result of the run, or its stream. A Response block defines its own answer.",
            "content": {
                "application/json": {"schema": result},
                "text/event-stream": {"schema": {"type": "string"}},
            },
        },
        "202": {"description": "The run is queued.", "content": {"application/json": {"schema": queued}}},
    }


def _failures() -> JsonObject:
    content: JsonObject = {"application/json": {"schema": _ERROR}}
    return {status: {"description": text, "content": content} for status, text in _REFUSALS.items()}


def _any_of(blocks: tuple[BlockOutputs, ...]) -> JsonObject:
    """Return a schema of any block's output: which block runs last depends on the run."""
    schemas: list[Json] = [{"title": block.block_name, **_object(block.fields)} for block in blocks]
    return {"description": "Output of the last block that ran.", **({"anyOf": [*schemas, {}]} if schemas else {})}


def _object(fields: Outputs) -> JsonObject:
    return {"type": "object", "properties": {name: _output(field) for name, field in fields.items()}}


def _output(field: OutputField) -> JsonObject:
    schema: JsonObject = _object(field.fields) if field.fields else dict(_SCHEMAS.get(field.type, {}))
    return {**schema, "description": field.description} if field.description else schema
