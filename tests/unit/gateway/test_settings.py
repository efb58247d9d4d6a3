"""Settings have our names and, as aliases, Sim's."""

import pytest

from gateway.access.plans import UNLIMITED, PlanName, RateKind
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


def test_a_self_hosted_workspace_has_no_rate_limit_and_the_retention_of_enterprise() -> None:
    settings = GatewaySettings()
    own, enterprise = settings.plans()[settings.default_plan], settings.plans()[PlanName.ENTERPRISE]
    assert settings.default_plan is PlanName.SELF_HOSTED is PlanName("benchmark")
    assert (own.sync_seconds, own.async_seconds, own.log_days) == (
        enterprise.sync_seconds,
        enterprise.async_seconds,
        enterprise.log_days,
    )
    assert {own.rate(kind) for kind in RateKind} == {UNLIMITED}


def test_one_json_setting_changes_limits_and_wins_over_sims_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMIT_PRO_SYNC", "7")
    monkeypatch.setenv("RATE_LIMIT_PRO_ASYNC", "8")
    monkeypatch.setenv("FLOWPORT_EXECUTION_TIMEOUT_FREE", "9")
    monkeypatch.setenv("FLOWPORT_PLANS", '{"pro": {"sync_rate": 300, "log_days": 3}, "benchmark": {"concurrency": 2}}')
    plans = load_settings(GatewaySettings).plans()
    pro = plans[PlanName.PRO]
    assert (pro.sync_rate, pro.async_rate, pro.api_rate, pro.log_days) == (300, 8, 100, 3)
    assert (plans[PlanName.FREE].sync_seconds, plans[PlanName.SELF_HOSTED].concurrency) == (9, 2)


@pytest.mark.parametrize("wrong", ['{"pro": {"sync_rate": 0}}', '{"pro": {"rate": 1}}', '{"gold": {}}', "pro"])
def test_a_wrong_limit_stops_the_start(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("FLOWPORT_PLANS", wrong)
    with pytest.raises(SystemExit, match="FLOWPORT_PLANS"):
        load_settings(GatewaySettings)


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("PORT", "9000", "gateway_port", 9000),
        ("FLOWPORT_GATEWAY_PORT", "9001", "gateway_port", 9001),
        ("ADMISSION_GATE_MAX_INFLIGHT", "7", "admission_gate_max_inflight", 7),
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
        SystemExit,
        match=r"FLOWPORT_PLANS: .* longer than FLOWPORT_LONGEST_RUN_SECONDS, which is 5400\..*topology apply",
    ):
        load_settings(GatewaySettings)
    monkeypatch.setenv("FLOWPORT_LONGEST_RUN_SECONDS", "7200")
    assert load_settings(GatewaySettings).plan_limits


def test_every_setting_is_described() -> None:
    assert all(field.description for field in GatewaySettings.model_fields.values())
