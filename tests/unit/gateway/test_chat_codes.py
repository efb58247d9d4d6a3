"""Chats that verify their visitors: codes by mail, which do not disclose the list of guests."""

import asyncio
from typing import Any

import pytest
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.gateway.published_chat import CHAT, publish
from tests.support.gateway.system import Answer, System, running_system
from tests.support.mail_server import code_in

from gateway.access import passwords as sign_in
from gateway.chat import mail as outbox
from gateway.chat.codes import CODE_LIFE, MAX_TRIES
from gateway.chat.mail import Mail

INVITED = {**CHAT, "authType": "email", "allowedEmails": ["ada@example.com", "@acme.test"]}
WRONG = {"error": "Invalid or expired code", "code": "INVALID_OR_EXPIRED_CODE"}


async def ask(system: System, email: str, *, address: str = "10.0.0.1", method: str = "POST", **body: Any) -> Answer:
    sent = {"email": email, **body}
    return await system.send(method, "/api/chat/help-desk/otp", sent, key=None, address=address)


async def enter(system: System, email: str, code: str, **options: Any) -> Answer:
    return await ask(system, email, method="PUT", otp=code, **options)


async def mailed(system: System) -> str:
    """Return the code in the next mail."""
    return code_in((await next_mail(system)).text)


async def next_mail(system: System) -> Mail:
    return await asyncio.wait_for(system.mailer.mails.get(), PATIENCE_SECONDS)


async def test_a_code_by_mail_opens_the_chat_for_a_day(system: System) -> None:
    await publish(system, INVITED)
    look = await system.get("/api/chat/help-desk", key=None)
    assert (look.status, look.json["error"]) == (401, "auth_required_email")
    assert (await ask(system, " ADA@example.com ")).status == 200
    code = await mailed(system)
    answer = await enter(system, "ada@EXAMPLE.com", code)
    assert (answer.status, answer.json["title"]) == (200, "Help")
    assert "allowedEmails" not in answer.json
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "Max-Age=86400", "SameSite=strict", "Secure"))
    entered = {"cookie": cookie.partition(";")[0]}
    answer = await system.send("POST", "/api/chat/help-desk", {"input": "?"}, key=None, headers=entered)
    assert answer.status == 200
    system.clock.advance(24 * 3600)
    assert (await system.request("GET", "/api/chat/help-desk", headers=entered)).status == 401


async def test_the_mail_names_its_purpose(system: System) -> None:
    await publish(system, {**INVITED, "title": "Help\r\nBcc: all@acme.test"})
    await ask(system, "ada@example.com")
    mail = await next_mail(system)
    assert mail.to == "ada@example.com"
    assert mail.subject.endswith("is your code for Help Bcc: all@acme.test")
    assert "https://flow.example/chat/help-desk" in mail.text


async def test_guests_of_a_domain_are_admitted_and_lookalike_domains_are_not(system: System) -> None:
    await publish(system, INVITED)
    await ask(system, "bob@acme.test")
    assert (await enter(system, "bob@acme.test", await mailed(system))).status == 200
    for stranger in ("bob@sub.acme.test", "bob@acme.test.evil.example", "ada@example.org"):
        assert (await ask(system, stranger)).status == 200
    await ask(system, "zoe@acme.test")
    assert (await next_mail(system)).to == "zoe@acme.test"


async def test_answers_do_not_disclose_the_guest_list(system: System) -> None:
    await publish(system, INVITED)
    answers = [await ask(system, email) for email in ("ada@example.com", "eve@evil.example")]
    assert answers[0].json == answers[1].json
    assert answers[0].status == answers[1].status == 200
    for email in ("ada@example.com", "eve@evil.example"):
        refused = await enter(system, email, "wrong")
        assert refused.status == 401
        assert WRONG.items() <= refused.json.items()
    assert len(system.entry_codes.codes) == 2, "a code is made for both, and kept alike"


async def test_the_address_alone_grants_no_access(system: System) -> None:
    await publish(system, INVITED)
    for body in ({"email": "ada@example.com"}, {"email": "ada@example.com", "input": "?"}, {"password": "x"}):
        answer = await system.send("POST", "/api/chat/help-desk", body, key=None)
        assert (answer.status, answer.json["error"]) == (401, "auth_required_email")


async def test_only_a_hash_of_the_code_is_stored(system: System) -> None:
    await publish(system, INVITED)
    await ask(system, "ada@example.com")
    code = await mailed(system)
    ((key, kept),) = system.entry_codes.codes.items()
    assert kept.code_hash == await system.passwords.hash(code)
    assert "ada" not in key


