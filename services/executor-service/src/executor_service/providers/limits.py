"""Limits on the answers of model servers, so that no server exhausts the memory of an executor."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx2

from executor_service.providers.model import AnswerTooLarge
from shared.workflow.format.sizes import MAX_VALUES, has_too_many_values

MEBIBYTE: Final = 1024 * 1024
ANSWER_BYTES: Final = 32 * MEBIBYTE
"""Default limit on an unstreamed answer, and on the stored part of a streamed one."""
FRAMING: Final = 4
"""Maximum ratio of the bytes of a stream to those of its answer: most of a stream is framing."""
EVENT_BYTES: Final = 8 * MEBIBYTE
ERROR_BODY_BYTES: Final = 64 * 1024
"""Bytes read of an unsuccessful response. The rest is dropped."""
CHUNK_BYTES: Final = 64
"""Memory that a chunk of an answer uses besides its text."""
CALL_BYTES: Final = 512

LINES: Final = (b"\n", b"\r")
BLANK_LINES: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LONGEST_END: Final = 4
_EVENT_STREAM: Final = "text/event-stream"
_PLAIN: Final = frozenset({"", "identity"})
_COMPRESSED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_INFLATED_BYTES: Final = 64 * 1024
_MARKS: Final = (b"[", b"{", b",")


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Limits on the answers of one client."""

    answer_bytes: int
    event_ends: tuple[bytes, ...] = LINES
    """Ends of an event for the reader of the stream, which buffers each event completely."""
    event_values: int | None = None
    """Limit on JSON values in an event, for readers that do not check it. Marks in texts count as well."""
    reads_whole_answers: bool = True
    """False if every successful answer is a stream. Other answers are then truncated like errors."""


def limit_hooks(limits: AnswerLimits) -> Mapping[str, list[Callable[..., Awaitable[None]]]]:
    """Return hooks that limit the answers of an httpx2 client, including redirects.

    Reading an answer raises AnswerTooLarge where it exceeds the limits.
    """

    async def request_plain(request: httpx2.Request) -> None:
        request.headers["accept-encoding"] = "identity"

    async def bound(response: httpx2.Response) -> None:
        # Decompression is bounded here, so httpx2 must not do it.
        encoding = response.headers.pop("content-encoding", "").strip().lower()
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _BoundedBody(response, response.stream, encoding, limits)

    return {"request": [request_plain], "response": [bound]}


class _BoundedBody(httpx2.AsyncByteStream):
    def __init__(
        self, response: httpx2.Response, stream: httpx2.AsyncByteStream, encoding: str, limits: AnswerLimits
    ) -> None:
        self._response = response
        self._stream = stream
        self._encoding = encoding
        self._limits = limits

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream) if self._encoding in _PLAIN else _inflate(aiter(self._stream), self._encoding)
        is_stream = self._response.headers.get("content-type", "").startswith(_EVENT_STREAM)
        if not self._response.is_success or not (is_stream or self._limits.reads_whole_answers):
            async for chunk in _truncate(chunks, ERROR_BODY_BYTES):
                yield chunk
            return
        total = 0
        limit = self._limits.answer_bytes * (FRAMING if is_stream else 1)
        event = _OpenEvent(self._limits) if is_stream else None
        async for chunk in chunks:
            total += len(chunk)
            if total > limit:
                raise too_large(limit)
            if event is not None:
                event.add(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _OpenEvent:
    """Size of the event that a stream has not completed yet."""

    def __init__(self, limits: AnswerLimits) -> None:
        self._ends = limits.event_ends
        self._max_values = limits.event_values
        self._size = 0
        self._values = 0
        self._tail = b""

    def add(self, chunk: bytes) -> None:
        """Count a chunk of the stream. Raises AnswerTooLarge. Called for each token."""
        if chunk.endswith(self._ends):
            self._size, self._values, self._tail = 0, 0, b""
            return
        searched = self._tail + chunk
        ends = [searched.rfind(end) + len(end) for end in self._ends if end in searched]
        if ends:
            chunk = searched[max(ends) :]
            self._size, self._values = 0, 0
        self._tail = searched[1 - _LONGEST_END :]
        self._size += len(chunk)
        if self._size > EVENT_BYTES:
            raise AnswerTooLarge(f"The answer has an event larger than {EVENT_BYTES:,} bytes")
        if self._max_values is not None:
            self._values += sum(chunk.count(mark) for mark in _MARKS)
            if self._values > self._max_values:
                raise _too_many_values(self._max_values)


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


async def _inflate(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Yield a body decompressed, in chunks of bounded size."""
    if encoding not in _COMPRESSED:
        raise httpx2.DecodingError(f"The content encoding {encoding[:50]} is not supported")
    decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        async for compressed in chunks:
            rest = compressed
            while rest and not decompressor.eof:
                if chunk := decompressor.decompress(rest, _INFLATED_BYTES):
                    yield chunk
                rest = decompressor.unconsumed_tail
    except zlib.error as error:
        raise httpx2.DecodingError("The answer cannot be decompressed") from error


async def _truncate(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    left = limit
    async for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left < 0:
            return
