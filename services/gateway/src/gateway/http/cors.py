"""Cross-origin rules: any page with a key may use execute and agents, only our console the rest."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

_COMMON: Final = (
    "X-CSRF-Token, X-Requested-With, Accept, Accept-Version, Content-Length, Content-MD5, Content-Type, Date, "
    "X-Api-Version, X-API-Key"
)
_EXPOSED: Final = (
    "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, X-Run-Id, "
    "X-Execution-Id, RateLimit, RateLimit-Policy, Idempotent-Replayed"
)
RawHeaders = Sequence[tuple[bytes, bytes]]


def _raw(headers: Mapping[str, str]) -> RawHeaders:
    return tuple((name.encode(), value.encode()) for name, value in headers.items())


PREFLIGHT: Final = _raw({"access-control-max-age": "86400"})

_LEGACY_EXECUTE: Final = _raw(
    {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET,POST,OPTIONS,PUT",
        "access-control-allow-headers": (
            f"{_COMMON}, Authorization, X-Execution-Id, X-Execution-Mode, X-Execution-Timeout-Seconds, "
            "X-Stream-Response, X-Sim-Stream-Protocol, X-Workflow-Version, Idempotency-Key, "
            "X-Callback-Url"
        ),
        "access-control-expose-headers": _EXPOSED,
    }
)
_V2_EXECUTE: Final = _raw(
    {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "POST,OPTIONS",
        "access-control-allow-headers": (
            f"{_COMMON}, Authorization, X-Run-Id, X-Sim-Stream-Protocol, X-Workflow-Version, "
            "Idempotency-Key, X-Callback-Url"
        ),
        "access-control-expose-headers": _EXPOSED,
    }
)

_A2A: Final = _raw(
    {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET,POST,OPTIONS",
        "access-control-allow-headers": f"{_COMMON}, Authorization, A2A-Version, A2A-Extensions",
        "access-control-expose-headers": _EXPOSED,
    }
)

_OPEN: Final = (
    (re.compile(r"/api/workflows/[^/]+/execute"), _LEGACY_EXECUTE),
    (re.compile(r"/api/v2/workflows/[^/]+/execute"), _V2_EXECUTE),
    (re.compile(r"/api/a2a/serve/[^/]+(/\.well-known/agent-card\.json)?"), _A2A),
)


def rules_for(path: str, public_url: str) -> RawHeaders | None:
    """Return the headers for `path`; None if other origins have no access."""
    if not path.startswith("/api/"):
        return None
    return (_cached_rules if len(path) <= CACHED_PATH else _rules)(path, public_url)


def _rules(path: str, public_url: str) -> RawHeaders:
    return next((rules for pattern, rules in _OPEN if pattern.fullmatch(path)), None) or _own_origin(public_url)


CACHED_PATH: Final = 256
"""Maximum length of a cached path: callers choose paths, and a head may have 64 KiB."""
_cached_rules: Final = lru_cache(maxsize=1024)(_rules)


@lru_cache(maxsize=8)
def _own_origin(public_url: str) -> RawHeaders:
    return _raw(
        {
            "access-control-allow-origin": public_url,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS",
            "access-control-allow-headers": f"{_COMMON}, Authorization",
            "access-control-expose-headers": _EXPOSED,
            "vary": "Origin",
        }
    )
