"""Outgoing mail: messages, mail servers, and the queue.

Callers do not wait for mail: the duration would reveal whether one was sent.
"""

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from gateway import metrics
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
