"""Where a broker is and how to enter it, from an AMQP URL."""

import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_PORTS: Final = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, slots=True)
class Address:
    """One broker. Neither the password nor the whole URL shows in its repr."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    virtual_host: str
    tls: ssl.SSLContext | None = field(repr=False)


def parts_of(url: str) -> SplitResult:
    """The parts of an AMQP URL, its port one that there is. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("an AMQP URL begins with amqp:// or amqps://")
    with suppress(ValueError):  # whose words quote the port: after a `/` in a password, what stands before that
        if parts.port != 0:
            return parts
    raise ValueError("its port is a number from 1 to 65535; in a password / is written %2F, ? is %3F and # is %23")


def virtual_host_of(url: str) -> str:
    """Which of the broker's virtual hosts an AMQP URL names: `/` where it names none. Raises ValueError."""
    return unquote(parts_of(url).path[1:]) or "/"


def parse(url: str) -> Address:
    """Read `amqp://user:password@host:port/vhost` or `amqps://…?cacertfile=ca.pem&certfile=…&keyfile=…`.

    An absent virtual host is `/`. TLS always checks the broker's certificate. Raises ValueError, or OSError for a
    certificate file that cannot be read.
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
