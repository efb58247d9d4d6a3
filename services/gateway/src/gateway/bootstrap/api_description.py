"""Description of the API in the gateway's OpenAPI document."""

from typing import Any, Final

from fastapi import FastAPI

_TITLE: Final = "Flowport API"
_ABOUT: Final = (
    "Run workflows and manage them. Paths below `/api/v2` and `/api/v1` are those versions of the API, `/v1` is for "
    "OpenAI's clients, all others are the original API. Each workflow also has its own document, at "
    "`/api/workflows/{workflow_id}/openapi.json`, with its inputs and outputs."
)
_SCHEMES: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_SECURITY: Final[list[dict[str, list[str]]]] = [{}, {"key": []}, {"bearer": []}]
"""None for public workflows, chats and signed-in users; otherwise an API key in either header."""


def describe(app: FastAPI) -> None:
    """Set title, description and authentication methods in the document of `app`."""
    app.title, app.description = _TITLE, _ABOUT
    describe_routes = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe_routes()
        document.setdefault("components", {})["securitySchemes"] = _SCHEMES
        document["security"] = _SECURITY
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to extend the document
