"""A service process of `flowport stack` has the settings and secrets of its service only."""

from pathlib import Path

import pytest

from flowport.local.service_environment import select_environment
from flowport.local.stack import Stack, StackPorts
from shared.service import ServiceName

TOKENS = {f"FLOWPORT_TOKEN_{name}" for name in ("GATEWAY", "DEPLOY", "EXECUTOR", "JOBS")}
KEYS = {"FLOWPORT_ENVIRONMENT_KEYS", "FLOWPORT_WEBHOOK_KEYS", "FLOWPORT_TICKET_KEYS"}
SERVERS = {"FLOWPORT_MONGODB_URI": "mongodb://store:27017", "FLOWPORT_AMQP_URL": "amqp://broker:5672/"}
OTHERS = {
    "FLOWPORT_MONGODB_URI_JOBS": "mongodb://jobs:27017",
    "FLOWPORT_AMQP_MANAGEMENT_URL": "http://operator:x@broker:15672",
    "FLOWPORT_API_KEY": "sk-sim-x",
    "FLOWPORT_ADMIN_PASSWORD": "correct horse",
    "FLOWPORT_SMTP_PASSWORD": "battery staple",
}


def environment_of(folder: Path, service: ServiceName) -> dict[str, str]:
    """Return the environment that `flowport stack` gives a service."""
    return Stack(folder, ports=StackPorts.free(), environment=SERVERS)._environment_of(service)


@pytest.fixture(autouse=True)
def operator_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OTHERS.items():
        monkeypatch.setenv(name, value)
    for name in TOKENS | KEYS:
        monkeypatch.setenv(name, "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")


def test_the_executor_has_only_its_token(tmp_path: Path) -> None:
    found = environment_of(tmp_path, ServiceName.EXECUTOR)
    assert found.keys() & (TOKENS | KEYS | OTHERS.keys() | {"FLOWPORT_MONGODB_URI"}) == {"FLOWPORT_TOKEN_EXECUTOR"}
    assert "mongodb" not in "".join(found.values())
    assert found["FLOWPORT_AMQP_URL"] == SERVERS["FLOWPORT_AMQP_URL"]
    assert found["OPENAI_API_KEY"] == "sk-openai"


@pytest.mark.parametrize(
    ("service", "keys"),
    [
        (ServiceName.GATEWAY, {"FLOWPORT_TICKET_KEYS"}),
        (ServiceName.DEPLOY, {"FLOWPORT_TICKET_KEYS", "FLOWPORT_ENVIRONMENT_KEYS"}),
        (ServiceName.JOBS, {"FLOWPORT_TICKET_KEYS", "FLOWPORT_WEBHOOK_KEYS"}),
    ],
)
def test_a_service_has_only_the_keys_that_it_uses(tmp_path: Path, service: ServiceName, keys: set[str]) -> None:
    found = environment_of(tmp_path, service)
    assert found.keys() & KEYS == keys
    assert found["FLOWPORT_MONGODB_URI"] == SERVERS["FLOWPORT_MONGODB_URI"]
    assert "OPENAI_API_KEY" not in found


def test_variables_that_are_not_settings_are_passed_on() -> None:
    assert select_environment(ServiceName.EXECUTOR, {"PATH": "/bin", "FLOWPORT_HOME": "/x"}) == {"PATH": "/bin"}
