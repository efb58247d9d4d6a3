"""Errors of the driver, as the error that everybody knows."""

from shared.store.errors import store_call

__all__ = ["store_call"]
