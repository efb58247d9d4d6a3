"""The broker's URL: `amqp://user:password@host:port/vhost` or `amqps://…?cacertfile=ca.pem&certfile=…&keyfile=…`."""

import ssl
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_SCHEMES: Final = ("amqp", "amqps")


def parts_of(url: str) -> SplitResult:
    """Split an AMQP URL and check its scheme, host and port. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError("an AMQP URL must begin with amqp:// or amqps://")
    if not parts.hostname:
        raise ValueError("an AMQP URL must name a host")
    with suppress(ValueError):  # the message quotes the port, which may be part of a password with an unescaped `/`
        if parts.port != 0:
            return parts
    raise ValueError("the port must be a number from 1 to 65535; escape / as %2F, ? as %3F and # as %23 in a password")


def virtual_host_of(url: str) -> str:
    """Return the virtual host of an AMQP URL, `/` by default. Raises ValueError."""
    return unquote(parts_of(url).path[1:]) or "/"


def tls_context_of(url: str) -> ssl.SSLContext | None:
    """Return the TLS context of an `amqps://` URL, which always verifies the broker's certificate.

    Raises ValueError, and OSError for an unreadable certificate file.
    """
    parts = parts_of(url)
    if parts.scheme != "amqps":
        return None
    options = dict(parse_qsl(parts.query))
    context = ssl.create_default_context(cafile=options.get("cacertfile"))
    if certificate := options.get("certfile"):
        context.load_cert_chain(certificate, options.get("keyfile"))
    return context
