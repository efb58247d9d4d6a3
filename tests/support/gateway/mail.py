"""Mail and entry codes in memory."""

import asyncio
from datetime import datetime

from gateway.chat.codes import MAX_TRIES, EntryCode
from gateway.chat.mail import Mail
from shared.errors import Unavailable


class FakeMailer:
    """Implements Mailer."""

    def __init__(self) -> None:
        self.mails: asyncio.Queue[Mail] = asyncio.Queue()
        self.refuses = False
        self.unwritable: set[str] = set()

    async def send(self, mail: Mail) -> None:
        if mail.to in self.unwritable:
            raise ValueError("no such header")
        if self.refuses:
            raise Unavailable("the mail server refused a message")
        self.mails.put_nowait(mail)


class FakeEntryCodes:
    """Implements EntryCodes."""

    def __init__(self) -> None:
        self.codes: dict[str, EntryCode] = {}
        self.tries: dict[str, int] = {}

    async def put(self, key: str, code: EntryCode) -> None:
        self.codes[key], self.tries[key] = code, 0

    async def count_try(self, key: str, now: datetime) -> EntryCode | None:
        code = self.codes.get(key)
        if code is None or code.expires_at <= now or self.tries[key] >= MAX_TRIES:
            return None
        self.tries[key] += 1
        return code

    async def use(self, key: str, code: EntryCode) -> bool:
        return self.codes.get(key) == code and self.codes.pop(key) is not None
