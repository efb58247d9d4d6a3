"""Mailed codes for chats that verify email addresses.

Every request creates a code, but only allowed addresses receive it: neither the answer nor its timing reveals which
addresses are on the list.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.access.passwords import Argon2Passwords, SignInAttempts
from gateway.chat.mail import Mail, Outbox
from gateway.chat.sessions import WrongCode, admits, ticket_for
from shared.clock import Clock
from shared.contracts.chats import Chat, ChatAccess
from shared.email_addresses import normalize_email
from shared.errors import InvalidRequest, Unavailable
from shared.store.client import Store, store_call
from shared.store.indexes import Index, ascending

CODE_DIGITS: Final = 6


CODE_LIFE: Final = timedelta(minutes=10)


MAX_TRIES: Final = 5
"""Including wrong ones and the right one; then a new code is needed."""


class EntryCode(msgspec.Struct, frozen=True, kw_only=True):
    """Code for an address. Only its hash is stored."""

    code_hash: str
    expires_at: datetime


def new_code() -> str:
    """Return random digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


def code_mail(chat: Chat, email: str, code: str, *, url: str) -> Mail:
    """Return the mail with the code."""
    title = " ".join(chat.settings.title.split())
    minutes = int(CODE_LIFE.total_seconds() // 60)
    text = (
        f"{code} is your code for {title}.\n\n"
        f"Enter it at {url} within {minutes} minutes. It can be used once.\n\n"
        "If you did not request a code, ignore this mail: the chat cannot be entered without the code.\n"
    )
    return Mail(email, f"{code} is your code for {title}", text)


NOT_VERIFYING: Final = "This chat does not verify email addresses"


class EntryCodeStore:
    """Implements EntryCodeStore."""

    def __init__(self, store: Store) -> None:
        self._codes = store.collection(CODES)

    @store_call
    async def put(self, key: str, code: EntryCode) -> None:
        await self._codes.replace_one({"_id": key}, {**msgspec.structs.asdict(code), "tries": 0}, upsert=True)

    @store_call
    async def count_try(self, key: str, now: datetime) -> EntryCode | None:
        good = {"_id": key, "tries": {"$lt": MAX_TRIES}, "expires_at": {"$gt": now}}
        counted = await self._codes.update_one(good, {"$inc": {"tries": 1}})
        document = await self._codes.find_one({"_id": key}) if counted.matched_count else None
        return None if document is None else msgspec.convert(document, EntryCode)

    @store_call
    async def use(self, key: str, code: EntryCode) -> bool:
        return (await self._codes.delete_one({"_id": key, "code_hash": code.code_hash})).deleted_count == 1


class ChatCodes:
    """Service that mails codes and exchanges them for tickets."""

    def __init__(
        self,
        codes: EntryCodeStore,
        outbox: Outbox,
        *,
        passwords: Argon2Passwords,
        attempts: SignInAttempts,
        clock: Clock,
    ) -> None:
        self._codes = codes
        self._outbox = outbox
        self._passwords = passwords
        self._attempts = attempts
        self._clock = clock

    async def send(self, chat: Chat, email: str, *, address: str, url: str) -> None:
        """Mail a new code to `email`, if allowed. Raises InvalidRequest, TooManyAttempts, Unavailable."""
        email = _verified_address(chat, email)
        if not self._outbox.is_open:
            raise Unavailable("a chat sends codes by email, but FLOWPORT_SMTP_HOST is not set")
        await self._attempts.count_mail(to=email, address=address)
        code = new_code()
        stored = EntryCode(
            code_hash=await self._passwords.hash(code, address=address), expires_at=self._clock.now() + CODE_LIFE
        )
        await self._codes.put(_key(chat, email), stored)
        if admits(chat.settings, email):
            self._outbox.post(code_mail(chat, email, code, url=url))

    async def redeem(self, chat: Chat, email: str, code: str, *, address: str) -> str:
        """Return a ticket for a code. Raises InvalidRequest, WrongCode, TooManyAttempts, Unavailable."""
        email = _verified_address(chat, email)
        await self._attempts.count_code(chat_id=chat.id, email=email, address=address)
        key = _key(chat, email)
        stored = await self._codes.count_try(key, self._clock.now())
        is_right = await self._passwords.verify(code, stored.code_hash if stored else None, address=address)
        if stored is None or not is_right or not admits(chat.settings, email) or not await self._codes.use(key, stored):
            raise WrongCode
        await self._attempts.forget_code(chat_id=chat.id, email=email, address=address)
        return ticket_for(chat, self._clock.now(), holder=email)


def _verified_address(chat: Chat, email: str) -> str:
    if chat.settings.access is not ChatAccess.EMAIL:
        raise InvalidRequest(NOT_VERIFYING)
    normalized = normalize_email(email)
    if normalized is None:
        raise InvalidRequest("Invalid email address")
    return normalized


def _key(chat: Chat, email: str) -> str:
    return hashlib.sha256(f"{chat.id} {email}".encode()).hexdigest()


CODES: Final = "entry_codes"


INDEXES: Final = (Index(CODES, ascending("expires_at"), expire_after_seconds=0),)
