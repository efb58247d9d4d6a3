"""Large bodies are bounded in total, not only individually: many of them do not exhaust the process's memory."""

import asyncio
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from tests.support.eventually import eventually
from tests.support.gateway.system import Call, System, running_system
from tests.support.gateway.worker import Send

from gateway.settings import GatewaySettings
from shared.contracts.runs import RunSpec

LARGE = {"input": "x" * 100_000}
ROOM: dict[str, Any] = {"max_body_bytes": 200_000, "max_inflight_body_bytes": 300_000}
SMALL = {"input": "x" * 60_000}


async def _never_ends(run: RunSpec, send: Send) -> None:
    """Log nothing."""


def _call(system: System, body: dict[str, str], *, is_chunked: bool = False) -> Call:
    length = str(len(httpx2.Request("POST", "http://test", json=body).content))
    return system.execute_call(
        body, headers={"transfer-encoding": "chunked"} if is_chunked else {"content-length": length}
    )


@pytest.mark.parametrize("is_chunked", [False, True], ids=["announced", "chunked"])
async def test_one_large_body_too_many_is_refused_and_small_ones_are_not(is_chunked: bool) -> None:
    async with running_system(**ROOM) as system:
        system.worker.perform = _never_ends
        held = [_call(system, LARGE, is_chunked=is_chunked) for _ in range(2)]
        await eventually(lambda: len(system.worker.runs) == 2)

        refused = await _call(system, LARGE, is_chunked=is_chunked).done()
        assert (refused.status, refused.json["code"]) == (429, "ADMISSION_GATE_CAPACITY")
        assert refused.headers["retry-after"] == "5"
        system.worker.perform = None
        assert (await _call(system, SMALL, is_chunked=is_chunked).done()).status == 200

        await asyncio.gather(*(call.disconnect() for call in held))
        assert (await _call(system, LARGE, is_chunked=is_chunked).done()).status == 200


async def test_a_large_body_that_was_refused_takes_no_room() -> None:
    async with running_system(**ROOM) as system:
        for _ in range(5):
            assert (await system.execute_call(LARGE, key="unknown").done()).status == 401
            assert (await _call(system, {"input": "x" * 300_000}).done()).status == 413
        assert (await _call(system, LARGE).done()).status == 200


def test_there_is_room_for_the_largest_body() -> None:
    with pytest.raises(
        ValidationError, match="FLOWPORT_MAX_INFLIGHT_BODY_BYTES must be at least FLOWPORT_MAX_BODY_BYTES"
    ):
        GatewaySettings(max_body_bytes=200_000, max_inflight_body_bytes=100_000)
