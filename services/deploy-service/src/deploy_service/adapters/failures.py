"""What callers are told when the store fails them."""

from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.web.internal_errors import render_internal_error

log = get_logger("store")

STORE_ERROR = PyMongoError
"""Every error of the driver. A write that it ends may or may not have been done."""


def render_store_failure(request: Request, error: Exception) -> Response:
    """The exception handler of STORE_ERROR."""
    log.error("the store failed", path=request.url.path, error=repr(error))
    return render_internal_error(request, Unavailable(f"the store does not answer: {type(error).__name__}"))
