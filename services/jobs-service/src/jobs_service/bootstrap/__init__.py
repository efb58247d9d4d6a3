"""Assembly of jobs-service."""

from jobs_service.bootstrap.app import build
from jobs_service.bootstrap.storage import INDEXES, open_store

__all__ = ["INDEXES", "build", "open_store"]