async def test_a_code_is_good_once_and_for_ten_minutes(system: System) -> None:
    await publish(system, INVITED)
    await ask(system, "ada@example.com")
    code = await mailed(system)
    assert (await enter(system, "ada@example.com", code)).status == 200
    assert (await enter(system, "ada@example.com", code)).status == 401
    await ask(system, "ada@example.com")
    late = await mailed(system)
    system.clock.advance(CODE_LIFE.total_seconds())
    assert (await enter(system, "ada@example.com", late)).status == 401


async def test_a_new_code_replaces_the_old_one(system: System) -> None:
    await publish(system, INVITED)
    await ask(system, "ada@example.com")
    old = await mailed(system)
    await ask(system, "ada@example.com")
    new = await mailed(system)
    assert old == new or (await enter(system, "ada@example.com", old)).status == 401
    assert (await enter(system, "ada@example.com", new)).status == 200


async def test_a_code_is_for_its_address_and_its_chat(system: System) -> None:
    await publish(system, INVITED)
    await ask(system, "ada@example.com")
    code = await mailed(system)
    assert (await enter(system, "bob@acme.test", code)).status == 401
    system.deployments.put("W2")
    await system.send("POST", "/api/chat", {**INVITED, "workflowId": "W2", "identifier": "other"})
    other = {"email": "ada@example.com", "otp": code}
    assert (await system.send("PUT", "/api/chat/other/otp", other, key=None)).status == 401
    assert (await enter(system, "ada@example.com", code)).status == 200


async def test_guesses_at_a_code_are_limited_across_addresses(system: System) -> None:
    await publish(system, INVITED)
    await ask(system, "ada@example.com")
    code = await mailed(system)
    for number in range(MAX_TRIES):
        assert (await enter(system, "ada@example.com", "wrong", address=f"10.0.1.{number}")).status == 401
    assert (await enter(system, "ada@example.com", code, address="10.0.2.1")).status == 401


async def test_mails_to_a_mailbox_are_limited_across_addresses(system: System) -> None:
    await publish(system, INVITED)
    for email in ("ada@example.com", "eve@evil.example"):
        for number in range(3):
            assert (await ask(system, email, address=f"10.0.0.{number}")).status == 200
        flooding = await ask(system, email, address="10.0.0.9")
        assert flooding.status == 429
        assert int(flooding.headers["retry-after"]) > 0


async def test_codes_and_attempts_per_address_are_limited(system: System) -> None:
    await publish(system, INVITED)
    for number in range(50):
        assert (await ask(system, f"n{number}@acme.test")).status == 200
        assert (await enter(system, f"n{number}@acme.test", "wrong")).status == 401
    assert (await ask(system, "n50@acme.test")).status == 429
    assert (await enter(system, "n50@acme.test", "wrong")).status == 429
    assert (await ask(system, "n50@acme.test", address="10.9.9.9")).status == 200


async def guess(system: System, number: int, *, address: str) -> int:
    """Guess the code of a mailbox that the chat admits by its domain."""
    return (await enter(system, f"n{number}@acme.test", "wrong", address=address)).status


async def test_daily_guesses_of_an_ipv6_network_are_limited_across_its_sites(system: System) -> None:
    await publish(system, INVITED)
    for number in range(sign_in.CODES_PER_NETWORK):
        assert await guess(system, number, address=f"2001:db8:1:{number:x}::1") == 401
        system.clock.advance(60)
    assert await guess(system, 1, address="2001:db8:1:ffff::1") == 429
    assert await guess(system, 1, address="2001:db8:2::1") == 401, "another network"
    system.clock.advance(sign_in.DAY_SECONDS)
    assert await guess(system, 1, address="2001:db8:1:ffff::1") == 401


async def test_right_codes_do_not_count(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "CODES_PER_NETWORK", 1)
    await publish(system, INVITED)
    for number in range(3):
        await ask(system, f"n{number}@acme.test")
        assert (await enter(system, f"n{number}@acme.test", await mailed(system))).status == 200
    assert await guess(system, 1, address="10.0.0.1") == 401
    assert await guess(system, 1, address="10.0.0.1") == 429


async def test_a_chat_under_attack_opens_to_networks_that_do_not_guess(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "CODES_PER_CHAT", 20)
    await publish(system, INVITED)
    seen = [await guess(system, number, address=f"2001:db8:{number:x}::1") for number in range(40)]
    assert seen == [401] * 20 + [429] * 20, "each from another /48 of one /32"
    await ask(system, "ada@example.com")
    assert await guess(system, 1, address="192.0.2.1") == 401
    assert (await enter(system, "ada@example.com", await mailed(system), address="192.0.2.2")).status == 200
    for _ in range(sign_in.CODES_OF_A_QUIET_REGION - 1):
        assert await guess(system, 1, address="192.0.2.3") == 401
    assert await guess(system, 1, address="192.0.2.4") == 429, "the /24 has guessed as well"


