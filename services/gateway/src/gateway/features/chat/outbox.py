"""Mail on its way to the mail server. Nobody waits for it: how long that takes would tell whether any was sent."""

import asyncio
from contextlib import suppress
from typing import Final

from gateway import metrics
from gateway.features.chat.mail import Mail
from gateway.features.chat.mail_ports import Mailer
from shared.observe.logging import get_logger

CAPACITY: Final = 200
AT_ONCE: Final = 4
STOP_SECONDS: Final = 5.0

log = get_logger("outbox")


class Outbox:
    """Sends what is posted, a few at once. Without a mailer it is closed."""

    def __init__(self, mailer: Mailer | None) -> None:
        self._mailer = mailer
        self._waiting: asyncio.Queue[Mail] = asyncio.Queue(CAPACITY)
        self._senders: list[asyncio.Task[None]] = []

    @property
    def is_open(self) -> bool:
        """Whether there is a mail server."""
        return self._mailer is not None

    async def start(self) -> None:
        """Begin to send."""
        if self._mailer is not None:
            self._senders = [asyncio.create_task(self._send_for_ever(self._mailer)) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """Send what is waiting, as far as there is time."""
        if not self._senders:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), STOP_SECONDS)
        for sender in self._senders:
            sender.cancel()
        await asyncio.wait(self._senders)

    def post(self, mail: Mail) -> None:
        """Send it soon. What is too much is dropped: whoever waits for a mail asks again."""
        try:
            self._waiting.put_nowait(mail)
        except asyncio.QueueFull:
            metrics.MAILS.labels("dropped").inc()
            log.error("a mail is dropped: too many are waiting")

    async def _send_for_ever(self, mailer: Mailer) -> None:
        while True:
            mail = await self._waiting.get()
            try:
                await mailer.send(mail)
                metrics.MAILS.labels("sent").inc()
            except Exception as error:  # whatever is wrong with this one: nobody begins a sender that ended again
                metrics.MAILS.labels("failed").inc()
                log.error("a mail could not be sent", error=str(error))
            finally:
                self._waiting.task_done()
