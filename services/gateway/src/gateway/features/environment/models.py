"""Request and response bodies of environment values."""

from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.http.bodies import RequestBody, Wire


class ValueBody(RequestBody):
    """Value; never returned."""

    value: Annotated[str, StringConstraints(max_length=65_536)]


class ValuesBody(RequestBody):
    """Values by name."""

    variables: dict[str, Annotated[str, StringConstraints(max_length=65_536)]] = Field(max_length=100)


class ValueName(Wire):
    """Name of a value."""

    name: str
    updated_at: str
    updated_by: str


class ValueNames(Wire):
    data: list[ValueName]
