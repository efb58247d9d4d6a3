"""Runs one HTTP block in a workflow."""

from typing import Any

from tests.support.blocks.runs import run_block
from tests.support.http_stub import HttpStub

from executor_service.blocks.http import ApiHandler
from executor_service.engine import RunResult
from shared.net import OutboundClient


class Api:
    """The block, with the stub as its server."""

    def __init__(self, stub: HttpStub, outbound: OutboundClient) -> None:
        self._stub = stub
        self._outbound = outbound

    async def __call__(self, path: str = "/x", given: Any = None, **settings: Any) -> RunResult:
        url = f"http://localhost:{self._stub.port}{path}"
        return await run_block("api", ApiHandler(self._outbound), given, url=url, **settings)


def table(**rows: str) -> list[dict[str, Any]]:
    return [{"id": key, "cells": {"Key": key, "Value": value}} for key, value in rows.items()]
