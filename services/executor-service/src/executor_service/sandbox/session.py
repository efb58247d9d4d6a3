"""Exchange between a script and its parent: sends the frame, serves fetches, returns the ending."""

import asyncio

import msgspec

from executor_service.sandbox import messages
from executor_service.sandbox.child import Child, ProtocolBroken
from executor_service.sandbox.fetch import Fetcher, FetchFailed, FetchRequest, FetchResponse
from executor_service.sandbox.model import SandboxLimits
from shared.observe.logging import get_logger

log = get_logger("sandbox")
_CLEANUP_SECONDS = 1.0


class ScriptSession:
    """Exchange of one frame. The caller bounds its time."""

    def __init__(self, child: Child, fetcher: Fetcher, limits: SandboxLimits, workspace_id: str) -> None:
        self._child = child
        self._fetcher = fetcher
        self._limits = limits
        self._workspace_id = workspace_id
        self._fetches: set[asyncio.Task[None]] = set()
        self._is_finished = False
        self._fetch_slots = asyncio.Semaphore(limits.concurrent_fetches)
        self._sending = asyncio.Lock()
        self._request_chars = 0
        """Size of the requests in progress."""

    async def run(self, frame: bytes) -> messages.Ending:
        """Raises ChildDied, ProtocolBroken."""
        await self._child.send(frame)
        try:
            return await self._read_messages()
        finally:
            self._is_finished = True  # a late fetch must not answer the next script's
            if self._fetches:
                await self._abandon_fetches()

    async def _read_messages(self) -> messages.Ending:
        # The harness answers each frame once: the script's own, and one for each fetch. A new child greets first.
        for _ in range(self._limits.max_fetches + 2):
            answers = await self._child.receive()
            for message in answers:
                if isinstance(message, messages.FetchCall):
                    self._begin(message)
                elif isinstance(message, messages.ReplacementDue):
                    self._child.needs_replacement = True
                elif isinstance(message, messages.Ending):
                    return message
                elif not isinstance(message, messages.Ready):
                    raise ProtocolBroken
        raise ProtocolBroken

    def _begin(self, call: messages.FetchCall) -> None:
        if len(self._fetches) >= self._limits.max_fetches:
            raise ProtocolBroken
        size = len(call.url) + len(call.method) + len(bytes(call.headers)) + len(call.body or "")
        request: FetchRequest | str
        if self._request_chars + size > self._limits.heap_bytes:
            request, size = "fetch has too much data in requests that wait", 0
        else:
            request = self._request_of(call)
        self._request_chars += size
        self._fetches.add(asyncio.create_task(self._serve(call.id, request, size)))

    def _request_of(self, call: messages.FetchCall) -> FetchRequest | str:
        """Return the request, or why it is not made. Raises ProtocolBroken."""
        try:
            headers = messages.decode_headers(call)
        except messages.TooManyValues:
            return f"fetch allows at most {messages.MAX_HEADERS} headers"
        except msgspec.DecodeError as error:
            raise ProtocolBroken from error
        return FetchRequest(
            url=call.url,
            method=call.method,
            headers=headers,
            body=call.body,
            workspace_id=self._workspace_id,
        )

    async def _serve(self, number: int, request: FetchRequest | str, size: int) -> None:
        # A script that does not read its answers must not fill the executor's memory: no other fetch starts in this
        # slot until the answer is sent, and one answer at a time is decoded, encoded and buffered.
        async with self._fetch_slots:
            response = request if isinstance(request, str) else await self._fetch(request)
            async with self._sending:
                if not self._is_finished:
                    await self._child.send(_answer(number, response))
        self._request_chars -= size

    async def _fetch(self, request: FetchRequest) -> FetchResponse | str:
        """Return the response, or the reason why there is none."""
        try:
            async with asyncio.timeout(self._limits.fetch_timeout_seconds):
                response = await self._fetcher(request)
        except FetchFailed as error:
            return str(error)
        except TimeoutError:
            return "fetch timed out"
        except Exception:
            log.exception("sandbox_fetch_failed")
            return "fetch failed"
        if len(response.body) > self._limits.max_input_bytes:
            return "fetch received a response that is too large"
        return response

    async def _abandon_fetches(self) -> None:
        for task in self._fetches:
            task.cancel()
        await asyncio.wait(self._fetches, timeout=_CLEANUP_SECONDS)
        for task in self._fetches:
            if task.done() and not task.cancelled():
                task.exception()


def _answer(number: int, response: FetchResponse | str) -> messages.Fetched:
    """Return the answer to a fetch with this response or, as text, error."""
    if isinstance(response, str):
        return messages.Fetched(id=number, error=response)
    return messages.Fetched(
        id=number,
        status=response.status,
        status_text=response.status_text,
        url=response.url,
        headers=response.headers,
        body=response.body.decode("utf-8", "replace"),
    )
