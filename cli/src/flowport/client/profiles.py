"""Which server a command talks to, and with which key.

The first that is set wins: `--profile`; `FLOWPORT_API_KEY` or `SIM_API_KEY`; `FLOWPORT_PROFILE`; the profile that was
chosen by `flowport profiles use`; the credentials that `flowport up` wrote. A key from the environment goes to the
server that `FLOWPORT_URL` names, else to the one that the rest of that list names. It never takes a workspace from
there: it need not open that one, and the server says which it opens.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from flowport.client.errors import NoAccess
from flowport.failures import CommandFailed
from flowport.home import Credentials, Home, write_secret

DEFAULT_URL: Final = "http://127.0.0.1:8080"
_KEY_VARIABLES: Final = ("FLOWPORT_API_KEY", "SIM_API_KEY")


class Profile(msgspec.Struct, frozen=True, rename="camel"):
    """A server and a key for it. `workspace_id` is where new workflows go."""

    base_url: str
    api_key: str
    workspace_id: str = ""


class _Kept(msgspec.Struct):
    current: str | None = None
    profiles: dict[str, Profile] = {}


class Profiles:
    """The profiles in `file`, which only its owner may read."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or _default_file()

    @property
    def current(self) -> str | None:
        """The name of the chosen profile."""
        return self._read().current

    def all(self) -> Mapping[str, Profile]:
        """Every profile, by name."""
        return self._read().profiles

    def get(self, name: str) -> Profile:
        """The profile of this name. Raises CommandFailed."""
        found = self._read().profiles.get(name)
        if found is None:
            raise CommandFailed(f"there is no profile {name}: `flowport login --profile {name}` makes one")
        return found

    def save(self, name: str, profile: Profile) -> None:
        """Keep it, and choose it."""
        kept = self._read()
        kept.profiles[name] = profile
        kept.current = name
        self._write(kept)

    def choose(self, name: str) -> None:
        """Use it from now on. Raises CommandFailed."""
        self.get(name)
        kept = self._read()
        kept.current = name
        self._write(kept)

    def remove(self, name: str) -> None:
        """Forget it and its key. Raises CommandFailed."""
        self.get(name)
        kept = self._read()
        del kept.profiles[name]
        kept.current = None if kept.current == name else kept.current
        self._write(kept)

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return _Kept()
        except (OSError, msgspec.DecodeError) as error:
            raise CommandFailed(f"{self._file} cannot be read: {error}") from error

    def _write(self, kept: _Kept) -> None:
        write_secret(self._file, msgspec.json.format(msgspec.json.encode(kept)) + b"\n")


def resolve(name: str | None, profiles: Profiles | None = None) -> Profile:
    """The profile that a command uses. Raises NoAccess when no key is known, CommandFailed for an unknown name."""
    profiles = profiles or Profiles()
    if name is not None:
        return profiles.get(name)
    key = next((os.environ[variable] for variable in _KEY_VARIABLES if os.environ.get(variable)), None)
    kept = _kept(profiles)
    if key is not None:
        url = os.environ.get("FLOWPORT_URL") or (kept.base_url if kept else DEFAULT_URL)
        return Profile(url.rstrip("/"), key, os.environ.get("FLOWPORT_WORKSPACE_ID", ""))
    if kept is None:
        raise NoAccess("no server is known: `flowport login`, set FLOWPORT_API_KEY, or start one with `flowport up`")
    return kept


def _kept(profiles: Profiles) -> Profile | None:
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
