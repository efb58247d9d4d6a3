"""Exports in the formats of Sim's editor: all import; the supported ones run; the rest are refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi

EXPORTS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "exports.json").read_text())
RUNNABLE = [name for name, export in EXPORTS.items() if "output" in export]
REFUSED = [name for name, export in EXPORTS.items() if "refused" in export]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", RUNNABLE)
async def test_an_export_of_supported_blocks_runs(name: str, models: ModelServer, api: PublicApi) -> None:
    export = EXPORTS[name]
    models.answer("test", *map(Reply.says, export.get("replies", ())))
    known = len(models.calls_of("test"))
    answer = await api.run(await api.publish(export["file"]), export["body"])
    assert answer.status_code == 200, answer.text
    assert export["output"].items() <= answer.json()["output"].items()
    assert [call.messages[-1]["content"] for call in models.calls_of("test")[known:]] == export.get("asked", [])


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", REFUSED)
async def test_an_export_with_unsupported_blocks_imports_and_explains_why_it_cannot_be_deployed(
    name: str, api: PublicApi
) -> None:
    imported = await api.import_(EXPORTS[name]["file"])
    assert imported.status_code == 201, imported.text
    refused = await api.deploy(imported.json()["data"]["id"])
    assert refused.status_code == 400
    assert sorted(problem["message"] for problem in refused.json()["details"]) == sorted(EXPORTS[name]["refused"])
