"""Mails and mail servers."""

from enum import StrEnum

import msgspec


class Mail(msgspec.Struct, frozen=True):
    """Plain-text message to one user."""

    to: str
    subject: str
    text: str


class MailTls(StrEnum):
    """Encryption of the connection to a mail server."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Mail server and credentials."""

    host: str
    port: int
    tls: MailTls
    sender: str
    username: str | None = None
    password: str | None = None
