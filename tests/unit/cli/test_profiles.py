"""Which server and key a command takes."""

from pathlib import Path

import pytest

from flowport.client.errors import NoAccess
from flowport.client.profiles import DEFAULT_URL, Profile, Profiles, resolve
from flowport.failures import CommandFailed
from flowport.home import Credentials, Home

VARIABLES = ("FLOWPORT_API_KEY", "SIM_API_KEY", "FLOWPORT_URL", "FLOWPORT_PROFILE", "FLOWPORT_WORKSPACE_ID")
PROD = Profile("https://flows.example", "sk-sim-prod", "w1")


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profiles:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLOWPORT_HOME", str(tmp_path / "home"))
    return Profiles(tmp_path / "profiles.json")


def test_without_any_key_the_way_out_is_named(profiles: Profiles) -> None:
    with pytest.raises(NoAccess, match="flowport login"):
        resolve(None, profiles)


def test_what_up_wrote_is_the_default(profiles: Profiles, tmp_path: Path) -> None:
    Home(tmp_path / "home").write_credentials(Credentials("http://here", "w0", "sk-sim-here", "a@b"))
    assert resolve(None, profiles) == Profile("http://here", "sk-sim-here", "w0")


def test_a_chosen_profile_wins_over_it_and_a_named_one_over_both(profiles: Profiles, tmp_path: Path) -> None:
    Home(tmp_path / "home").write_credentials(Credentials("http://here", "w0", "sk-sim-here", "a@b"))
    profiles.save("staging", Profile("https://staging.example", "sk-sim-staging"))
    profiles.save("prod", PROD)
    assert resolve(None, profiles) == PROD
    assert resolve("staging", profiles).api_key == "sk-sim-staging"
    profiles.choose("staging")
    assert resolve(None, profiles).api_key == "sk-sim-staging"
    with pytest.raises(CommandFailed, match="no profile nobody"):
        resolve("nobody", profiles)


def test_a_key_from_the_environment_wins_and_keeps_the_server(
    profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_API_KEY", "sk-sim-env")
    assert resolve(None, profiles) == Profile(DEFAULT_URL, "sk-sim-env")
    profiles.save("prod", PROD)
    assert resolve(None, profiles).base_url == PROD.base_url
    monkeypatch.setenv("FLOWPORT_URL", "http://other")
    monkeypatch.setenv("FLOWPORT_API_KEY", "sk-sim-ours")
    assert resolve(None, profiles) == Profile("http://other", "sk-sim-ours")


def test_a_workspace_comes_from_where_its_key_comes_from(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWPORT_API_KEY", "sk-sim-env")
    Home(tmp_path / "home").write_credentials(Credentials("http://here", "w0", "sk-sim-here", "a@b"))
    assert resolve(None, profiles) == Profile("http://here", "sk-sim-env")
    profiles.save("prod", PROD)
    assert resolve(None, profiles).workspace_id == ""
    monkeypatch.setenv("FLOWPORT_WORKSPACE_ID", "w2")
    assert resolve(None, profiles).workspace_id == "w2"
    assert resolve("prod", profiles) == PROD


def test_a_file_that_is_broken_is_named(profiles: Profiles, tmp_path: Path) -> None:
    (tmp_path / "profiles.json").write_text("{")
    with pytest.raises(CommandFailed, match=r"profiles\.json cannot be read"):
        resolve(None, profiles)
