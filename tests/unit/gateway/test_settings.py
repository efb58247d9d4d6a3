"""Settings have our names and, as aliases, Sim's."""

import pytest

from gateway.access.plans import PlanName
from gateway.chat.mail import MailTls
from gateway.settings import GatewaySettings
from shared.contracts.runs import RunMode
from shared.settings import load_settings


def test_plans_have_the_promised_limits() -> None:
    plans = GatewaySettings().plans()
    assert set(plans) == set(PlanName)
    limits = {name: (plan.sync_seconds, plan.async_seconds) for name, plan in plans.items()}
    assert limits.pop(PlanName.FREE) == (300, 5400)
    assert set(limits.values()) == {(3000, 5400)}
    assert [plan.concurrency for plan in plans.values()][:5] == [5, 50, 200, 200, 200]


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("PORT", "9000", "gateway_port", 9000),
        ("FLOWPORT_GATEWAY_PORT", "9001", "gateway_port", 9001),
        ("ADMISSION_GATE_MAX_INFLIGHT", "7", "admission_gate_max_inflight", 7),
        ("EXECUTION_TIMEOUT_FREE", "1", "execution_timeout_free", 1),
        ("EXECUTION_TIMEOUT_ASYNC_TEAM", "2", "execution_timeout_async_team", 2),
        ("FLOWPORT_DEFAULT_PLAN", "community", "default_plan", PlanName.FREE),
    ],
)
def test_a_setting_has_its_names(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, read: object
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(GatewaySettings(), field) == read


def test_links_start_with_the_public_url_or_the_listening_address() -> None:
    assert GatewaySettings(public_url="https://flow.example/").base_url == "https://flow.example"
    assert GatewaySettings(gateway_port=9002).base_url == "http://localhost:9002"


def test_help_links_need_an_http_address() -> None:
    assert GatewaySettings(docs_url="https://docs.example/").docs_url == "https://docs.example"
    with pytest.raises(ValueError, match="must begin with http:// or https://"):
        GatewaySettings(docs_url="docs.example")


def test_a_caller_never_raises_a_time_limit() -> None:
    plan = GatewaySettings().plans()[PlanName.FREE]
    assert plan.time_limit_ms(RunMode.SYNC) == 300_000
    assert plan.time_limit_ms(RunMode.ASYNC, 60) == 60_000
    assert plan.time_limit_ms(RunMode.ASYNC, 99_999) == 5_400_000


def test_no_mail_is_sent_without_a_server() -> None:
    assert GatewaySettings().mail_server() is None
    server = GatewaySettings(smtp_host="mail.example", mail_from="flow@example.org").mail_server()
    assert server is not None
    assert (server.port, server.tls, server.username) == (587, MailTls.STARTTLS, None)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"SMTP_HOST": "mail.example"}, "requires FLOWPORT_MAIL_FROM"),
        ({"SMTP_HOST": "mail.example", "MAIL_FROM": "Flowport"}, "MAIL_FROM=Flowport: must be an email address"),
        ({"SMTP_USERNAME": "flow"}, "Set both FLOWPORT_SMTP_USERNAME"),
        ({"SMTP_USERNAME": "flow", "SMTP_PASSWORD": "p", "SMTP_TLS": "none"}, "FLOWPORT_SMTP_PASSWORD requires TLS"),
        ({"SMTP_TLS": "ssl"}, "FLOWPORT_SMTP_TLS=ssl"),
        ({"SMTP_PORT": "mail"}, "FLOWPORT_SMTP_PORT=mail"),
    ],
)
def test_invalid_mail_settings_stop_the_start_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], sentence: str
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(f"FLOWPORT_{name}", value)
    with pytest.raises(SystemExit, match=sentence):
        load_settings(GatewaySettings)


@pytest.mark.parametrize("name", ["EXECUTION_TIMEOUT_PRO", "EXECUTION_TIMEOUT_ASYNC_FREE"])
def test_no_plan_lets_a_run_take_longer_than_the_broker_waits(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "7200")
    with pytest.raises(
        SystemExit, match=rf"FLOWPORT_{name}: longer than FLOWPORT_LONGEST_RUN_SECONDS, which is 5400\..*topology apply"
    ):
        load_settings(GatewaySettings)
    monkeypatch.setenv("FLOWPORT_LONGEST_RUN_SECONDS", "7200")
    assert getattr(load_settings(GatewaySettings), name.lower()) == 7200


def test_every_setting_is_described() -> None:
    assert all(field.description for field in GatewaySettings.model_fields.values())
