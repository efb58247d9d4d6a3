"""Environment values: written by users, read only by workers, encrypted at rest."""

from dataclasses import dataclass
from datetime import datetime

from shared.security.sealed import Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentEntry:
    """One `{{NAME}}` of a workspace."""

    workspace_id: str
    name: str
    sealed: Sealed
    updated_at: datetime
    updated_by: str
