"""Callers who want to be told when their run has ended."""

import pytest
from tests.unit.gateway.system import System

URL = "https://example.com/done?x=1"
ASYNC = {"X-Execution-Mode": "async"}


async def test_a_queued_run_knows_whom_to_tell(system: System) -> None:
    assert (await system.execute({}, headers={**ASYNC, "X-Callback-Url": URL})).status == 202
    answer = await system.send("POST", "/api/v2/workflows/W/execute", {"async": True}, headers={"X-Callback-Url": URL})
    assert answer.status == 202
    assert [accepted.run.callback_url for accepted in system.jobs.accepted] == [URL, URL]


async def test_a_caller_who_waits_is_told_anyway(system: System) -> None:
    answer = await system.execute({}, headers={"X-Callback-Url": URL})
    assert (answer.status, answer.json["error"]) == (400, "X-Callback-Url is supported only for async runs")


@pytest.mark.parametrize("url", ["", "ftp://a", "https://", "https:///x", "https://a b", f"https://a/{'x' * 2048}"])
async def test_an_address_that_is_none_is_400(system: System, url: str) -> None:
    answer = await system.execute({}, headers={**ASYNC, "X-Callback-Url": url})
    assert (answer.status, answer.json["error"]) == (400, "Invalid callback URL header")
