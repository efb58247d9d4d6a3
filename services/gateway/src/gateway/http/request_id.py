"""Request ids."""

from starlette.types import Scope

from shared.ids import new_request_id

_NAME = "request_id"


def assign_request_id(scope: Scope) -> str:
    """Assign and return the request's id."""
    request_id = scope[_NAME] = new_request_id()
    return request_id


def request_id_of(scope: Scope) -> str:
    """Return the request's id."""
    return str(scope.get(_NAME, ""))
