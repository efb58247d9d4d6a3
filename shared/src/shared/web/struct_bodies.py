"""Contract structs as bodies of requests and responses."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import InvalidRequest

_encoder = msgspec.json.Encoder()
T = TypeVar("T")


class StructResponse(Response):
    """A struct (or any JSON value) as the body."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return `content` as compact JSON."""
        return b"" if content is None else _encoder.encode(content)


def struct_body(kind: type[T], *, is_msgpack: bool = False) -> Callable[[Request], Awaitable[T]]:
    """Return a FastAPI dependency that reads the body as `kind`, in JSON or MessagePack.

    It raises InvalidRequest with the field and the expected type.
    """
    decoder: msgspec.json.Decoder[T] | msgspec.msgpack.Decoder[T]
    decoder = msgspec.msgpack.Decoder(kind) if is_msgpack else msgspec.json.Decoder(kind)

    async def read(request: Request) -> T:
        try:
            return decoder.decode(await request.body())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(str(error)) from error

    return read
