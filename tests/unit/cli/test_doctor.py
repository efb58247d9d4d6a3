"""`flowport doctor`: findings about settings and addresses, and repeated checks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.fake_service import FakeService
from tests.support.http_stub import Answer, HttpStub

from flowport import doctor
from flowport.doctor import DoctorTargets, Finding, Verdict, check_service, check_settings, check_store, check_until_ok
from shared.settings import StoreSettings

SET = {
    "FLOWPORT_ENVIRONMENT_KEYS": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "FLOWPORT_WEBHOOK_KEYS": "1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
    "FLOWPORT_TICKET_KEYS": "1:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=",
    "FLOWPORT_TOKEN_GATEWAY": "g" * 32,
}
REFUSED = Finding("store", Verdict.PROBLEM, "cannot connect", "start MongoDB")
TARGETS = DoctorTargets(None, "", None, Path())


def findings(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> list[str]:
    """Return the checks that report more than success."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return [finding.check for finding in check_settings() if finding.verdict is not Verdict.OK]


def test_complete_settings_have_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(monkeypatch, SET) == []


@pytest.mark.parametrize(
    ("variable", "value", "check"),
    [
        ("FLOWPORT_ENVIRONMENT_KEYS", "", "environment keys"),
        ("FLOWPORT_WEBHOOK_KEYS", "", "webhook keys"),
        ("FLOWPORT_TICKET_KEYS", "", "run tickets"),
        ("FLOWPORT_RUN_TICKETS", "accept-missing", "run tickets"),
        ("FLOWPORT_TOKEN_JOBS", "g" * 32, "tokens between services"),
        ("FLOWPORT_TOKEN_GATEWAY", "", "tokens between services"),
        ("FLOWPORT_DRAIN_SECONDS", "soon", "settings of gateway"),
    ],
)
def test_a_setting_that_restricts_or_endangers_the_installation(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, check: str
) -> None:
    assert findings(monkeypatch, {**SET, variable: value}) == [check]


async def test_an_invalid_service_url_is_a_finding() -> None:
    found = await check_service("gateway", "http://host:port")
    assert (found.check, found.verdict) == ("gateway", Verdict.PROBLEM)


@pytest.mark.parametrize("uri", ["mongodb://127.0.0.1:99999", "mongodb://a:b", "127.0.0.1", ""])
async def test_an_invalid_store_uri_names_its_variable(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.delenv("FLOWPORT_MONGODB_URI_GATEWAY", raising=False)
    found = await check_store(StoreSettings(mongodb_uri=uri))
    assert (found.check, found.verdict) == ("store", Verdict.PROBLEM)
    assert "FLOWPORT_MONGODB_URI" in found.found


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_gateway_that_hides_its_readiness_is_ok(status: int) -> None:
    with FakeService("gateway", hides=status) as gateway:
        found = await check_service("gateway", f"{gateway.url}/")
    assert (found.verdict, found.found) == (Verdict.OK, "responds; public callers cannot see its readiness")


async def test_a_server_that_is_not_a_flowport_service_is_a_problem() -> None:
    with FakeService("deploy-service", hides=404) as service:
        found = await check_service("deploy-service", service.url)
    assert found.verdict is Verdict.PROBLEM
    assert found.found == f"{service.url} returned status 404, which deploy-service does not return"


async def test_a_draining_service_is_not_ready() -> None:
    with FakeService("jobs-service", status="draining") as service:
        found = await check_service("jobs-service", service.url)
    assert (found.verdict, found.found) == (Verdict.PROBLEM, "not ready: draining")


async def test_a_gateway_is_checked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with HttpStub() as proxy:
        proxy.answer(Answer(body='{"status": "ready", "problems": []}'))
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        found = await check_service("gateway", "http://flow.example", proxied=True)
    assert found.verdict is Verdict.OK
    assert [request.target for request in proxy.requests] == ["http://flow.example/readyz"]


@pytest.mark.parametrize(("seconds", "problems", "runs", "verdict"), [(60, 2, 3, "ok"), (0, 1, 1, "problem")])
async def test_checks_are_repeated_until_none_finds_a_problem(
    monkeypatch: pytest.MonkeyPatch, seconds: float, problems: int, runs: int, verdict: str
) -> None:
    done = 0

    async def checks(targets: DoctorTargets) -> AsyncIterator[Finding]:
        nonlocal done
        done += 1
        yield REFUSED if done <= problems else Finding("store", Verdict.OK, "is available")

    monkeypatch.setattr(doctor, "run_checks", checks)
    (found,) = await check_until_ok(TARGETS, seconds=seconds, pause=0.01)
    assert (found.verdict, done) == (verdict, runs)
