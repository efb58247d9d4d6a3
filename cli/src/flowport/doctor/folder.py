"""Folder check: which store has the data of `flowport up`, and whether it can start."""

from collections.abc import Iterator

from flowport.doctor.findings import Finding, ok, problem
from flowport.errors import CommandFailed
from flowport.home import Home
from flowport.local.store_choice import FolderStore


def check_folder(home: Home) -> Iterator[Finding]:
    """Yield the store of `home`, if it has one."""
    folder = FolderStore(home)
    if folder.is_new:
        return
    check = f"store of {home.path}"
    try:
        yield ok(check, str(folder.choose()))
    except CommandFailed as error:
        found, _, fix = str(error).partition(": ")
        yield problem(check, found, fix)
