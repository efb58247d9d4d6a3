"""Read settings at startup: from the environment, and from files for secrets."""

import os
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

Settings = TypeVar("Settings", bound=BaseSettings)

SECRETS_DIR = "FLOWPORT_SECRETS_DIR"
"""Names a folder of files named after settings, each holding a value, as Kubernetes and Docker mount secrets."""


def load_settings(kind: type[Settings], **given: Any) -> Settings:
    """Return this process's settings, overridden by `given`. Raises SystemExit, with a sentence for each wrong one."""
    try:
        return kind(_secrets_dir=os.environ.get(SECRETS_DIR) or None, **given)
    except ValidationError as error:
        sentences = "\n".join(_sentence(kind, problem["loc"], problem["msg"]) for problem in error.errors())
        raise SystemExit(f"{kind.__name__} are invalid:\n{sentences}") from None


def setting_variables(kind: type[BaseSettings], name: str) -> tuple[str, ...]:
    """Return the variables that set field `name`, the preferred one first."""
    alias = kind.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(choice for choice in alias.choices if isinstance(choice, str) and choice.isupper())
    return (f"{kind.model_config.get('env_prefix', '')}{name}".upper(),)


def _sentence(kind: type[BaseSettings], location: tuple[int | str, ...], message: str) -> str:
    found = next(_fields_at(kind, location), None)
    if found is None:
        return f"  {message.removeprefix('Value error, ')}"
    name, field = found
    names = setting_variables(kind, name)
    variable = next((name for name in names if name in os.environ), names[0])
    value = os.environ.get(variable)
    is_shown = value is not None and field.annotation is not SecretStr and "@" not in value  # may hold a password
    given = f"={value}" if is_shown else ""
    return f"  {variable}{given}: {message.removeprefix('Value error, ')}. {field.description}"


def _fields_at(kind: type[BaseSettings], location: tuple[int | str, ...]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the field of an error: pydantic reports the name that was used."""
    first = str(location[0]).upper() if location else ""
    for name, field in kind.model_fields.items():
        if first in (name.upper(), *setting_variables(kind, name)):
            yield name, field
