"""Settings go by our names and by those that people know from Sim."""

import pytest

from gateway.domain.plans import PlanName
from gateway.settings import GatewaySettings
from shared.contracts.runs import RunMode


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


def test_links_begin_with_the_public_url_or_with_where_we_listen() -> None:
    assert GatewaySettings(public_url="https://flow.example/").base_url == "https://flow.example"
    assert GatewaySettings(gateway_port=9002).base_url == "http://localhost:9002"


def test_a_caller_never_raises_a_time_limit() -> None:
    plan = GatewaySettings().plans()[PlanName.FREE]
    assert plan.time_limit_ms(RunMode.SYNC) == 300_000
    assert plan.time_limit_ms(RunMode.ASYNC, 60) == 60_000
    assert plan.time_limit_ms(RunMode.ASYNC, 99_999) == 5_400_000


def test_every_setting_is_described() -> None:
    assert all(field.description for field in GatewaySettings.model_fields.values())
