"""Refusal of inputs that do not match the declared fields, for workflows with strict validation."""

from itertools import islice
from typing import Final

from gateway.runs.domain.controls import CONTROL_KEYS
from gateway.runs.domain.execute_request import ExecuteRequest
from gateway.workflows.application.endpoints import Interfaces
from shared.contracts.deployments import Endpoint
from shared.errors import InvalidRequest
from shared.workflow.format.input_validation import ALWAYS_ALLOWED, InputValidation, input_problems
from shared.workflow.format.js_values import MISSING, parse_json

ALLOWED: Final = ALWAYS_ALLOWED | CONTROL_KEYS
_MOST_IN_MESSAGE: Final = 5


class InputChecks:
    """Checks the inputs of calls. A workflow without strict validation costs nothing."""

    def __init__(self, interfaces: Interfaces) -> None:
        self._interfaces = interfaces

    async def check(self, endpoint: Endpoint, request: ExecuteRequest) -> None:
        """Raise InvalidRequest that lists every invalid field; NotFound, Unavailable."""
        if endpoint.input_validation != InputValidation.STRICT or not request.checks_input:
            return
        sent = parse_json(request.input.decode(errors="replace"))
        if sent is MISSING:
            return  # the worker reports it
        interface = (await self._interfaces.of(endpoint.workflow_id, request.version)).interface
        found = input_problems(interface.fields, sent, allowed=ALLOWED)
        if found:
            more = "; …" if len(found) > _MOST_IN_MESSAGE else ""
            text = "; ".join(problem.message.removesuffix(".") for problem in islice(found, _MOST_IN_MESSAGE))
            details = [{"path": [problem.name], "message": problem.message} for problem in found]
            raise InvalidRequest(f"Invalid input: {text}{more}", details=details)
