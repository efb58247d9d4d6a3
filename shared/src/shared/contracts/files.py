"""Files of runs: their keys, and their form in blocks."""

import re
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple, Self
from urllib.parse import quote

import msgspec

from shared.ids import new_id

CONTEXT: Final = "execution"
ID_PREFIX: Final = "file_"
MAX_FILE_BYTES: Final = 20 * 1024 * 1024
MAX_NAME: Final = 200
"""Characters of a file's name."""
SERVED_UNDER: Final = "/api/files/serve/"
_BOUND_ID: Final = re.compile(rf"({ID_PREFIX}[0-9a-f-]{{36}})([0-9a-f]{{32}})")
"""A random id, and a digest of it with the workflow and the run. Earlier releases stored files without the digest."""


class FileScope(StrEnum):
    """Which stored files of its workspace a run may read."""

    RUN = "run"
    """Files of the run, including the workflows it calls."""
    WORKFLOW = "workflow"
    """Files of all runs of its workflow."""
    WORKSPACE = "workspace"
    """All files."""


class FileKey(NamedTuple):
    """Location of a file. `file_id` names its blob in the workspace; it is random and bound to workflow and run."""

    workspace_id: str
    workflow_id: str
    run_id: str
    file_id: str
    name: str

    @classmethod
    def new(cls, workspace_id: str, workflow_id: str, run_id: str, name: str) -> Self:
        random = f"{ID_PREFIX}{new_id()}"
        return cls(workspace_id, workflow_id, run_id, random + _digest(random, workflow_id, run_id), name)

    @property
    def is_bound(self) -> bool:
        """Return whether the id proves that the file belongs to this workflow and run."""
        return _BOUND_ID.fullmatch(self.file_id) is not None

    @property
    def text(self) -> str:
        return "/".join((CONTEXT, *self))

    @property
    def path(self) -> str:
        """Return the file's public path."""
        return SERVED_UNDER + quote(self.text)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a key; return None for any other text, or an id bound to another workflow or run."""
        context, *parts = text.split("/")
        if context != CONTEXT or len(parts) != len(cls._fields) or not all(parts):
            return None
        key = cls(*parts)
        if key.is_bound and not is_file_of(key.file_id, key.workflow_id, key.run_id):
            return None
        return key if key.file_id.startswith(ID_PREFIX) else None


def is_file_of(file_id: str, workflow_id: str, run_id: str) -> bool:
    """Return whether a public id proves that the file belongs to this workflow and run."""
    bound = _BOUND_ID.fullmatch(file_id)
    return bound is not None and bound[2] == _digest(bound[1], workflow_id, run_id)


def _digest(random: str, workflow_id: str, run_id: str) -> str:
    return sha256("/".join((random, workflow_id, run_id)).encode()).hexdigest()[:32]


class StoredFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file in the form that blocks see. `type` is its media type, `size` is in bytes."""

    id: str
    name: str
    url: str
    size: int
    type: str
    key: str
    context: str = msgspec.field(default_factory=lambda: CONTEXT)
    """Always set: distinguishes a stored file from other objects."""
    base64: str | None = None
    """The content; only in outputs."""
