"""Puts the gateway together: the one place that knows concrete classes. A module for each subject, `app` for all."""

from gateway.bootstrap.app import build
from gateway.bootstrap.outside import INDEXES, Outside

__all__ = ["INDEXES", "Outside", "build"]
