"""Sets workflow variables for the rest of the run."""

from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs
from shared.workflow.format.js_values import Json, JsonObject, to_string
from shared.workflow.format.models import Variable
from shared.workflow.format.variables import assigned_value


class VariablesHandler(BlockHandler):
    """Selects a variable by id, else by exact name. An unknown one appears only in the output."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Convert each value to its type and assign it."""
        output: JsonObject = {}
        assignments: JsonObject = {}
        for entry in _entries(inputs.params.get("variables")):
            name, kind = to_string(entry.get("variableName") or "").strip(), to_string(entry.get("type") or "plain")
            variable = _variable(call, to_string(entry.get("variableId") or ""), name)
            value = _convert(name, variable.type if variable else kind, entry.get("value"))
            output[name] = value
            if variable is not None:
                assignments[variable.id] = value
        return BlockResult(output, assignments)


def _entries(value: Json) -> list[JsonObject]:
    entries = value if isinstance(value, list) else []
    return [
        entry for entry in entries if isinstance(entry, dict) and to_string(entry.get("variableName") or "").strip()
    ]


def _variable(call: Call, variable_id: str, name: str) -> Variable | None:
    variables = call.workflow.state.variables
    return variables.get(variable_id) or next((v for v in variables.values() if v.name == name), None)


def _convert(name: str, kind: str, value: Json) -> Json:
    try:
        return assigned_value(name, kind, value)
    except ValueError as error:
        raise BlockFailure(f"Variables block execution failed: {error}") from error
