"""Fake worker whose run continues without subscribers."""

from dataclasses import dataclass
from typing import Any

import msgspec
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import System
from tests.support.gateway.worker import outcome

from shared.contracts.events import RunEvent
from shared.contracts.messages import EventBatch
from shared.contracts.runs import RunMode, RunStatus
from shared.ids import run_key


@dataclass
class FollowedWorker:
    """Runs the one run of a test, and sends its events to the subscribers of its start."""

    system: System
    run_id: str = "R1"
    number: int = 0

    @classmethod
    def of(cls, system: System, run_id: str = "R1", **fields: Any) -> "FollowedWorker":
        """Add a run in progress with this id, and return its worker."""
        system.jobs.views[run_id] = a_view(RunStatus.PROCESSING, run_id=run_id, mode=RunMode.STREAM, **fields)
        return cls(system, run_id)

    async def report(self, *events: RunEvent, attempt: int = 1, live: bool = True) -> None:
        """Store the next events, and send them unless the subscriber has disconnected."""
        run = self.system.jobs.accepted[0].run
        batch = EventBatch(run_key("WS1", run.run_id), 0, events, attempt=attempt, first=self.number)
        self.number += len(events)
        self.system.jobs.kept.setdefault(self.run_id, []).append(batch)
        if live:
            assert run.listener is not None
            await self.system.broker.replies.send(run.listener, batch, must_route=True)

    def ends(self, output: object = None, *, status: RunStatus = RunStatus.COMPLETED, **fields: object) -> None:
        """Set the state that jobs-service reports from now on."""
        made = outcome(output or {"content": "whole"}, status=status)
        ended = {"status": status, "output": made.output, **fields}
        self.system.jobs.views[self.run_id] = msgspec.structs.replace(self.system.jobs.views[self.run_id], **ended)
