"""Replays of recorded runs on the server, and the deploy gates that use them."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from rich.text import Text

from flowport.client.api_client import JsonObject, RetryPolicy, api_path
from flowport.client.errors import ServerUnavailable, WaitTimedOut
from flowport.commands.session import Session
from flowport.errors import CommandFailed

POLL_SECONDS: Final = 0.5
RUNNING: Final = "running"
PASSED: Final = "passed"
COLUMNS: Final = ("runId", "verdict", "block", "reason")
SHOWN: Final = ("different", "unrecorded", "failed", "skipped")
MOST_RUNS: Final = 1_000
TIMEOUT_SECONDS: Final = 3_600.0
_GATE: Final = re.compile(r"replay=([1-9][0-9]{0,3})")

Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", help="Output field that may differ: BLOCK.PATH, * for any text. Repeatable."),
]
MaxDifferent = Annotated[int, typer.Option(min=0, max=MOST_RUNS, help="Replayed runs that may be different.")]
MaxUnrecorded = Annotated[
    int, typer.Option(min=0, max=MOST_RUNS, help="Replayed runs that may have an unrecorded call.")
]
MaxFailed = Annotated[int, typer.Option(min=0, max=MOST_RUNS, help="Replayed runs that may fail.")]
Gate = Annotated[
    str | None,
    typer.Option(
        metavar="replay=N", help="Replay the last N recorded runs first, and refuse if they behave differently."
    ),
]
GateOverride = Annotated[
    str | None,
    typer.Option(metavar="REASON", help="Continue even if the gate refuses. Audited; requires the admin scope."),
]


@dataclass(frozen=True)
class GateOptions:
    """Gate of a deploy or promote. Raises BadParameter."""

    gate: str | None
    override: str | None
    ignore: Sequence[str]
    limits: JsonObject

    def __post_init__(self) -> None:
        if self.gate is None and (self.override is not None or self.ignore or any(self.limits.values())):
            raise typer.BadParameter(
                "--gate-override, --ignore, --max-different, --max-unrecorded and --max-failed apply only with --gate"
            )
        if self.gate is not None and (_GATE.fullmatch(self.gate) is None or self.last > MOST_RUNS):
            raise typer.BadParameter(f"--gate must be replay=N, with N from 1 to {MOST_RUNS}")

    @property
    def last(self) -> int:
        """Return the number of runs to replay."""
        return int((self.gate or "").partition("=")[2])


def limits_of(max_different: int, max_unrecorded: int, max_failed: int) -> JsonObject:
    """Return the thresholds of a replay."""
    return {"maxDifferent": max_different, "maxUnrecorded": max_unrecorded, "maxFailed": max_failed}


def pass_gate(session: Session, workflow_id: str, options: GateOptions, target: JsonObject) -> JsonObject:
    """Replay recorded runs, and return the part of a deploy's body that names the replay; empty without a gate.

    Raises CommandFailed if the replay does not pass and `options` do not override the gate.
    """
    if options.gate is None:
        return {}
    body = {**target, "last": options.last, "ignore": list(options.ignore), **options.limits}
    replay = run_replay(session, workflow_id, body, timeout=TIMEOUT_SECONDS)
    show_summary(session, replay)
    if replay["status"] != PASSED:
        show_differences(session, workflow_id, replay)
        if options.override is None:
            raise CommandFailed(f"the gate refuses: {refusals_of(replay)} (replay {replay['id']})")
    gate = {"replayId": replay["id"], **({"override": options.override} if options.override is not None else {})}
    return {"gate": gate}


def run_replay(session: Session, workflow_id: str, body: JsonObject, *, timeout: float) -> JsonObject:
    """Start a replay, and return it when it has ended. Raises WaitTimedOut; the replay continues on the server."""
    path = api_path("v2", "workflows", workflow_id, "replays")
    headers = {"idempotency-key": str(uuid4())}  # makes retries safe
    deadline = time.monotonic() + timeout
    retries, replay = RetryPolicy(), None
    with _progress(session) as show:
        while True:
            try:
                if replay is None:
                    replay = session.client.call("POST", path, body=body, headers=headers)["data"]
                else:
                    replay = session.client.call("GET", f"{path}/{replay['id']}")["data"]
                retries.reset()
            except ServerUnavailable as error:
                retries.wait_or_raise(error)
                continue
            if replay["status"] != RUNNING:
                return dict(replay)
            show(f"{replay['done']} of {replay['total']} runs replayed, {_differing(replay)} not the same")
            if time.monotonic() > deadline:
                raise WaitTimedOut(f"replay {replay['id']} has not ended; it continues on the server")
            time.sleep(POLL_SECONDS)


def show_summary(session: Session, replay: JsonObject) -> None:
    """Print how many runs have each verdict."""
    counts = ", ".join(f"{count} {name}" for name, count in replay["counts"].items())
    session.output.print_note(f"Replayed {replay['done']} runs: {counts}")


def show_differences(session: Session, workflow_id: str, replay: JsonObject) -> None:
    """Print the runs with another verdict than `same`, and fields to ignore."""
    if not session.output.as_json:
        session.output.print_rows(COLUMNS, list(_differences(session, workflow_id, replay)))
    for pattern in replay.get("suggestedIgnore") or ():
        session.output.print_note(f'changes in every run: --ignore "{pattern}"', label="hint")


def refusals_of(replay: JsonObject) -> str:
    """Return the reasons why a replay did not pass."""
    return "; ".join(replay.get("refusals") or ()) or f"the replay is {replay['status']}"


def _differences(session: Session, workflow_id: str, replay: JsonObject) -> Iterator[JsonObject]:
    path = api_path("v2", "workflows", workflow_id, "replays", replay["id"], "results")
    for verdict in SHOWN:
        if replay["counts"].get(verdict):
            for row in session.client.pages(path, {"verdict": verdict}):
                block = row.get("firstDifference") or row.get("unrecordedCall") or {}
                yield {**row, "block": block.get("blockName") or block.get("blockId")}


def _differing(replay: JsonObject) -> int:
    return int(replay["done"]) - int(replay["counts"]["same"])


@contextmanager
def _progress(session: Session) -> Iterator[Any]:
    with session.output.notes.status(Text("replaying")) as status:
        yield lambda text: status.update(Text(text))
