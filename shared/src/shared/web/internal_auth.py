"""Authentication between services: their tokens, and which services may call a route."""

import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Self

from pydantic import SecretStr
from starlette.requests import Request

from shared.errors import Forbidden, Unauthenticated
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
        raise Forbidden(f"{caller} is not allowed to call this route")
    return caller
