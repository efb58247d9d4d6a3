"""Requests for the engine, by the names of their fields."""

from typing import Any, Final

from executor_service.engine import RunRequest
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, SnapshotRef

_SPEC_FIELDS: Final = frozenset(RunSpec.__struct_fields__) - {"input", "run_from"}


def run_request(workspace_id: str, workflow_id: str, **fields: Any) -> RunRequest:
    """Return a request. `input` is the parsed body; other fields are those of RunSpec and RunRequest."""
    spec: dict[str, Any] = {
        "snapshot": SnapshotRef(workspace_id, workflow_id, "snapshot"),
        "mode": RunMode.SYNC,
        "input": Payload(),
        **{name: fields.pop(name) for name in _SPEC_FIELDS & fields.keys()},
    }
    return RunRequest(spec=RunSpec(**spec), **fields)
