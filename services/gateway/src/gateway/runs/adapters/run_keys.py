"""Runs by the names that callers know outside, and by their keys inside. See shared.ids.run_key."""

from typing import TypeVar

import msgspec

from shared.contracts.cancels import CancelAnswer
from shared.contracts.jobs import RunAccepted, RunView
from shared.contracts.runs import RunSpec
from shared.ids import public_run_id, run_key

Answer = TypeVar("Answer", RunAccepted, RunView, CancelAnswer)


def by_key(run: RunSpec) -> RunSpec:
    """`run`, as the services behind the gateway call it."""
    key = run_key(run.snapshot.workspace_id, run.run_id)
    return run if key == run.run_id else msgspec.structs.replace(run, run_id=key)


def by_public_id(answer: Answer) -> Answer:
    """`answer`, about the run as its caller calls it."""
    run_id = public_run_id(answer.run_id)
    return answer if run_id == answer.run_id else msgspec.structs.replace(answer, run_id=run_id)
