"""Language models that authors can choose: context windows, prices and settings, from a generated file."""

from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

CATALOG_FILE: Final = "models.json"
"""Written by `make docs` from the price list that executor-service bills by."""


class Model(msgspec.Struct, frozen=True, array_like=True):
    """Model of a provider."""

    id: str
    """Name in a workflow."""
    label: str
    context_window: int | None = None
    """Limit on input tokens."""
    input_price: float = 0.0
    """US dollars for a million tokens."""
    output_price: float = 0.0
    settings: tuple[str, ...] | None = None
    """Settings of a block that it takes, if not those of its provider."""


class ModelProvider(msgspec.Struct, frozen=True, kw_only=True):
    """Provider of models."""

    id: str
    label: str
    prefix: str = ""
    """Start of the names of its models, if they have one."""
    needs_key: bool = True
    variables: tuple[str, ...]
    """Variables of executor-service that configure it."""
    settings: tuple[str, ...]
    """Settings of a block that depend on the model and that its models take."""
    models: tuple[Model, ...] = ()
    """Listed models. Others can be used by name."""


class _Catalog(msgspec.Struct, frozen=True):
    providers: tuple[ModelProvider, ...]


@cache
def model_providers() -> tuple[ModelProvider, ...]:
    """Return all providers."""
    document = files(__package__).joinpath(CATALOG_FILE).read_bytes()
    return msgspec.json.decode(document, type=_Catalog).providers
