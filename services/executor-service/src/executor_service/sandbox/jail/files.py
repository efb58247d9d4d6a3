"""`sim` for Python scripts, which requests files from the parent with a special URL scheme."""

import json
import socket
from functools import partialmethod
from types import SimpleNamespace
from typing import Any

from . import frames


class Files:
    """`sim.files`. A script and its parent take turns, so each read waits for its answer."""

    def __init__(self, connection: socket.socket, most_reads: int) -> None:
        self._connection = connection
        self._most_reads = most_reads
        self._reads = 0

    def _read(
        self, encoding: str, file: Any, options: Any = None, *, offset: int = 0, length: int | None = None
    ) -> str:
        if not isinstance(file, dict) or not isinstance(file.get("key"), str):
            raise TypeError("sim.files expects a file from a file[] field")
        if self._reads >= self._most_reads:
            raise RuntimeError(f"sim.files was called more than {self._most_reads} times")
        part = {"offset": offset, "length": length, **(options or {})}
        most = "" if part["length"] is None else part["length"]
        headers = {"accept": encoding, "offset": str(part["offset"]), "length": str(most)}
        return self._request(f"sim-file:{file['key']}", headers)

    readText = readTextChunk = partialmethod(_read, "text")  # noqa: N815 - the names that JavaScript has
    readBase64 = readBase64Chunk = partialmethod(_read, "base64")  # noqa: N815

    def _request(self, url: str, headers: dict[str, str]) -> str:
        number, self._reads = self._reads, self._reads + 1
        frames.send(
            self._connection, frames.message("fetch", id=number, url=url, method="GET", headers=headers, body=None)
        )
        answer = frames.receive(self._connection)
        if answer is None:
            raise OSError("the sandbox has disconnected")
        reply = json.loads(answer)
        if reply["error"] is not None:
            raise OSError(reply["error"])
        return str(reply["body"])


class Values:
    """`sim.values`. Values are always complete here."""

    def read(self, value: Any) -> Any:
        """Return the value."""
        return value

    readArray = read  # noqa: N815


def sim(connection: socket.socket, most_reads: int) -> SimpleNamespace:
    """Return the object that scripts use as `sim`."""
    return SimpleNamespace(files=Files(connection, most_reads), values=Values())
