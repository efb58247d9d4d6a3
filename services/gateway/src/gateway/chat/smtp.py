"""Mail over SMTP, one connection per message."""

import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

import aiosmtplib

from gateway.chat.mail import Mail, MailServer, MailTls
from shared.errors import Unavailable

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
