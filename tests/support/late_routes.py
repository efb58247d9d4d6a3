"""FastAPI's routes, worked out when they are first asked for: most tests ask for two of a gateway's 165.

Working all of them out is most of what the start of a service costs here, some thousand times in a run. That all can be
worked out is seen where services run as processes, and by the tests of OpenAPI documents.
"""

from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import compile_path, get_name

_work_out = APIRoute.__init__


def _begin(route: Any, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
    """Know as much as it takes to find the route."""
    route.path, route.endpoint = path, endpoint
    route.name = options.get("name") or get_name(endpoint)
    route.methods = {method.upper() for method in options.get("methods") or ["GET"]}
    route.path_regex, route.path_format, route.param_convertors = compile_path(path)
    route.left_to_do = (path, endpoint, options)


def _on_demand(route: Any, name: str) -> Any:
    """What is asked for and not there yet. Raises AttributeError if it is not there afterwards."""
    left_to_do = route.__dict__.pop("left_to_do", None)
    if left_to_do is None:
        raise AttributeError(name)
    path, endpoint, options = left_to_do
    _work_out(route, path, endpoint, **options)
    return getattr(route, name)


APIRoute.__init__ = _begin  # type: ignore[assignment, method-assign]
APIRoute.__getattr__ = _on_demand  # type: ignore[attr-defined]
