"""Parts of internal routes: contract structs as bodies, and the services that may call."""

import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Self, TypeVar

import msgspec
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import Forbidden, InvalidRequest, Unauthenticated
from shared.service import ServiceName
from shared.settings import CommonSettings


class ServiceTokens:
    """Tokens of each service: it sends the first, and each is accepted. A service without one cannot call others."""

    def __init__(self, tokens: Mapping[ServiceName, SecretStr]) -> None:
        self._tokens = {name: tuple(map(str.encode, split_tokens(secret))) for name, secret in tokens.items()}

    @classmethod
    def of(cls, settings: CommonSettings) -> Self:
        """Return the tokens in `settings`."""
        return cls(
            {
                ServiceName.GATEWAY: settings.token_gateway,
                ServiceName.DEPLOY: settings.token_deploy,
                ServiceName.EXECUTOR: settings.token_executor,
                ServiceName.JOBS: settings.token_jobs,
            }
        )

    def header(self, caller: ServiceName) -> str:
        """Return the Authorization header that `caller` sends."""
        return f"Bearer {next(iter(self._tokens[caller]), b'').decode()}"

    def identify(self, header: str) -> ServiceName | None:
        """Return the owner of a token; compares every token, each in constant time."""
        scheme, _, shown = header.partition(" ")
        if scheme.lower() != "bearer" or not shown:
            return None
        matches = [
            name
            for name, tokens in self._tokens.items()
            for token in tokens
            if hmac.compare_digest(token, shown.encode())
        ]
        return matches[0] if matches else None


def split_tokens(secret: SecretStr) -> list[str]:
    """Return one token, or several while they rotate: `old,new`, then `new,old`, then `new` alone."""
    return [token for part in secret.get_secret_value().split(",") if (token := part.strip())]


def only(tokens: ServiceTokens, *callers: ServiceName) -> Callable[[Request], Awaitable[None]]:
    """Return a FastAPI dependency that admits only `callers`.

    It raises Unauthenticated, Forbidden.
    """

    async def check(request: Request) -> None:
        identify_caller(request, tokens, callers)

    return check


def identify_caller(request: Request, tokens: ServiceTokens, callers: Collection[ServiceName]) -> ServiceName:
    """Return which of `callers` makes this call. Raises Unauthenticated, Forbidden."""
    caller = tokens.identify(request.headers.get("authorization", ""))
    if caller is None:
        raise Unauthenticated("a service token is required")
    if caller not in callers:
        raise Forbidden(f"{caller} may not call this")
    return caller


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
