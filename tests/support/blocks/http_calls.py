"""Runs one HTTP block in a workflow."""

from typing import Any

from tests.support.blocks.runs import INPUT, engine_of, run
from tests.support.http_stub import HttpStub
from tests.support.workflow_states import block, chain

from executor_service.blocks.http import ApiHandler
from executor_service.engine import BlockHandler, RunResult
from shared.net import OutboundClient


async def send(kind: str, handler: BlockHandler, given: Any, settings: dict[str, Any]) -> RunResult:
    """Run start → the block."""
    document = chain(INPUT, block("b", kind, "B", settings=settings))
    return await run(document, engine_of({kind: handler}), given)


class Api:
    """The block, with the stub as its server."""

    def __init__(self, stub: HttpStub, outbound: OutboundClient) -> None:
        self._stub = stub
        self._outbound = outbound

    async def __call__(self, path: str = "/x", given: Any = None, **settings: Any) -> RunResult:
        url = f"http://localhost:{self._stub.port}{path}"
        return await send("api", ApiHandler(self._outbound), given, {"url": url, **settings})


def table(**rows: str) -> list[dict[str, Any]]:
    return [{"id": key, "cells": {"Key": key, "Value": value}} for key, value in rows.items()]
