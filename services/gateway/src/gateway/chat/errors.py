"""Errors of chat visitors."""

from shared.contracts.chats import ChatAccess
from shared.errors import Forbidden, Unauthenticated


class ChatUnavailable(Forbidden):
    """The chat is closed, or its workflow is not live."""

    code = "CHAT_UNAVAILABLE"
    default_message = "This chat is currently unavailable"


class ChatLocked(Unauthenticated):
    """The chat requires a password or an address; chat pages rely on the message."""

    code = "CHAT_LOCKED"

    def __init__(self, access: ChatAccess) -> None:
        super().__init__(f"auth_required_{access}")


class WrongPassword(Unauthenticated):
    """The password is wrong."""

    code = "WRONG_PASSWORD"
    default_message = "Invalid password"


class WrongCode(Unauthenticated):
    """The code is wrong, expired or for another address; the error does not say which."""

    code = "WRONG_CODE"
    default_message = "Invalid or expired code"
