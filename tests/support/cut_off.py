"""Run the stack in a network namespace with loopback only, and count attempts to leave it.

The kernel finds no route for an address outside loopback, and counts each attempt: of every process, by every protocol,
name servers included.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from tests.support.three_modes import Answers, run_in_three_modes

from flowport.local.stack import Stack, StackPorts

ROOT: Final = Path(__file__).parents[2]
SEEN: Final = "seen.json"
IDLE_SECONDS: Final = 3
ELSEWHERE: Final = "192.0.2.1"
"""An address without a host."""


class Seen(msgspec.Struct):
    """Answers of the callers, and the attempts to leave: of the stack, and of one deliberate call."""

    answers: Answers
    tries: int
    tries_on_purpose: int


def run_cut_off(folder: Path) -> Seen:
    """Start the whole stack in the namespace, use it in each mode, leave it idle, stop it."""
    (folder / "resolv.conf").write_text(f"nameserver {ELSEWHERE}\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    files = [part for name in ("resolv.conf", "nsswitch.conf") for part in ("--ro-bind", folder / name, f"/etc/{name}")]
    jail = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", "--cap-add", "ALL", *files]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWPORT_", "OTEL_"))}
    done = subprocess.run(
        [*jail, sys.executable, "-m", __name__, folder],
        cwd=ROOT, env=environment, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode((folder / SEEN).read_bytes(), type=Seen)


def _tries() -> int:
    """Return how often the kernel found no route in this namespace since it was created."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line[:3] == "Ip:")
    six = dict(line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"]) + int(six["Ip6OutNoRoutes"])


def _main(folder: Path) -> None:
    with Stack(folder / "stack", ports=StackPorts.free()) as stack:
        answers = asyncio.run(run_in_three_modes(stack.url, stack.mongodb_uri))
        time.sleep(IDLE_SECONDS)
    tries = _tries()
    with suppress(OSError):
        socket.create_connection((ELSEWHERE, 443), timeout=1)
    seen = Seen(answers, tries=tries, tries_on_purpose=_tries() - tries)
    (folder / SEEN).write_bytes(msgspec.json.encode(seen))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
