"""The contract of mailers: the fake of the tests, and the real one before a real mail server."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.support.gateway.mail import FakeMailer
from tests.support.mail_server import ACCOUNT, HOST, MailServer

from gateway.chat import mail
from gateway.chat.mail import Mail, Mailer, MailTls, SmtpMailer
from shared.errors import Unavailable

MAIL = Mail("o'hara+chat@example.com", "123456 ist Ihr Code für “Grüße”", "Grüße\n\n.\n123456\n")


@dataclass
class Mailbox:
    """A mailer, its results, and a switch that makes the other side refuse."""

    mailer: Mailer
    next: Callable[[], Mail]
    refuse: Callable[[], None]


def sends_to(server: MailServer, tls: MailTls, trust: ssl.SSLContext | None = None) -> SmtpMailer:
    username, password = (None, None) if tls is not MailTls.STARTTLS else ACCOUNT
    where = mail.MailServer(
        host=HOST, port=server.port, tls=tls, sender="flow@example.org", username=username, password=password
    )
    return SmtpMailer(where, trust=trust)


def _fake() -> Mailbox:
    mailer = FakeMailer()
    return Mailbox(mailer, mailer.mails.get_nowait, lambda: setattr(mailer, "refuses", True))


@contextmanager
def _real(tls: MailTls, authority: Authority) -> Iterator[Mailbox]:
    context = None if tls is MailTls.NONE else authority.server_context(HOST)
    with MailServer(context, from_the_first_byte=tls is MailTls.TLS) as server:

        def arrived() -> Mail:
            message = server.next()
            assert message["From"] == "Flowport <flow@example.org>"
            text = message.get_content().replace("\r\n", "\n")  # lines end so on the wire
            return Mail(message["To"].addresses[0].addr_spec, message["Subject"], text)

        yield Mailbox(
            sends_to(server, tls, authority.client_context()), arrived, lambda: setattr(server, "refuses", True)
        )


@pytest.fixture(params=["fake", *MailTls])
def mailbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mailbox]:
    if request.param == "fake":
        yield _fake()
        return
    with _real(MailTls(request.param), Authority(tmp_path)) as opened:
        yield opened


async def test_a_mail_reaches_its_recipient_unchanged(mailbox: Mailbox) -> None:
    await mailbox.mailer.send(MAIL)
    assert mailbox.next() == MAIL


async def test_a_mail_that_is_refused_is_unavailable(mailbox: Mailbox) -> None:
    mailbox.refuse()
    with pytest.raises(Unavailable):
        await mailbox.mailer.send(MAIL)


@pytest.mark.parametrize("tls", [MailTls.STARTTLS, MailTls.TLS])
async def test_a_server_without_a_valid_certificate_gets_nothing(tmp_path: Path, tls: MailTls) -> None:
    stranger = Authority(tmp_path).server_context("mail.elsewhere.example")
    with MailServer(stranger, from_the_first_byte=tls is MailTls.TLS) as server:
        with pytest.raises(Unavailable):
            await sends_to(server, tls).send(MAIL)
        assert server.is_empty


async def test_nothing_is_sent_in_clear_if_starttls_is_required() -> None:
    with MailServer() as server:
        with pytest.raises(Unavailable):
            await sends_to(server, MailTls.STARTTLS).send(MAIL)
        assert server.is_empty


async def test_no_server_is_unavailable(free_port: int) -> None:
    where = mail.MailServer(host=HOST, port=free_port, tls=MailTls.NONE, sender="flow@example.org")
    with pytest.raises(Unavailable):
        await SmtpMailer(where).send(MAIL)
