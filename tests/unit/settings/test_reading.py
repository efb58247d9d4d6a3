"""Errors for invalid settings, and the sources of secrets."""

import re
from pathlib import Path

import pytest
from tools.reference.configuration import SETTINGS

from deploy_service.settings import DeploySettings
from executor_service.providers.settings import ProviderSettings
from gateway.settings import GatewaySettings
from shared.settings import CommonSettings, load_settings


def refusal(kind: type[GatewaySettings | DeploySettings]) -> str:
    with pytest.raises(SystemExit) as refused:
        load_settings(kind)
    return str(refused.value)


def test_each_wrong_value_is_named_with_its_variable_and_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWPORT_DRAIN_SECONDS", "soon")
    monkeypatch.setenv("PORT", "99999")
    message = refusal(GatewaySettings)
    assert "FLOWPORT_DRAIN_SECONDS=soon: Input should be a valid number" in message
    assert "How long a stopping process lets work finish." in message
    assert "PORT=99999: Input should be less than or equal to 65535" in message


def test_a_secret_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWPORT_ENVIRONMENT_KEYS", "almost-a-secret")
    message = refusal(DeploySettings)
    assert "32 bytes of key" in message
    assert "almost" not in message


def test_secrets_are_read_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "flowport_token_gateway").write_text("from a file\n")
    monkeypatch.setenv("FLOWPORT_SECRETS_DIR", str(tmp_path))
    assert load_settings(GatewaySettings).token_gateway.get_secret_value() == "from a file"


def test_keys_of_model_vendors_are_secrets_in_files_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "openai_api_key").write_text("sk-from-a-file\n")
    monkeypatch.setenv("FLOWPORT_SECRETS_DIR", str(tmp_path))
    assert load_settings(ProviderSettings).openai_api_key.get_secret_value() == "sk-from-a-file"


def test_variables_override_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "flowport_mongodb_uri").write_text("mongodb://of-a-file\n")
    monkeypatch.setenv("FLOWPORT_SECRETS_DIR", str(tmp_path))
    assert load_settings(GatewaySettings, mongodb_uri="mongodb://given").mongodb_uri == "mongodb://given"
    assert load_settings(GatewaySettings).mongodb_uri == "mongodb://of-a-file"


def test_nothing_reads_its_settings_without_the_files() -> None:
    """For example model vendors' keys, or the store's password when an operator resets an admin's password."""
    root = Path(__file__).parents[3]
    kinds = {kind.__name__ for of_a_service in SETTINGS.values() for kind in of_a_service} | {CommonSettings.__name__}
    made = re.compile(rf"(?<!class )\b(?:{'|'.join(sorted(kinds))})\(")
    sources = [file for part in ("services", "cli", "shared") for file in (root / part).rglob("src/**/*.py")]
    assert len(sources) > 100
    assert [file.name for file in sources if made.search(file.read_text())] == []
