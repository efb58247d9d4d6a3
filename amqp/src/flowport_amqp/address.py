"""Broker address and credentials, parsed from an AMQP URL."""

import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_PORTS: Final = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a broker. Its repr shows neither the password nor the URL."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    virtual_host: str
    tls: ssl.SSLContext | None = field(repr=False)


def parts_of(url: str) -> SplitResult:
    """Split an AMQP URL and check its scheme and port. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("an AMQP URL must begin with amqp:// or amqps://")
    with suppress(ValueError):  # the message quotes the port, which may be part of a password with an unescaped `/`
        if parts.port != 0:
            return parts
    raise ValueError("the port must be a number from 1 to 65535; escape / as %2F, ? as %3F and # as %23 in a password")


def virtual_host_of(url: str) -> str:
    """Return the virtual host of an AMQP URL, `/` by default. Raises ValueError."""
    return unquote(parts_of(url).path[1:]) or "/"


def parse(url: str) -> Address:
    """Parse `amqp://user:password@host:port/vhost` or `amqps://…?cacertfile=ca.pem&certfile=…&keyfile=…`.

    The default virtual host is `/`. TLS always verifies the broker's certificate. Raises ValueError, and OSError for an
    unreadable certificate file.
    """
    parts = parts_of(url)
    return Address(
        host=parts.hostname or "localhost",
        port=parts.port or _PORTS[parts.scheme],
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        virtual_host=virtual_host_of(url),
        tls=_tls(parse_qs(parts.query)) if parts.scheme == "amqps" else None,
    )


def _tls(options: dict[str, list[str]]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=_last(options, "cacertfile"))
    certificate = _last(options, "certfile")
    if certificate:
        context.load_cert_chain(certificate, _last(options, "keyfile"))
    return context


def _last(options: dict[str, list[str]], name: str) -> str | None:
    values = options.get(name)
    return values[-1] if values else None
