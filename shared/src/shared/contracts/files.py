"""Files of runs: how they are named everywhere, and what blocks see of them."""

from typing import Final, NamedTuple, Self
from urllib.parse import quote

import msgspec

CONTEXT: Final = "execution"
ID_PREFIX: Final = "file_"
MAX_FILE_BYTES: Final = 20 * 1024 * 1024
MAX_NAME: Final = 200
"""Characters of a file's name."""
SERVED_UNDER: Final = "/api/files/serve/"


class FileKey(NamedTuple):
    """Where a file belongs. `file_id` names its blob in the workspace, and nobody can guess it."""

    workspace_id: str
    workflow_id: str
    run_id: str
    file_id: str
    name: str

    @property
    def text(self) -> str:
        """The key as one text."""
        return "/".join((CONTEXT, *self))

    @property
    def path(self) -> str:
        """The public path that the file is served under."""
        return SERVED_UNDER + quote(self.text)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The key that a text is, None where it is none."""
        context, *parts = text.split("/")
        if context != CONTEXT or len(parts) != len(cls._fields) or not all(parts):
            return None
        key = cls(*parts)
        return key if key.file_id.startswith(ID_PREFIX) else None


class StoredFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file as blocks see it. `type` is its media type, `size` is in bytes."""

    id: str
    name: str
    url: str
    size: int
    type: str
    key: str
    context: str = msgspec.field(default_factory=lambda: CONTEXT)
    """Always there: it tells a stored file from any other object."""
    base64: str | None = None
    """The content; only in outputs."""
