"""Conversion between public run ids and internal keys. See shared.ids.run_key."""

from typing import TypeVar

import msgspec

from shared.contracts.dead_letters import DeadLetterView
from shared.contracts.jobs import CancelAnswer, RunAccepted, RunView
from shared.contracts.repairs import RepairableRun
from shared.contracts.runs import RunSpec
from shared.contracts.statistics import LastRun
from shared.contracts.webhooks import Delivery
from shared.ids import public_run_id, run_key

Answer = TypeVar("Answer", RunAccepted, RunView, CancelAnswer, RepairableRun, LastRun, Delivery, DeadLetterView)


def with_internal_key(run: RunSpec) -> RunSpec:
    """Return `run` with its internal key."""
    key = run_key(run.snapshot.workspace_id, run.run_id)
    return run if key == run.run_id else msgspec.structs.replace(run, run_id=key)


def by_public_id(answer: Answer) -> Answer:
    """Return `answer` with the run's public id, if it names a run."""
    run_id = answer.run_id and public_run_id(answer.run_id)
    return answer if run_id == answer.run_id else msgspec.structs.replace(answer, run_id=run_id)
