"""Passwords of child servers."""

import secrets
from pathlib import Path
from typing import Final

from flowport.private_files import write_secret

_BYTES: Final = 32


class StoredPassword:
    """Password in a file that only its owner can read. Generated if the file does not exist."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.value: Final = file.read_text() if file.exists() else secrets.token_hex(_BYTES)

    @property
    def is_stored(self) -> bool:
        """Return whether the file exists."""
        return self._file.exists()

    def store(self) -> None:
        """Write the file if it does not exist."""
        if not self.is_stored:
            write_secret(self._file, self.value.encode())
