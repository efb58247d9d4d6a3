"""The gateway conforms to its OpenAPI document for any input: no server error, no undeclared status."""

import asyncio
import math
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.core.result import Ok
from tests.support.keys import new_workspace
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, function, start, workflow

from flowport.local.stack import Stack

CASES = [
    ("key", 600),
    ("no key", 100),
    pytest.param("key", 1_000, marks=pytest.mark.full),
    pytest.param("no key", 300, marks=pytest.mark.full),
]
"""Credentials and numbers of requests. Without a key, few get past the authentication."""
SERVER_ERROR = 500
"""Every dependency is up and no queue is full, so no 503 is acceptable, although all may be declared."""
AT_ONCE = 8
"""Deploys and similar operations answer a second after completion; others need not wait for them."""
ANSWER_SECONDS = 20
NOT_HERE = ("/api/auth/sign-in/email",)
"""Attempts are counted by address: many of them would lock the other tests out."""
Operation = Any


async def a_workflow(stack: Stack) -> tuple[str, dict[str, str]]:
    """Create a key of a separate workspace, and the values for the parameters of paths."""
    workspace_id, key = await new_workspace(stack)
    api = PublicApi(stack.url, key, workspace_id)
    file = workflow("Fuzzed", [start(q="string"), function("f1", "return <start.q>")], (START, "f1"))
    workflow_id = await api.publish(file)
    queued = await api.queue(workflow_id, {"q": "x"})
    await api.ended_job(queued["jobId"])
    run_id = queued["executionId"]
    agent = (await api.http.post("/api/a2a/agents", json={"workflowId": workflow_id})).raise_for_status().json()
    await api.close()
    return key, {
        "workflow_id": workflow_id,
        "workspace_id": workspace_id,
        "job_id": queued["jobId"],
        "run_id": run_id,
        "execution_id": run_id,
        "version": "1",
        "agent_id": agent["id"],
    }


async def described_operations(stack: Stack) -> list[Operation]:
    """Return the operations as the gateway describes them."""
    async with httpx2.AsyncClient(base_url=stack.url, timeout=60) as http:
        described = (await http.get("/openapi.json")).raise_for_status().json()
    results = list(schemathesis.openapi.from_dict(described).get_all_operations())
    assert all(isinstance(result, Ok) for result in results), "a description that cannot be read"
    found = [result.ok() for result in results if isinstance(result, Ok)]
    return [operation for operation in found if operation.path not in NOT_HERE]


def announced(operation: Operation) -> set[int]:
    """Return the statuses that the operation lists explicitly."""
    return {int(status) for status in operation.definition.raw["responses"] if status.isdigit()}


def _tells_of_a_run(answer: requests.Response) -> bool:
    """Return whether the status is a server error, other than that of a failing workflow."""
    return answer.status_code == SERVER_ERROR and b'"metadata":{"duration"' in answer.content


class Fuzz:
    """Generates cases in sequence, and sends them concurrently.

    Most have `known` values as the parameters of their paths. The sending threads do not use schemas and cases: those
    change while cases are generated.
    """

    def __init__(self, url: str, key: str | None, known: dict[str, str], senders: Executor) -> None:
        self._url = url
        self._headers = {"Connection": "close", **({"x-api-key": key} if key else {})}
        self._known = known
        self._senders = senders
        self._sent: list[Future[str | None]] = []

    def send(self, operation: Operation, cases: int) -> None:
        """Generate `cases` cases of one operation."""
        expected = announced(operation)

        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(), st.integers(0, 2**32))
        def one(case: Case[Any], dice: int) -> None:
            if dice % 4:
                known = {name: value for name, value in self._known.items() if name in case.path_parameters}
                case.path_parameters = {**case.path_parameters, **known}
            case.headers.pop("x-api-key", None)
            request = case.as_transport_kwargs(base_url=self._url, headers=self._headers)
            self._sent.append(self._senders.submit(_problem, request, expected))

        one()

    def findings(self) -> list[str | None]:
        """Return the violations of each answer."""
        return [sent.result() for sent in self._sent]


def _problem(request: dict[str, Any], expected: set[int]) -> str | None:
    answer = requests.request(**request, timeout=ANSWER_SECONDS, allow_redirects=False)
    if answer.status_code in expected and (answer.status_code < SERVER_ERROR or _tells_of_a_run(answer)):
        return None
    text = answer.content[:200].decode(errors="replace")
    return f"{request['method']} {request['url']}: {answer.status_code} {text}"


@pytest.mark.parametrize(("credential", "cases"), CASES)
async def test_every_response_is_documented_in_openapi(stack: Stack, credential: str, cases: int) -> None:
    key, known = await a_workflow(stack)
    operations = await described_operations(stack)
    of_each = math.ceil(cases / len(operations))

    def all_of_them() -> list[str | None]:
        with ThreadPoolExecutor(AT_ONCE) as senders:
            fuzz = Fuzz(stack.url, key if credential == "key" else None, known, senders)
            for operation in operations:
                fuzz.send(operation, of_each)
            return fuzz.findings()

    findings = await asyncio.to_thread(all_of_them)
    assert [finding for finding in findings if finding] == []
    assert len(findings) >= cases


async def test_no_operation_hides_its_statuses(stack: Stack) -> None:
    async with httpx2.AsyncClient(base_url=stack.url, timeout=60) as http:
        described = (await http.get("/openapi.json")).raise_for_status().json()
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) > 60
    for name, operation in operations.items():
        statuses = set(operation["responses"])
        assert any(status.startswith("2") for status in statuses), name
        assert "503" in statuses, name
