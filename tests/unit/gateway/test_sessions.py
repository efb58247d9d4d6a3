"""Signing in: the answers, the stored data, and the limits of other sites."""

from datetime import timedelta

import pytest
from tests.support.eventually import eventually
from tests.support.gateway.system import BASE, System, running_system
from tests.support.gateway.visitor import PASSWORD, Visitor, enroll

from gateway.access.models import Role
from gateway.access.passwords import Argon2Passwords
from shared.security.api_keys import hash_key

SIGN_IN = "/api/auth/sign-in/email"
SESSION = "/api/auth/get-session"


@pytest.fixture
async def ann(system: System) -> Visitor:
    return await Visitor.with_role(system, Role.READ, "ann")


async def test_signing_in_gives_the_person_and_a_cookie_that_no_script_reads(system: System) -> None:
    enroll(system, "ann", Role.READ)
    answer = await Visitor(system).sign_in(" Ann@Example.com ")
    assert answer.status == 200
    assert answer.json["user"] | {"createdAt": ""} == {
        "id": "u-ann",
        "email": "ann@example.com",
        "name": "Ann",
        "createdAt": "",
    }
    cookie = answer.headers["set-cookie"].lower()
    for promise in ("__host-flowport_session=", "httponly", "samesite=lax", "secure", "path=/", "max-age=604800"):
        assert promise in cookie
    assert "domain" not in cookie


async def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(system: System) -> None:
    enroll(system, "ann", Role.READ)
    answers = [
        await Visitor(system).sign_in(email, password)
        for email, password in (("ann@example.com", "wrong"), ("nobody@example.com", PASSWORD))
    ]
    assert [answer.status for answer in answers] == [401, 401]
    assert answers[0].json == answers[1].json
    assert answers[0].json == {"code": "INVALID_EMAIL_OR_PASSWORD", "message": "Invalid email or password"}
    assert all("set-cookie" not in answer.headers for answer in answers)


async def test_only_the_hash_of_the_token_is_stored(system: System, ann: Visitor) -> None:
    (session,) = system.tenants.sessions.values()
    assert session.token_hash == hash_key(ann.token)
    assert ann.token not in repr(system.tenants.sessions)


async def test_the_session_describes_the_signed_in_person(ann: Visitor) -> None:
    found = await ann.get(SESSION)
    assert found["user"]["email"] == "ann@example.com"
    assert found["session"]["userId"] == "u-ann"
    assert "token" not in found["session"]


async def test_without_a_session_the_answer_is_null(system: System) -> None:
    for visitor in (Visitor(system), Visitor(system, token="made-up")):
        assert (await visitor.send("GET", SESSION)).body == b"null"


async def test_signing_out_ends_the_session_and_clears_the_cookie(ann: Visitor) -> None:
    token = ann.token
    assert (await ann.send("GET", SESSION)).body != b"null", "which is remembered for a moment"
    answer = await ann.send("POST", "/api/auth/sign-out")
    assert answer.status == 200
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert (await Visitor(ann.system, token=token).send("GET", SESSION)).body == b"null"


async def test_signing_in_again_ends_the_previous_session(ann: Visitor) -> None:
    before = ann.token
    await ann.sign_in("ann@example.com")
    assert ann.token != before
    assert (await Visitor(ann.system, token=before).send("GET", SESSION)).body == b"null"


async def test_a_session_ends_when_it_is_not_used(system: System, ann: Visitor) -> None:
    system.clock.advance(timedelta(days=7).total_seconds())
    assert (await ann.send("GET", SESSION)).body == b"null"


async def test_a_session_in_use_gets_another_token_each_day_and_ends_after_a_month(
    system: System, ann: Visitor
) -> None:
    first = ann.token
    system.clock.advance(timedelta(days=1, minutes=1).total_seconds())
    await ann.get(SESSION)
    assert ann.token != first
    assert (await Visitor(system, token=first).send("GET", SESSION)).json is not None, "a request on its way is served"
    system.clock.advance(61)
    assert (await Visitor(system, token=first).send("GET", SESSION)).body == b"null"
    days = 0
    while (await ann.send("GET", SESSION)).body != b"null":
        system.clock.advance(timedelta(days=1, minutes=1).total_seconds())
        days += 1
    assert 27 < days <= 30


async def test_tries_at_an_account_are_limited_until_the_window_ends(system: System) -> None:
    enroll(system, "ann", Role.READ)
    visitor = Visitor(system)
    for _ in range(10):
        assert (await visitor.sign_in("ann@example.com", "wrong")).status == 401
    refused = await visitor.sign_in("ann@example.com")
    assert (refused.status, refused.json["code"]) == (429, "TOO_MANY_ATTEMPTS")
    system.clock.advance(int(refused.headers["retry-after"]))
    assert (await visitor.sign_in("ann@example.com")).status == 200


async def test_guesses_from_other_addresses_do_not_lock_the_owner_out(system: System) -> None:
    enroll(system, "ann", Role.READ)
    stranger, owner = Visitor(system, address="198.51.100.7"), Visitor(system, address="203.0.113.5")
    for _ in range(11):
        refused = await stranger.sign_in("ann@example.com", "wrong")
    assert refused.status == 429
    assert (await owner.sign_in("ann@example.com")).status == 200
    assert (await stranger.sign_in("ann@example.com")).status == 429, "the owner's success forgives the owner alone"


async def test_tries_are_limited_by_address(system: System) -> None:
    for number in range(50):
        assert (await Visitor(system).sign_in(f"n{number}@example.com", "wrong")).status == 401
    assert (await Visitor(system).sign_in("other@example.com", "wrong")).status == 429


