"""Why a visitor of a chat is not let in."""

from shared.contracts.chats import ChatAccess
from shared.errors import Forbidden, Unauthenticated


class ChatUnavailable(Forbidden):
    """A chat that its author has closed, or whose workflow is not live."""

    code = "CHAT_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("This chat is currently unavailable")


class ChatLocked(Unauthenticated):
    """A chat that wants a password or an address first; the message is what chat pages wait for."""

    code = "CHAT_LOCKED"

    def __init__(self, access: ChatAccess) -> None:
        super().__init__(f"auth_required_{access}")


class WrongPassword(Unauthenticated):
    """Not the password of this chat."""

    code = "WRONG_PASSWORD"

    def __init__(self) -> None:
        super().__init__("Invalid password")


class WrongCode(Unauthenticated):
    """Not the code, not any more, or not for this address. Which of them is nobody's business."""

    code = "WRONG_CODE"

    def __init__(self) -> None:
        super().__init__("Invalid or expired code")
