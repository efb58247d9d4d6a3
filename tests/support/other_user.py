"""Files that another user of this machine can read."""

import os
import stat
import subprocess
from pathlib import Path

NOBODY = 65534


def readable_by_another_user(folder: Path) -> list[str]:
    """Return files below `folder` that another user can read: checked as that user if we are root, else by mode."""
    if os.geteuid() == 0:
        become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        found = subprocess.run(
            [*become, "find", folder, "-type", "f", "-readable"], capture_output=True, text=True, check=False, cwd="/"
        )
        return found.stdout.splitlines()
    return open_to_others(folder)


def open_to_others(folder: Path) -> list[str]:
    """Return the paths whose mode gives group or others any access, `folder` included."""
    return [
        f"{stat.filemode(path.lstat().st_mode)} {path}"
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]
