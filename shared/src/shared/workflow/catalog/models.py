"""Language models that authors can choose: context windows, prices and settings, from a generated file."""

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec

CATALOG_FILE: Final = "models.json"
"""Written by `make docs` from the price list that executor-service bills by."""


class Price(NamedTuple):
    """US dollars for a million tokens."""

    input: float
    output: float


class AnnouncedPrice(msgspec.Struct, frozen=True, array_like=True):
    """Price from a later day on."""

    starts_on: date
    price: Price


class Model(msgspec.Struct, frozen=True, array_like=True):
    """Model of a provider."""

    id: str
    """Name in a workflow."""
    label: str
    context_window: int | None = None
    """Limit on input tokens."""
    price: Price = Price(0.0, 0.0)
    settings: tuple[str, ...] | None = None
    """Settings of a block that it takes, if not those of its provider."""
    announced: tuple[AnnouncedPrice, ...] = ()
    """Prices of days after the list was made, the earliest first."""

    def price_on(self, day: date) -> Price:
        """Return the price on a day in UTC."""
        return next((each.price for each in reversed(self.announced) if each.starts_on <= day), self.price)


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
