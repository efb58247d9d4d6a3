"""Dead letters and failed runs at jobs-service."""

from typing import Protocol

import msgspec

from gateway.runs.adapters.run_keys import by_public_id
from shared.contracts.dead_letters import DeadLetterPage, DeadLetterView, RedriveRun
from shared.contracts.jobs import RunAccepted
from shared.ids import public_run_id, run_key
from shared.web.client import InternalClient
from shared.web.paths import path_of


class DeadLetterClient(Protocol):
    """Port of redrives. Every method raises Unavailable.

    Methods with an id raise NotFound if the workspace has no such item.
    """

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """Return dead letters of the workspace or of none, newest first. Raises InvalidRequest for a bad cursor."""

    async def redrive_letter(self, letter_id: str, request: RedriveRun) -> RunAccepted | None:
        """Redrive a dead letter. Raises Conflict if that is impossible, AtCapacity."""

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None: ...

    async def redrive_run(self, run_id: str, request: RedriveRun) -> RunAccepted:
        """Redrive a run. Raises Conflict unless the run failed, AtCapacity."""


class HttpDeadLetterClient:
    """Implements DeadLetterClient."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        path = path_of("dead-letters", workspace_id=workspace_id, limit=limit, cursor=cursor)
        page = await self._client.call("GET", path, returns=DeadLetterPage)
        return DeadLetterPage(tuple(map(_with_public_run_id, page.letters)), page.next_cursor)

    async def redrive_letter(self, letter_id: str, request: RedriveRun) -> RunAccepted | None:
        path = path_of("dead-letters", letter_id, "redrive")
        content = await self._client.fetch("POST", path, body=request)
        return None if content == b"{}" else by_public_id(msgspec.json.decode(content, type=RunAccepted))

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None:
        await self._client.call("DELETE", path_of("dead-letters", letter_id, workspace_id=workspace_id))

    async def redrive_run(self, run_id: str, request: RedriveRun) -> RunAccepted:
        path = path_of("runs", run_key(request.workspace_id, run_id), "redrive")
        return by_public_id(await self._client.call("POST", path, body=request, returns=RunAccepted))


def _with_public_run_id(letter: DeadLetterView) -> DeadLetterView:
    return msgspec.structs.replace(letter, run_id=public_run_id(letter.run_id)) if letter.run_id else letter
