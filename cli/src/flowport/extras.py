"""Optional dependencies (extras) of `flowport`, which some commands need."""

from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from flowport.errors import CommandFailed
from shared.service import ServiceName


class Extra(StrEnum):
    """An extra of `flowport`, by its name in pyproject.toml."""

    TEST = "test"
    SERVER = "server"
    EMBEDDED = "embedded"


_ENGINE: Final = f"flowport-{ServiceName.EXECUTOR}"
# By file, because no package index has Flowport and anyone could publish a package of its name.
_WHEELS: Final = {
    Extra.TEST: "dist/flowport-*.whl dist/flowport_{shared,executor_service}-*.whl",
    Extra.SERVER: "dist/*.whl",
    Extra.EMBEDDED: '"$(ls dist/flowport-*.whl)[embedded]" dist/flowport_*.whl',
}
_SERVICES: Final = tuple(f"flowport-{service}" for service in ServiceName)


class ExtraNotInstalled(CommandFailed):
    """The command needs packages of an extra that is not installed."""


def require_services(command: str, extra: Extra) -> None:
    """Raise ExtraNotInstalled unless the packages of all services are installed. The error suggests `extra`."""
    if not all(map(_is_installed, _SERVICES)):
        raise ExtraNotInstalled(
            f"`{command}` needs the packages of the services, which are not installed."
            f" Install them with: {install_command(extra)}"
        )


def require_engine(command: str) -> None:
    """Raise ExtraNotInstalled unless the package of the engine is installed."""
    if not _is_installed(_ENGINE):
        raise ExtraNotInstalled(
            f"`{command}` needs the engine, which is not installed. Install it with: {install_command(Extra.TEST)}"
        )


def install_command(extra: Extra) -> str:
    """Return the shell command that adds `extra`, given the wheels of a release in the folder dist."""
    return f"pip install {_WHEELS[extra]} (with the wheels of a release or of `make dist` in dist)"


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
