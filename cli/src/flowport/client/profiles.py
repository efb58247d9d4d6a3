"""Profiles: the server and the API key that a command uses.

The first that is set applies: `--profile`; `FLOWPORT_API_KEY` or `SIM_API_KEY`; `FLOWPORT_PROFILE`; the profile that
`flowport profiles use` selected; the credentials that `flowport up` wrote. A key from the environment is used with
`FLOWPORT_URL`, or else with the server that the rest of the list selects. It is never combined with the workspace of
that profile, which it may not have access to.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from flowport.client.errors import AccessDenied
from flowport.errors import CommandFailed
from flowport.home import Credentials, Home
from flowport.private_files import write_secret

DEFAULT_URL: Final = "http://127.0.0.1:8080"
_KEY_VARIABLES: Final = ("FLOWPORT_API_KEY", "SIM_API_KEY")


class Profile(msgspec.Struct, frozen=True, rename="camel"):
    """A server and its API key. New workflows are created in `workspace_id`."""

    base_url: str
    api_key: str
    workspace_id: str = ""


class _ProfileFile(msgspec.Struct):
    current: str | None = None
    profiles: dict[str, Profile] = {}


class ProfileStore:
    """Profiles in a file that only its owner can read."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or _default_file()

    @property
    def current(self) -> str | None:
        """Return the name of the selected profile."""
        return self._read().current

    def all(self) -> Mapping[str, Profile]:
        """Return every profile, by name."""
        return self._read().profiles

    def get(self, name: str) -> Profile:
        """Return the profile with this name. Raises CommandFailed."""
        found = self._read().profiles.get(name)
        if found is None:
            raise CommandFailed(f"profile {name} not found. Create it with `flowport login --profile {name}`")
        return found

    def save(self, name: str, profile: Profile) -> None:
        """Save and select a profile."""
        saved = self._read()
        saved.profiles[name] = profile
        saved.current = name
        self._write(saved)

    def select(self, name: str) -> None:
        """Select a profile for later commands. Raises CommandFailed."""
        self.get(name)
        saved = self._read()
        saved.current = name
        self._write(saved)

    def remove(self, name: str) -> None:
        """Delete a profile and its key. Raises CommandFailed."""
        self.get(name)
        saved = self._read()
        del saved.profiles[name]
        saved.current = None if saved.current == name else saved.current
        self._write(saved)

    def _read(self) -> _ProfileFile:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_ProfileFile)
        except FileNotFoundError:
            return _ProfileFile()
        except (OSError, msgspec.DecodeError) as error:
            raise CommandFailed(f"cannot read {self._file}: {error}") from error

    def _write(self, saved: _ProfileFile) -> None:
        write_secret(self._file, msgspec.json.format(msgspec.json.encode(saved)) + b"\n")


def resolve_profile(name: str | None, profiles: ProfileStore | None = None) -> Profile:
    """Return the profile that a command uses.

    Raises AccessDenied when there is no API key, CommandFailed for an unknown name.
    """
    profiles = profiles or ProfileStore()
    if name is not None:
        return profiles.get(name)
    key = next((os.environ[variable] for variable in _KEY_VARIABLES if os.environ.get(variable)), None)
    saved = _saved_profile(profiles)
    if key is not None:
        url = os.environ.get("FLOWPORT_URL") or (saved.base_url if saved else DEFAULT_URL)
        return Profile(url.rstrip("/"), key, os.environ.get("FLOWPORT_WORKSPACE_ID", ""))
    if saved is None:
        raise AccessDenied(
            "no server configured. Run `flowport login`, set FLOWPORT_API_KEY, or run `flowport up` in this folder. "
            "If it runs in another folder, set FLOWPORT_HOME to the .flowport there"
        )
    return saved


def _saved_profile(profiles: ProfileStore) -> Profile | None:
    name = os.environ.get("FLOWPORT_PROFILE") or profiles.current
    if name is not None:
        return profiles.get(name)
    local = _local_credentials()
    return Profile(local.base_url, local.api_key, local.workspace_id) if local else None


def _local_credentials() -> Credentials | None:
    folder = Path(os.environ.get("FLOWPORT_HOME", ".flowport"))
    return Home(folder).read_credentials() if folder.is_dir() else None


def _default_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "flowport" / "profiles.json"
