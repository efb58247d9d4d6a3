"""Mail to people, and the server that takes it."""

from enum import StrEnum

import msgspec


class Mail(msgspec.Struct, frozen=True):
    """A message of plain text to one person."""

    to: str
    subject: str
    text: str


class MailTls(StrEnum):
    """How the connection to a mail server is kept from others."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail is handed over, and as whom."""

    host: str
    port: int
    tls: MailTls
    sender: str
    username: str | None = None
    password: str | None = None
