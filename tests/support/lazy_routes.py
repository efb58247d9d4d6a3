"""FastAPI routes that analyze their endpoint when it is first used, not when it is declared.

A gateway declares 166 routes, and analyzing their dependencies and response models takes 80 ms of CPU time. Over a
thousand tests start a gateway in their own process, and each calls a few routes. Nothing else changes: the OpenAPI
document, like a request, analyzes each route that it covers.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.routing import compile_path

DECLARATION: Final = "_declaration"
_analyze: Final = APIRoute.__init__
_compile: Final = cache(compile_path)


def _declare(route: APIRoute, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
    """Set what Starlette needs to match a request to the route, and store the rest."""
    route.endpoint = endpoint
    route.path_regex, route.path_format, route.param_convertors = _compile(path)
    route.methods = {method.upper() for method in options.get("methods") or ["GET"]}
    vars(route)[DECLARATION] = (path, endpoint, options)


def _analyze_first(route: APIRoute, name: str) -> Any:
    """Return an attribute that only an analyzed route has."""
    if DECLARATION not in vars(route):
        raise AttributeError(name=name, obj=route)
    path, endpoint, options = vars(route).pop(DECLARATION)
    _analyze(route, path, endpoint, **options)
    return getattr(route, name)


def pytest_configure() -> None:
    """Make the routes of every application in this process lazy."""
    APIRoute.__init__ = _declare  # type: ignore[method-assign, assignment]
    APIRoute.__getattr__ = _analyze_first  # type: ignore[attr-defined]