async def test_a_mailbox_is_guessed_at_so_often_in_a_day(system: System) -> None:
    await publish(system, INVITED)
    for number in range(sign_in.CODES_PER_MAILBOX):
        assert await guess(system, 1, address=f"2001:db8:{number:x}::1") == 401
    assert await guess(system, 1, address="2001:db8:ffff::1") == 429
    assert await guess(system, 2, address="2001:db8:ffff::1") == 401, "another mailbox"
    await ask(system, "n1@acme.test")
    assert (await enter(system, "n1@acme.test", await mailed(system), address="192.0.2.1")).status == 200


async def test_a_removed_guest_loses_access_immediately(system: System) -> None:
    await publish(system, INVITED)
    await ask(system, "ada@example.com")
    answer = await enter(system, "ada@example.com", await mailed(system))
    entered = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
    await ask(system, "ada@example.com")
    second = await mailed(system)
    await system.send("PATCH", "/api/chat/manage/C1", {"allowedEmails": ["@acme.test"]})
    assert (await system.request("GET", "/api/chat/help-desk", headers=entered)).status == 401
    assert (await enter(system, "ada@example.com", second)).status == 401


async def test_the_cookie_of_one_person_is_not_that_of_another(system: System) -> None:
    await publish(system, INVITED)
    await ask(system, "bob@acme.test")
    answer = await enter(system, "bob@acme.test", await mailed(system))
    forged = answer.headers["set-cookie"].partition(";")[0].replace(b"bob".hex(), b"ada".hex())
    assert (await system.request("GET", "/api/chat/help-desk", headers={"cookie": forged})).status == 401


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "a@b",
        "a,b@acme.test",
        "a%evil.example@acme.test",
        "a@acme.test\r\nRCPT TO:<x@y.z>",
        "ä@acme.test",
        "a..b@acme.test",
        ".a@acme.test",
        "a.@acme.test",
    ],
)
async def test_an_invalid_address_is_refused(system: System, email: str) -> None:
    await publish(system, INVITED)
    answer = await ask(system, email)
    assert (answer.status, answer.json["error"]) == (400, "Invalid email address")


async def test_a_chat_without_email_access_has_no_codes(system: System) -> None:
    await publish(system)
    assert (await ask(system, "ada@example.com")).status == 400
    assert (await enter(system, "ada@example.com", "123456")).status == 400
    assert system.mailer.mails.empty()


async def test_without_a_mail_server_the_option_is_refused_with_a_reason() -> None:
    async with running_system(mails=False) as system:
        assert (await system.get("/api/workflows/W/chat/status")).json["canMail"] is False
        answer = await system.send("POST", "/api/chat", INVITED)
        assert answer.status == 400
        assert "FLOWPORT_SMTP_HOST" in answer.json["error"]


async def test_a_mail_server_outage_is_hidden_from_visitors(system: System) -> None:
    await publish(system, INVITED)
    system.mailer.refuses = True
    assert (await ask(system, "ada@example.com")).status == 200
    system.mailer.refuses = False
    await ask(system, "ada@example.com")
    assert (await enter(system, "ada@example.com", await mailed(system))).status == 200


async def test_mails_that_cannot_be_written_do_not_hold_up_those_that_can(system: System) -> None:
    await publish(system, INVITED)
    system.mailer.unwritable = {f"n{number}@acme.test" for number in range(outbox.AT_ONCE)}
    for email in system.mailer.unwritable:
        assert (await ask(system, email)).status == 200
    await ask(system, "ada@example.com")
    assert (await enter(system, "ada@example.com", await mailed(system))).status == 200


async def test_the_author_sees_the_list_and_the_secret_stays_through_changes(system: System) -> None:
    await publish(system, INVITED)
    view = (await system.get("/api/chat/manage/C1")).json
    assert view["allowedEmails"] == ["ada@example.com", "@acme.test"]
    secret = system.chats.stored["C1"].settings.ticket_secret
    assert secret and secret.encode() not in (await system.get("/api/chat/manage/C1")).body
    await system.send("PATCH", "/api/chat/manage/C1", {"title": "Other"})
    assert system.chats.stored["C1"].settings.ticket_secret == secret
