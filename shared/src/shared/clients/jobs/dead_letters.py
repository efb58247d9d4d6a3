"""Dead letters and redrives."""

import msgspec

from shared.clients.calls import ServiceCalls
from shared.clients.jobs.run_keys import by_public_id
from shared.contracts.dead_letters import DeadLetterPage, DeadLetterView, RedriveRun
from shared.contracts.jobs import RunAccepted
from shared.ids import run_key
from shared.web.paths import path_of


class HttpDeadLetterClient(ServiceCalls):
    """Implements DeadLetterClient."""

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        path = path_of("dead-letters", workspace_id=workspace_id, limit=limit, cursor=cursor)
        page = await self._client.call("GET", path, returns=DeadLetterPage)
        return DeadLetterPage(tuple(map(by_public_id, page.letters)), page.next_cursor)

    async def dead_letter(self, workspace_id: str, letter_id: str) -> DeadLetterView:
        path = path_of("dead-letters", letter_id, workspace_id=workspace_id)
        return by_public_id(await self._client.call("GET", path, returns=DeadLetterView))

    async def redrive_letter(self, letter_id: str, request: RedriveRun) -> RunAccepted | None:
        path = path_of("dead-letters", letter_id, "redrive")
        content = await self._client.fetch("POST", path, body=request)
        return None if content == b"{}" else by_public_id(msgspec.json.decode(content, type=RunAccepted))

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None:
        await self._client.call("DELETE", path_of("dead-letters", letter_id, workspace_id=workspace_id))

    async def redrive_run(self, run_id: str, request: RedriveRun) -> RunAccepted:
        path = path_of("runs", run_key(request.workspace_id, run_id), "redrive")
        return by_public_id(await self._client.call("POST", path, body=request, returns=RunAccepted))
