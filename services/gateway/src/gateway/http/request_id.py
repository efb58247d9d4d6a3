"""The id that every request is given, for whoever answers it."""

from starlette.types import Scope

from shared.ids import new_request_id

_NAME = "request_id"


def give_request_id(scope: Scope) -> str:
    """Give the request an id; returns it."""
    request_id = scope[_NAME] = new_request_id()
    return request_id


def request_id_of(scope: Scope) -> str:
    """The id that this request was given."""
    return str(scope.get(_NAME, ""))
