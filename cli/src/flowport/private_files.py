"""Files and folders that only their owner can read."""

import os
import stat
from pathlib import Path
from typing import Final

SECRET_MODE: Final = 0o600


PRIVATE_MODE: Final = 0o700


_OTHERS: Final = 0o077


def make_private(*folders: Path) -> None:
    """Create missing folders, and remove the access of other users to each folder and its contents."""
    for folder in folders:
        folder.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.lstat().st_mode) & _OTHERS:
            for path in (folder, *folder.rglob("*")):
                if not path.is_symlink():
                    path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OTHERS)


def write_secret(file: Path, content: bytes) -> None:
    """Replace `file` atomically. Only its owner can read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, SECRET_MODE), "wb") as opened:
        opened.write(content)
    draft.replace(file)
