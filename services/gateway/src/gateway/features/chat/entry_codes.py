"""Access to chats by address: rules, codes and the mails that send them."""

import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.features.chat.mail import Mail
from shared.contracts.chats import Chat, ChatSettings
from shared.email_addresses import email_domain

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


def admits(settings: ChatSettings, email: str) -> bool:
    """Return whether the chat admits `email`: by address or domain."""
    return email in settings.allowed_emails or email_domain(email) in settings.allowed_emails


def code_mail(chat: Chat, email: str, code: str, *, url: str) -> Mail:
    """Return the mail with the code."""
    title = " ".join(chat.settings.title.split())
    minutes = int(CODE_LIFE.total_seconds() // 60)
    text = (
        f"{code} is your code for {title}.\n\n"
        f"Type it in at {url} within {minutes} minutes. It is good once.\n\n"
        "If you did not ask for it, somebody typed your address by mistake: without the code nobody gets in.\n"
    )
    return Mail(email, f"{code} is your code for {title}", text)
