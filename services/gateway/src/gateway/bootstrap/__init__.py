"""Composition root of the gateway, with all concrete classes. One module per subject; `app` combines them."""

from gateway.bootstrap.app import build
from gateway.bootstrap.outside import INDEXES, Outside

__all__ = ["INDEXES", "Outside", "build"]
