"""Files are attached to the user's message to the model."""

from base64 import b64encode
from typing import Any

import pytest
from tests.support.blocks.runs import INPUT, Models, engine_of, failure, run
from tests.support.executor.fakes import Files
from tests.support.workflow_states import block, chain

from executor_service.blocks.agent import AgentHandler, ToolBuilder
from executor_service.blocks.agent.attachments import MAX_BYTES
from executor_service.blocks.mcp import McpServers
from executor_service.engine import RunResult
from executor_service.providers import Attachment
from shared.net import OutboundClient

PHOTO = {"name": "a.png", "type": "image/png", "key": "execution/w1/f/r/file_1/a.png", "context": "execution"}


async def ask(models: Models, files: Any, **settings: Any) -> RunResult:
    store = Files()
    store.kept["w1", "file_1"] = b"png"
    given = {"model": "vllm/m", "messages": [{"role": "user", "content": "Look"}], "files": files, **settings}
    agent = AgentHandler(models, ToolBuilder(None, {}, McpServers(OutboundClient())), None, store)  # type: ignore[arg-type]
    document = chain(INPUT, block("a", "agent", "A", settings=given))
    return await run(document, engine_of({"agent": agent}), {"input": "x", "photos": [PHOTO]})


def attached(models: Models) -> list[tuple[Attachment, ...]]:
    return [message.attachments for message in models.requests[-1].messages]


@pytest.mark.parametrize("files", ["<start.photos>", [PHOTO], PHOTO])
async def test_a_stored_file_is_attached(files: Any) -> None:
    models = Models("A cat")
    assert (await ask(models, files)).outcome.error is None
    assert attached(models) == [(Attachment("a.png", "image/png", b"png"),)]


async def test_the_last_user_message_has_the_files() -> None:
    models = Models("A cat")
    messages = [{"role": role, "content": "x"} for role in ("system", "user", "assistant", "user", "assistant")]
    await ask(models, [PHOTO], messages=messages)
    assert [len(files) for files in attached(models)] == [0, 0, 0, 1, 0]


async def test_a_message_may_consist_of_a_file() -> None:
    models = Models("A cat")
    await ask(models, [PHOTO], messages=[])
    assert len(attached(models)[0]) == 1


async def test_inline_content_is_attached() -> None:
    models = Models("ok")
    await ask(models, [{"name": "b.txt", "type": "text/plain", "base64": "aGk="}])
    assert attached(models)[0][0].text == "b.txt:\nhi"


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ({**PHOTO, "key": "execution/w2/f/r/file_1/a.png"}, "A: a.png is not a file of this workspace"),
        ({**PHOTO, "key": "elsewhere"}, "A: a.png is not a file of this workspace"),
        ({**PHOTO, "key": "execution/w1/f/r/file_2/a.png"}, "A: a.png is no longer stored"),
        ({"name": "b", "base64": "?"}, "A: b: its content is not valid base64"),
        ({"name": "b", "base64": "ü"}, "A: b: its content is not valid base64"),
    ],
)
async def test_an_unavailable_file_fails_the_block(file: Any, reason: str) -> None:
    assert failure(await ask(Models("x"), [file])) == reason


async def test_files_are_bounded() -> None:
    assert (await ask(Models("ok"), [PHOTO] * 15)).outcome.error is None
    assert failure(await ask(Models("x"), [PHOTO] * 16)) == "A: More than 15 files"


async def test_all_files_together_are_bounded() -> None:
    half = {"name": "b", "base64": b64encode(bytes(MAX_BYTES // 2)).decode()}
    assert (await ask(Models("ok"), [half] * 2)).outcome.error is None
    one_more = {"name": "c", "base64": "eA=="}
    assert failure(await ask(Models("x"), [half, half, one_more])) == "A: The files exceed 50 MiB in total"
