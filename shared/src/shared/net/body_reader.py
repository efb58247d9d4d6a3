"""Read a body up to its limit, counted after decompression."""

import zlib
from typing import Final

from shared.net.errors import OutboundFailed, ResponseTooLarge

ACCEPTED_ENCODINGS: Final = "gzip, deflate"
_MAX_CHUNKS: Final = 200_000
"""Maximum number of chunks: each takes time to read, however small it is."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_MEMBER: Final = b"\x1f"
_ZLIB: Final = zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS


class BodyReader:
    """Decodes a body in parts. `encoding` is the response's Content-Encoding."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._encoding = encoding.strip().lower()
        self._limit = limit
        self._body = bytearray()
        self._chunks = 0
        self._inflate: zlib._Decompress | None = None

    def feed(self, part: bytes) -> None:
        """Add a part. Raises ResponseTooLarge, OutboundFailed."""
        self._chunks += 1
        if self._chunks > _MAX_CHUNKS:
            raise ResponseTooLarge("Response has too many chunks")
        if self._encoding in ("", "identity"):
            self._append(part)
        elif part:
            self._decompress(part)

    def body(self) -> bytes:
        """Return the whole body. Raises OutboundFailed if it is truncated."""
        if self._inflate is not None and not self._inflate.eof:
            raise OutboundFailed("Response body is incomplete")
        return bytes(self._body)

    def _decompress(self, part: bytes) -> None:
        try:
            while part and not self._is_over(part):
                if self._inflate is None or self._inflate.eof:
                    self._inflate = self._start(part)
                self._append(self._inflate.decompress(part, self._limit - len(self._body) + 1))
                part = self._inflate.unused_data
        except zlib.error as error:
            raise OutboundFailed("Response body cannot be decompressed") from error

    def _is_over(self, part: bytes) -> bool:
        """Return whether `part` follows the end and is no further gzip member."""
        return self._inflate is not None and self._inflate.eof and not part.startswith(_MEMBER)

    def _start(self, part: bytes) -> "zlib._Decompress":
        match self._encoding:
            case "gzip" | "x-gzip":
                return zlib.decompressobj(_GZIP)
            case "deflate":
                return zlib.decompressobj(_ZLIB if _has_zlib_header(part) else _RAW_DEFLATE)
        raise OutboundFailed(f"Response has an unknown content encoding: {self._encoding[:50]}")

    def _append(self, part: bytes) -> None:
        if len(self._body) + len(part) > self._limit:
            raise ResponseTooLarge(f"Response is larger than {self._limit} bytes")
        self._body += part


def _has_zlib_header(part: bytes) -> bool:
    """Return whether deflate comes, as it should, in a zlib frame; some servers send it bare."""
    return part[0] & 0x0F == 8 and (len(part) < 2 or (part[0] * 256 + part[1]) % 31 == 0)
