"""`flowport doctor` warns of keys that no setting gives: what they encrypt cannot be stored."""

import pytest

from flowport.doctor.findings import Verdict
from flowport.doctor.settings import check_settings

SET = {
    "FLOWPORT_ENVIRONMENT_KEYS": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "FLOWPORT_WEBHOOK_KEYS": "1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
    "FLOWPORT_TICKET_KEYS": "1:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=",
    "FLOWPORT_TOKEN_GATEWAY": "g" * 32,
}


def findings(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> list[str]:
    """Return the checks that report more than success."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return [finding.check for finding in check_settings() if finding.verdict is not Verdict.OK]


def test_complete_settings_have_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(monkeypatch, SET) == []


@pytest.mark.parametrize(
    ("name", "check"), [("FLOWPORT_ENVIRONMENT_KEYS", "environment keys"), ("FLOWPORT_WEBHOOK_KEYS", "webhook keys")]
)
def test_missing_keys_are_a_warning(monkeypatch: pytest.MonkeyPatch, name: str, check: str) -> None:
    assert findings(monkeypatch, {**SET, name: ""}) == [check]
