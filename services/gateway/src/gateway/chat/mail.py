"""Outgoing mail: messages, mail servers, and the queue.

Callers do not wait for mail: the duration would reveal whether one was sent.
"""

import asyncio
import ssl
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from enum import StrEnum
from typing import Final, Protocol

import aiosmtplib
import msgspec

from gateway import metrics
from shared.errors import Unavailable
from shared.observe.logging import get_logger


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


class Mailer(Protocol):
    """Outgoing mail server."""

    async def send(self, mail: Mail) -> None:
        """Send a mail; the server has accepted it on return. Raises Unavailable."""


CAPACITY: Final = 200


AT_ONCE: Final = 4


STOP_SECONDS: Final = 5.0


log = get_logger("outbox")


class Outbox:
    """Sender of queued mail, with limited concurrency. Without a mailer it is closed."""

    def __init__(self, mailer: Mailer | None) -> None:
        self._mailer = mailer
        self._waiting: asyncio.Queue[Mail] = asyncio.Queue(CAPACITY)
        self._senders: list[asyncio.Task[None]] = []

    @property
    def is_open(self) -> bool:
        """Return whether there is a mail server."""
        return self._mailer is not None

    async def start(self) -> None:
        """Start sending."""
        if self._mailer is not None:
            self._senders = [asyncio.create_task(self._send_for_ever(self._mailer)) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """Send queued mail, as time allows."""
        if not self._senders:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), STOP_SECONDS)
        for sender in self._senders:
            sender.cancel()
        await asyncio.wait(self._senders)

    def post(self, mail: Mail) -> None:
        """Queue a mail. Excess mail is dropped: its recipient can request it again."""
        try:
            self._waiting.put_nowait(mail)
        except asyncio.QueueFull:
            metrics.MAILS.labels("dropped").inc()
            log.error("mail_dropped", reason="queue_full", capacity=CAPACITY)

    async def _send_for_ever(self, mailer: Mailer) -> None:
        while True:
            mail = await self._waiting.get()
            try:
                await mailer.send(mail)
                metrics.MAILS.labels("sent").inc()
            except Exception as error:  # any failure of one mail: a sender that ended would not be restarted
                metrics.MAILS.labels("failed").inc()
                log.error("mail_send_failed", error=str(error))
            finally:
                self._waiting.task_done()


SENDER_NAME: Final = "Flowport"


TIMEOUT_SECONDS: Final = 20.0
"""Per step of the SMTP dialog."""


class SmtpMailer:
    """Implements Mailer. The server's certificate must be trusted by the system, or by `trust`."""

    def __init__(self, server: MailServer, *, trust: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._trust = trust or ssl.create_default_context()

    async def send(self, mail: Mail) -> None:
        server = self._server
        try:
            await aiosmtplib.send(
                _message(mail, server.sender),
                sender=server.sender,
                recipients=[mail.to],
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password,
                use_tls=server.tls is MailTls.TLS,
                start_tls=server.tls is MailTls.STARTTLS,
                tls_context=None if server.tls is MailTls.NONE else self._trust,
                timeout=TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(f"the mail server refused a message: {error}") from error


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = Address(SENDER_NAME, addr_spec=sender)
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
