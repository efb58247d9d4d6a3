"""HTTP clients for the vendors' libraries. No answer of a model server exhausts the memory of an executor."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import Final

import httpcore2
import httpx2

from executor_service.providers.model import AnswerTooLarge, ModelFailure
from shared.workflow.format.sizes import MAX_VALUES, has_too_many_values

MEBIBYTE: Final = 1024 * 1024
ANSWER_BYTES: Final = 32 * MEBIBYTE
"""Default limit on an unstreamed answer, and on the stored part of a streamed one."""
FRAMING: Final = 4
"""Maximum ratio of the bytes of a stream to those of its answer: most of a stream is framing."""
EVENT_BYTES: Final = 8 * MEBIBYTE
EVENT_VALUES: Final = 100_000
"""Maximum JSON values in an event: some libraries create a large object for each. Marks in texts count as well."""
ERROR_BODY_BYTES: Final = 64 * 1024
"""Bytes read of an unsuccessful response. The rest is dropped."""
CHUNK_BYTES: Final = 64
"""Memory that a chunk of an answer uses besides its text."""
CALL_BYTES: Final = 512
KEEPALIVE_SECONDS: Final = 4.0
"""Many servers close idle connections after five seconds."""
MAX_CONNECTIONS: Final = 1000
COMPRESSED: Final = "The model server sent a compressed response, which is not accepted"
_PLAIN: Final = "identity"
_BLANK_LINES: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LONGEST_END: Final = 4
_DONE: Final = (b"data: [DONE]", b"data:[DONE]")
_HAS_ENDED: Final = "flowport_has_ended"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def model_client(
    answer_bytes: int,
    *,
    follow_redirects: bool = True,
    reads_whole_answers: bool = False,
    transport: httpx2.AsyncBaseTransport | None = None,
    tls: SSLContext | None = None,
) -> httpx2.AsyncClient:
    """Return a client that bounds answers. Reading one raises AnswerTooLarge where it exceeds the limits.

    Without `reads_whole_answers`, every successful answer should be a stream; others are truncated like errors.
    """

    async def request_plain(request: httpx2.Request) -> None:
        request.headers["accept-encoding"] = _PLAIN

    async def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", _PLAIN).strip().lower() not in ("", _PLAIN):
            raise ModelFailure(COMPRESSED)
        # A charset could name any of Python's codecs.
        response.headers["content-type"] = kind = response.headers.get("content-type", "").partition(";")[0]
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101
        is_stream = not kind.strip().endswith("json")
        if not response.is_success or not (is_stream or reads_whole_answers):
            response.stream = _Body(stream, _truncate(stream))
        else:
            chunks = _bounded(stream, answer_bytes, is_stream=is_stream)
            response.stream = _Body(stream, _note_end(chunks, response) if is_stream else chunks)

    return httpx2.AsyncClient(
        transport=transport,
        verify=tls or True,
        trust_env=transport is None,
        limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS),
        follow_redirects=follow_redirects,
        event_hooks={"request": [request_plain], "response": [bound]},
    )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, chunks: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _truncate(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    left = ERROR_BODY_BYTES
    async for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left < 0:
            return


async def _bounded(chunks: AsyncIterable[bytes], answer_bytes: int, *, is_stream: bool) -> AsyncIterator[bytes]:
    """Yield a stream without a byte order mark and with an end of its last event, which some servers leave out."""
    total, limit, event = 0, answer_bytes * (FRAMING if is_stream else 1), _OpenEvent()
    async for chunk in chunks:
        if is_stream:
            event.add(chunk)
        yield chunk.removeprefix(_BYTE_ORDER_MARK) if total == 0 else chunk
        total += len(chunk)
        if total > limit:
            raise too_large(limit)
    if is_stream:
        yield _BLANK_LINES[0]


async def _note_end(chunks: AsyncIterator[bytes], response: httpx2.Response) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if any(end in chunk for end in _DONE):
            response.extensions[_HAS_ENDED] = True
        yield chunk


def ended_in_order(response: httpx2.Response) -> bool:
    """Return whether the stream had the event that ends those of OpenAI. The official client hides it."""
    return _HAS_ENDED in response.extensions


class _OpenEvent:
    """Size of the event that a stream has not completed yet."""

    def __init__(self) -> None:
        self._size = 0
        self._values = 0
        self._tail = b""

    def add(self, chunk: bytes) -> None:
        """Count a chunk of the stream. Raises AnswerTooLarge. Called for each token."""
        if chunk.endswith(_BLANK_LINES):
            self._size, self._values, self._tail = 0, 0, b""
            return
        searched = self._tail + chunk
        ends = [searched.rfind(end) + len(end) for end in _BLANK_LINES if end in searched]
        if ends:
            chunk = searched[max(ends) :]
            self._size, self._values = 0, 0
        self._tail = searched[1 - _LONGEST_END :]
        self._size += len(chunk)
        self._values += chunk.count(b"[") + chunk.count(b"{") + chunk.count(b",")
        if self._size > EVENT_BYTES:
            raise AnswerTooLarge(f"The answer has an event larger than {EVENT_BYTES:,} bytes")
        if self._values > EVENT_VALUES:
            raise _too_many_values(EVENT_VALUES)


class StoredSize:
    """Stored size of one streamed answer."""

    def __init__(self, answer_bytes: int) -> None:
        self._limit = answer_bytes
        self._size = 0

    def add(self, size: int) -> None:
        """Count a chunk. Raises AnswerTooLarge."""
        self._size += size + CHUNK_BYTES
        if self._size > self._limit:
            raise too_large(self._limit)


def too_large(limit: int) -> AnswerTooLarge:
    """Return the failure of an answer that exceeds a limit in bytes."""
    return AnswerTooLarge(f"The answer is larger than {limit:,} bytes")


def check_values(document: bytes) -> None:
    """Raise AnswerTooLarge if a JSON document has more values than may be decoded."""
    if has_too_many_values(document):
        raise _too_many_values(MAX_VALUES)


def _too_many_values(limit: int) -> AnswerTooLarge:
    return AnswerTooLarge(f"The answer has more than {limit:,} JSON values in one document")


class CheckedTransport(httpx2.AsyncBaseTransport):
    """HTTP over a network that checks addresses, one connection per call."""

    def __init__(self, network: httpcore2.AsyncNetworkBackend, tls: SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(tls, max_keepalive_connections=0, network_backend=network)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises BlockedAddress, OutboundFailed, ResponseTooLarge, and the errors of httpx2."""
        url = request.url
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with _httpx_errors():
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    request.method,
                    target,
                    headers=request.headers.raw,
                    content=await request.aread(),
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(response.status, headers=response.headers, stream=_CheckedBody(response))

    async def aclose(self) -> None:
        await self._pool.aclose()


class _CheckedBody(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except httpcore2.LocalProtocolError as error:
        raise httpx2.LocalProtocolError(str(error)) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise httpx2.ReadError(str(error)) from error
