"""The whole stack in a network namespace that has loopback and no way out, and how often something looked for one.

For an address that is not loopback's the kernel finds no route there, and counts that: whichever process asked, by
whichever protocol, name servers included.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.support.public_door import PublicDoor

from flowport.stack import Stack, StackPorts
from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings

ROOT: Final = Path(__file__).parents[2]
ECHO: Final = ROOT / "examples" / "summarise.json"
SELECTED: Final = {"input": "hello", "selectedOutputs": ["agent_1.content"]}
SEEN: Final = "seen.json"
IDLE_SECONDS: Final = 3
ELSEWHERE: Final = "192.0.2.1"
"""An address that is nobody's."""


class Seen(msgspec.Struct):
    """What callers got, and how often a way out was looked for: by the stack, and by a call that meant to."""

    sync: dict[str, Any]
    streamed: list[Any]
    queued: dict[str, Any]
    tries: int
    tries_on_purpose: int


def run_cut_off(folder: Path) -> Seen:
    """Start everything in the namespace, use it in each mode, leave it idle, stop it."""
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


async def _use(stack: Stack) -> dict[str, Any]:
    made = await make_first_key(GatewaySettings(mongodb_uri=stack.mongodb_uri))
    door = PublicDoor(stack.url, made.api_key, made.workspace_id)
    workflow_id = await door.publish(json.loads(ECHO.read_bytes()))
    async with door.stream(workflow_id, SELECTED) as frames:
        streamed = await frames.rest()
    sync = (await door.run(workflow_id, {"input": "hello"})).json()
    queued = await door.ended_job((await door.queue(workflow_id, {"input": "hello"}))["jobId"])
    await door.close()
    return {"sync": sync, "streamed": streamed, "queued": queued}


def _tries() -> int:
    """How often the kernel found no route, in this namespace, since it began."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line[:3] == "Ip:")
    six = dict(line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"]) + int(six["Ip6OutNoRoutes"])


def _main(folder: Path) -> None:
    with Stack(folder / "stack", ports=StackPorts.free()) as stack:
        answers = asyncio.run(_use(stack))
        time.sleep(IDLE_SECONDS)
    tries = _tries()
    with suppress(OSError):
        socket.create_connection((ELSEWHERE, 443), timeout=1)
    seen = Seen(**answers, tries=tries, tries_on_purpose=_tries() - tries)
    (folder / SEEN).write_bytes(msgspec.json.encode(seen))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
