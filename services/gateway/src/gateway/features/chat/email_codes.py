"""Mailed codes for chats that verify email addresses.

Every request creates a code, but only allowed addresses receive it: neither the answer nor its timing reveals which
addresses are on the list.
"""

import hashlib
from typing import Final

from gateway.access.application.sign_in_attempts import SignInAttempts
from gateway.access.ports.accounts import Passwords
from gateway.features.chat.entry_codes import CODE_LIFE, EntryCode, admits, code_mail, new_code
from gateway.features.chat.errors import WrongCode
from gateway.features.chat.mail_ports import EntryCodes
from gateway.features.chat.outbox import Outbox
from gateway.features.chat.ticket import ticket_for
from shared.clock import Clock
from shared.contracts.chats import Chat, ChatAccess
from shared.email_addresses import normalize_email
from shared.errors import InvalidRequest, Unavailable

NO_CODES: Final = "This chat does not ask for an email address"


class ChatCodes:
    """Service that mails codes and exchanges them for tickets."""

    def __init__(
        self, codes: EntryCodes, outbox: Outbox, *, passwords: Passwords, attempts: SignInAttempts, clock: Clock
    ) -> None:
        self._codes = codes
        self._outbox = outbox
        self._passwords = passwords
        self._attempts = attempts
        self._clock = clock

    async def send(self, chat: Chat, email: str, *, address: str, url: str) -> None:
        """Mail a new code to `email`, if allowed. Raises InvalidRequest, TooManyAttempts, Unavailable."""
        email = _asked_of(chat, email)
        if not self._outbox.is_open:
            raise Unavailable("a chat asks for addresses, and FLOWPORT_SMTP_HOST is not set")
        await self._attempts.count_mail(to=email, address=address)
        code = new_code()
        kept = EntryCode(
            code_hash=await self._passwords.hash(code, address=address), expires_at=self._clock.now() + CODE_LIFE
        )
        await self._codes.put(_key(chat, email), kept)
        if admits(chat.settings, email):
            self._outbox.post(code_mail(chat, email, code, url=url))

    async def redeem(self, chat: Chat, email: str, code: str, *, address: str) -> str:
        """Return a ticket for a code. Raises InvalidRequest, WrongCode, TooManyAttempts, Unavailable."""
        email = _asked_of(chat, email)
        await self._attempts.count_code(chat_id=chat.id, email=email, address=address)
        key = _key(chat, email)
        kept = await self._codes.count_try(key, self._clock.now())
        is_right = await self._passwords.verify(code, kept.code_hash if kept else None, address=address)
        if kept is None or not is_right or not admits(chat.settings, email) or not await self._codes.use(key, kept):
            raise WrongCode
        await self._attempts.code_was_right(chat_id=chat.id, email=email, address=address)
        return ticket_for(chat, self._clock.now(), holder=email)


def _asked_of(chat: Chat, email: str) -> str:
    if chat.settings.access is not ChatAccess.EMAIL:
        raise InvalidRequest(NO_CODES)
    known = normalize_email(email)
    if known is None:
        raise InvalidRequest("Invalid email address")
    return known


def _key(chat: Chat, email: str) -> str:
    return hashlib.sha256(f"{chat.id} {email}".encode()).hexdigest()