async def test_success_forgives_the_tries_before(system: System) -> None:
    enroll(system, "ann", Role.READ)
    for _ in range(3):
        for _ in range(9):
            await Visitor(system).sign_in("ann@example.com", "wrong")
        if (await Visitor(system).sign_in("ann@example.com")).status != 200:
            break
    assert not [key for key in system.tenants.attempts if key.startswith("account")]


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site", "origin": ""}]
)
async def test_another_site_cannot_use_the_session(ann: Visitor, headers: dict[str, str]) -> None:
    ann.origin = ""
    answer = await ann.send("POST", "/api/auth/sign-out", **headers)
    assert (answer.status, answer.json) == (403, {"error": "Access denied"})
    assert (await ann.send("GET", SESSION)).json is not None


@pytest.mark.parametrize(
    ("method", "mode", "dest", "status"),
    [
        ("GET", "navigate", "document", 200),
        ("GET", "navigate", "iframe", 403),
        ("GET", "no-cors", "image", 403),
        ("GET", "cors", "empty", 403),
        ("POST", "navigate", "document", 403),
    ],
)
async def test_only_navigation_from_another_site_is_accepted(
    ann: Visitor, method: str, mode: str, dest: str, status: int
) -> None:
    ann.origin = ""
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": mode, "sec_fetch_dest": dest}
    path = "/" if method == "GET" else "/api/auth/sign-out"
    assert (await ann.send(method, path, **headers)).status == status


async def test_another_site_cannot_sign_a_visitor_in(system: System) -> None:
    enroll(system, "ann", Role.READ)
    assert (await Visitor(system, origin="https://evil.example").sign_in("ann@example.com")).status == 403


async def test_only_the_cookie_that_no_other_host_can_set_counts(system: System, ann: Visitor) -> None:
    eve = await Visitor.with_role(system, Role.READ, "eve")
    planted = f"flowport_session={eve.token}"
    for cookie, expected in ((planted, None), (f"{planted}; __Host-flowport_session={ann.token}", "u-ann")):
        answer = await system.request("GET", SESSION, headers={"cookie": cookie})
        assert (answer.json and answer.json["user"]["id"]) == expected


async def test_without_tls_the_cookie_has_its_plain_name() -> None:
    async with running_system(public_url="http://flow.example") as system:
        enroll(system, "ann", Role.READ)
        cookie = (await Visitor(system, origin="").sign_in("ann@example.com")).headers["set-cookie"]
        shown = cookie.partition(";")[0]
        assert shown.startswith("flowport_session=")
        answers = [
            (await system.request("GET", SESSION, headers={"cookie": each})).json for each in (shown, f"__Host-{shown}")
        ]
        assert [answer is not None for answer in answers] == [True, False]


async def test_a_page_on_the_same_host_is_our_own(system: System) -> None:
    enroll(system, "ann", Role.READ)
    visitor = Visitor(system, origin="http://127.0.0.1:8080")
    body = {"email": "ann@example.com", "password": PASSWORD}
    assert (await visitor.send("POST", SIGN_IN, body, host="127.0.0.1:8080")).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "https://[evil.example]", "https://["])
async def test_a_page_on_another_host_is_not(system: System, origin: str) -> None:
    visitor = Visitor(system, origin=origin)
    body = {"email": "ann@example.com", "password": PASSWORD}
    assert (await visitor.send("POST", SIGN_IN, body, host="127.0.0.1:8080")).status == 403


async def test_changing_the_password_ends_every_other_session(system: System, ann: Visitor) -> None:
    elsewhere = Visitor(system)
    await elsewhere.sign_in("ann@example.com")
    path, new = "/api/auth/change-password", "a longer secret"
    refused = await ann.send("POST", path, {"currentPassword": "wrong", "newPassword": new})
    assert (refused.status, refused.json["code"]) == (401, "INVALID_EMAIL_OR_PASSWORD")
    short = await ann.send("POST", path, {"currentPassword": PASSWORD, "newPassword": "short"})
    assert short.status == 400
    assert (await ann.send("POST", path, {"currentPassword": PASSWORD, "newPassword": new})).status == 200
    assert (await elsewhere.send("GET", SESSION)).body == b"null"
    assert (await ann.send("GET", SESSION)).json is not None
    assert (await Visitor(system).sign_in("ann@example.com", new)).status == 200


async def test_a_password_changed_during_its_check_is_rejected(system: System, ann: Visitor) -> None:
    goes_on = system.passwords.hold_next()
    checks = system.passwords.checks
    body = {"email": "ann@example.com", "password": PASSWORD}
    signing_in = Visitor(system).call("POST", SIGN_IN, body)
    await eventually(lambda: system.passwords.checks > checks)
    change = {"currentPassword": PASSWORD, "newPassword": "a longer secret"}
    assert (await ann.send("POST", "/api/auth/change-password", change)).status == 200
    goes_on.set()
    answer = await signing_in.done()
    assert (answer.status, "set-cookie" in answer.headers) == (401, False)
    assert [hash_key(ann.token)] == list(system.tenants.sessions)


async def test_a_store_outage_ends_no_session(system: System, ann: Visitor) -> None:
    system.tenants.is_down = True
    system.clock.advance(2)
    answer = await ann.send("GET", SESSION)
    assert answer.status == 503
    assert BASE not in answer.body.decode()


class TestPasswords:
    async def test_a_hash_is_argon2id_and_fits_only_its_password(self) -> None:
        passwords = Argon2Passwords()
        stored_hash = await passwords.hash("secret")
        assert stored_hash.startswith("$argon2id$")
        assert await passwords.verify("secret", stored_hash)
        assert not await passwords.verify("Secret", stored_hash)

    async def test_no_account_is_checked_like_one(self) -> None:
        passwords = Argon2Passwords()
        assert not await passwords.verify("", None)
        assert not await passwords.verify("secret", "malformed hash")
