"""A real mail server on loopback that stores what it receives."""

import queue
import re
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from flowport.servers.ports import reserve_port

HOST = "localhost"
ACCOUNT = ("flowport", "mail password")
PATIENCE_SECONDS = 30


class MailServer:
    """Requires TLS if `tls` is given (`from_the_first_byte`, or by STARTTLS), and then the right account."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, from_the_first_byte: bool = False) -> None:
        self._reserved = reserve_port()
        self.port = self._reserved.lend()
        self.refuses = False
        self._arrived: queue.Queue[EmailMessage] = queue.Queue()
        by_command = tls is not None and not from_the_first_byte
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=tls if from_the_first_byte else None,
            tls_context=tls if by_command else None,
            require_starttls=by_command,
            auth_required=by_command,
            authenticator=_is_the_account,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()
        self._reserved.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store a message; aiosmtpd calls this for each."""
        if self.refuses:
            return "554 No"
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
        assert envelope.rcpt_tos == [message["To"].addresses[0].addr_spec]
        self._arrived.put(message)
        return "250 OK"

    def next(self) -> EmailMessage:
        """Return the next message; wait for it."""
        return self._arrived.get(timeout=PATIENCE_SECONDS)

    @property
    def is_empty(self) -> bool:
        """Return whether every received message was read."""
        return self._arrived.empty()


def code_in(text: str) -> str:
    """Return the six digits of a mail."""
    found = re.search(r"\b\d{6}\b", text)
    assert found, text
    return found.group()


def _is_the_account(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == tuple(map(str.encode, ACCOUNT))
    return AuthResult(success=is_right)
