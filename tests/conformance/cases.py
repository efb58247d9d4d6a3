"""The cases: workflows, requests, and the results that a running Sim gave."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "engine-cases.json"
HTTP_PLACEHOLDER = "localhost:4001"
"""Placeholder of the stub server's address in the data; the runner inserts the real one."""


@dataclass(frozen=True)
class Expected:
    """Expected result of a case. `output` None: the run was refused before it had one."""

    success: bool
    output: Any
    error: str | None
    block_order: tuple[str, ...]
    status: str | None


@dataclass(frozen=True)
class Case:
    """A workflow, a request, the answers of outside servers, and the expected result."""

    id: str
    area: str
    description: str
    flags: frozenset[str]
    request: dict[str, Any]
    environment: dict[str, str]
    stubs: dict[str, Any]
    workflow: dict[str, Any]
    expected: Expected

    def at(self, http_address: str) -> "Case":
        """Return the case with the stub server's real address."""
        raw = json.loads(json.dumps(_RAW[self.id]).replace(HTTP_PLACEHOLDER, http_address))
        return _case(raw)


def _case(raw: dict[str, Any]) -> Case:
    expect = raw["expect"]
    return Case(
        id=raw["id"],
        area=raw["area"],
        description=raw["desc"],
        flags=frozenset(raw["flags"]),
        request=raw["request"],
        environment=raw["env"],
        stubs=raw["stubs"],
        workflow=raw["workflow"],
        expected=Expected(
            success=expect["success"],
            output=expect["output"],
            error=expect.get("error"),
            block_order=tuple(expect["blockOrder"]),
            status=expect.get("status"),
        ),
    )


_RAW: dict[str, dict[str, Any]] = {raw["id"]: raw for raw in json.loads(DATA.read_text())}
CASES = {case_id: _case(raw) for case_id, raw in _RAW.items()}
