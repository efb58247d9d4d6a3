"""Selection of the server and API key of a command."""

from pathlib import Path

import pytest

from flowport.client.errors import AccessDenied
from flowport.client.profiles import DEFAULT_URL, Profile, ProfileStore, resolve_profile
from flowport.errors import CommandFailed
from flowport.home import Credentials, Home

VARIABLES = ("FLOWPORT_API_KEY", "SIM_API_KEY", "FLOWPORT_URL", "FLOWPORT_PROFILE", "FLOWPORT_WORKSPACE_ID")
PROD = Profile("https://flows.example", "sk-sim-prod", "w1")


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProfileStore:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLOWPORT_HOME", str(tmp_path / "home"))
    return ProfileStore(tmp_path / "profiles.json")


def test_a_missing_key_is_an_error_with_a_fix(profiles: ProfileStore) -> None:
    with pytest.raises(AccessDenied, match="flowport login"):
        resolve_profile(None, profiles)


def test_the_credentials_of_up_are_the_default(profiles: ProfileStore, tmp_path: Path) -> None:
    Home(tmp_path / "home").write_credentials(Credentials("http://here", "w0", "sk-sim-here", "a@b"))
    assert resolve_profile(None, profiles) == Profile("http://here", "sk-sim-here", "w0")


def test_a_named_profile_precedes_the_selected_one_and_the_default(profiles: ProfileStore, tmp_path: Path) -> None:
    Home(tmp_path / "home").write_credentials(Credentials("http://here", "w0", "sk-sim-here", "a@b"))
    profiles.save("staging", Profile("https://staging.example", "sk-sim-staging"))
    profiles.save("prod", PROD)
    assert resolve_profile(None, profiles) == PROD
    assert resolve_profile("staging", profiles).api_key == "sk-sim-staging"
    profiles.select("staging")
    assert resolve_profile(None, profiles).api_key == "sk-sim-staging"
    with pytest.raises(CommandFailed, match="profile unknown not found"):
        resolve_profile("unknown", profiles)


def test_a_key_from_the_environment_keeps_the_server_of_the_profile(
    profiles: ProfileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_API_KEY", "sk-sim-env")
    assert resolve_profile(None, profiles) == Profile(DEFAULT_URL, "sk-sim-env")
    profiles.save("prod", PROD)
    assert resolve_profile(None, profiles).base_url == PROD.base_url
    monkeypatch.setenv("FLOWPORT_URL", "http://other")
    monkeypatch.setenv("FLOWPORT_API_KEY", "sk-sim-ours")
    assert resolve_profile(None, profiles) == Profile("http://other", "sk-sim-ours")


def test_a_key_from_the_environment_ignores_the_workspace_of_the_profile(
    profiles: ProfileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWPORT_API_KEY", "sk-sim-env")
    Home(tmp_path / "home").write_credentials(Credentials("http://here", "w0", "sk-sim-here", "a@b"))
    assert resolve_profile(None, profiles) == Profile("http://here", "sk-sim-env")
    profiles.save("prod", PROD)
    assert resolve_profile(None, profiles).workspace_id == ""
    monkeypatch.setenv("FLOWPORT_WORKSPACE_ID", "w2")
    assert resolve_profile(None, profiles).workspace_id == "w2"
    assert resolve_profile("prod", profiles) == PROD


def test_an_unreadable_profile_file_is_named(profiles: ProfileStore, tmp_path: Path) -> None:
    (tmp_path / "profiles.json").write_text("{")
    with pytest.raises(CommandFailed, match=r"cannot read .*profiles\.json"):
        resolve_profile(None, profiles)
