"""Execution of workflows: admission, input checks, start."""

import random
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

import msgspec

from gateway import metrics
from gateway.access.credentials import Caller, Scope
from gateway.access.models import AdmissionClosed, TooManyStreams
from gateway.access.plans import Plan, Plans, RateKind
from gateway.access.rate_limits import RateLimits
from gateway.runs.attached import AttachedCall, BrokerAttachedRuns
from gateway.runs.controls import CONTROL_KEYS
from gateway.runs.errors import AcceptUncertain, IdentityUnavailable, RunLost
from gateway.runs.followed import BrokerFollowedRuns, RunReader
from gateway.runs.logs import SpendCap
from gateway.runs.requests import DraftRun, ExecuteRequest, record_run
from gateway.runs.service import AS_CALLED, DraftRuns, Prepared, WorkflowRuns
from gateway.workflows.endpoints import Endpoints, Interfaces
from shared.clients.jobs.runs import HttpJobsClient
from shared.contracts.deployments import Endpoint
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunOutcome, RunSpec, SnapshotRef, Trigger
from shared.errors import FlowportError, InvalidRequest, NotFound, OutcomeUncertain, RunIdTaken, Unavailable
from shared.ids import new_run_id
from shared.observe.logging import get_logger
from shared.observe.trace import current_traceparent
from shared.workflow.format.input_validation import ALWAYS_ALLOWED, InputValidation, input_problems
from shared.workflow.format.js_values import MISSING, parse_json


class AdmissionGate:
    """Counter of calls in progress; calls over the limit are refused rather than served late.

    The limit per workspace is lower than the total, so that a flood to one leaves room for others.
    """

    def __init__(self, limit: int, *, per_workspace: int) -> None:
        self._limit = limit
        self._per_workspace = per_workspace
        self._in_flight = 0
        self._by_workspace: dict[str, int] = {}
        metrics.CALLS_IN_FLIGHT.set_function(lambda: self._in_flight)

    def admit(self) -> None:
        """Admit one call, which must `leave` after its last byte. Raises AdmissionClosed."""
        if self._in_flight >= self._limit:
            raise AdmissionClosed
        self._in_flight += 1

    def leave(self) -> None:
        """End an admitted call."""
        self._in_flight -= 1

    def admit_to(self, workspace_id: str) -> None:
        """Count an admitted call to its workspace, until `leave_workspace`. Raises AdmissionClosed."""
        in_flight = self._by_workspace.get(workspace_id, 0)
        if in_flight >= self._per_workspace:
            raise AdmissionClosed
        self._by_workspace[workspace_id] = in_flight + 1

    def leave_workspace(self, workspace_id: str) -> None:
        """End an admitted call to this workspace."""
        left = self._by_workspace[workspace_id] - 1
        if left:
            self._by_workspace[workspace_id] = left
        else:
            del self._by_workspace[workspace_id]


ALLOWED: Final = ALWAYS_ALLOWED | CONTROL_KEYS


_MOST_IN_MESSAGE: Final = 5


class InputChecks:
    """Checks the inputs of calls. A workflow without strict validation costs nothing."""

    def __init__(self, interfaces: Interfaces) -> None:
        self._interfaces = interfaces

    async def check(self, endpoint: Endpoint, request: ExecuteRequest) -> None:
        """Raise InvalidRequest that lists every invalid field; NotFound, Unavailable."""
        if endpoint.input_validation != InputValidation.STRICT or not request.checks_input:
            return
        sent = parse_json(request.input.decode(errors="replace"))
        if sent is MISSING:
            return  # the worker reports it
        interface = (await self._interfaces.of(endpoint.workflow_id, request.version)).interface
        found = input_problems(interface.fields, sent, allowed=ALLOWED)
        if found:
            more = "; …" if len(found) > _MOST_IN_MESSAGE else ""
            text = "; ".join(problem.message.removesuffix(".") for problem in islice(found, _MOST_IN_MESSAGE))
            details = [{"path": [problem.name], "message": problem.message} for problem in found]
            raise InvalidRequest(f"Invalid input: {text}{more}", details=details)


UNCOUNTED: Final = frozenset({Trigger.MANUAL, Trigger.CHAT})
"""Triggers of interactive runs, which the plan's rate limits exclude."""


GONE = "The run is no longer stored"


log = get_logger("executions")


class StreamLimits:
    """Counter of open streams; refuses streams over a limit."""

    def __init__(self, *, per_caller: int, per_run: int) -> None:
        self._per_caller = per_caller
        self._per_run = per_run
        self._open: Counter[Hashable] = Counter()

    def reserve(self, caller: Caller, workspace_id: str, run_id: str) -> "StreamSlot":
        """Return the slot of one more stream. Raises TooManyStreams."""
        run = ("run", workspace_id, run_id)
        owner = ("caller", caller.workspace.id, caller.actor_id, caller.address)
        if self._open[run] >= self._per_run or self._open[owner] >= self._per_caller:
            raise TooManyStreams
        self._open.update((run, owner))
        return StreamSlot(self._open, (run, owner))

    @contextmanager
    def slot(self, caller: Caller, workspace_id: str, run_id: str) -> Iterator["StreamSlot"]:
        """Reserve a slot, and release it if the block fails to start the run. Raises TooManyStreams."""
        slot = self.reserve(caller, workspace_id, run_id)
        try:
            yield slot
        except BaseException:
            slot.release()
            raise


class Executions:
    """Steps of an execute call after parsing, in the order in which they may fail."""

    def __init__(
        self,
        endpoints: Endpoints,
        runs: BrokerAttachedRuns,
        jobs: HttpJobsClient,
        payloads: HttpJobsClient,
        followed: BrokerFollowedRuns,
        *,
        drafts: DraftRuns,
        inputs: InputChecks,
        limits: RateLimits,
        cap: SpendCap,
        plans: Plans,
        streams: StreamLimits,
    ) -> None:
        self._endpoints = endpoints
        self._limits = limits
        self._cap = cap
        self._runs = runs
        self._jobs = jobs
        self._payloads = payloads
        self._followed = followed
        self._drafts = drafts
        self._inputs = inputs
        self._plans = plans
        self._streams = streams

    async def authorize(self, caller: Caller, workflow_id: str) -> tuple[Caller, Endpoint]:
        """Return the caller in the workflow's workspace, and the workflow. Raises NotFound, Forbidden, Unavailable."""
        endpoint = await self._endpoints.get(workflow_id)
        caller = caller.on(endpoint.workspace_id, workflow_id)
        caller.require(Scope.EXECUTE)
        return caller, endpoint

    async def attach(self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest) -> AttachedCall:
        """Start an attached run.

        Raises TooManyStreams, RunIdTaken, NotDeployed, NotFound (a pinned version), RateLimited, AtCapacity, RunLost,
        Unavailable.
        """
        run_id = request.run_id or new_run_id()
        if request.mode is not RunMode.STREAM:
            return await self._attach(caller, endpoint, request, run_id)
        with self._streams.slot(caller, endpoint.workspace_id, run_id) as slot:
            run = await self._attach(caller, endpoint, request, run_id)
            run.release = slot.release
            return run

    async def _attach(self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest, run_id: str) -> AttachedCall:
        if request.run_id is None:
            return await self._runs.attach(await self._spec(caller, endpoint, request, run_id))
        await self._claim(endpoint, run_id)
        try:
            return await self._runs.attach(await self._spec(caller, endpoint, request, run_id))
        except RunLost:
            raise  # the run may have begun
        except FlowportError:
            await self._release(endpoint.workspace_id, run_id)
            raise

    async def enqueue(self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest) -> RunAccepted:
        """Store a durable run.

        Raises RunIdTaken, NotDeployed, NotFound (a pinned version), RateLimited, AtCapacity, AcceptUncertain,
        Unavailable.
        """
        spec = await self._spec(caller, endpoint, request, request.run_id or new_run_id())
        accepted = await self._accept(caller, endpoint, request, spec)
        metrics.RUNS.labels(RunMode.ASYNC, "accepted").inc()
        return accepted

    async def spec_of(self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest) -> RunSpec:
        """Return the specification of a run, which is not stored. Raises what `enqueue` raises before it stores one."""
        return await self._spec(caller, endpoint, request, request.run_id or new_run_id())

    async def follow(self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest) -> RunReader:
        """Store a durable run, and follow it. Raises TooManyStreams, and what `enqueue` raises."""
        run_id = request.run_id or new_run_id()
        if request.mode is not RunMode.STREAM:
            return await self._follow(caller, endpoint, request, run_id)
        with self._streams.slot(caller, endpoint.workspace_id, run_id) as slot:
            run = await self._follow(caller, endpoint, request, run_id)
            run.release = slot.release
            return run

    async def _follow(self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest, run_id: str) -> RunReader:
        spec = await self._spec(caller, endpoint, request, run_id)
        run = self._followed.expect(spec)
        try:
            followed = msgspec.structs.replace(spec, listener=self._followed.address)
            await self._accept(caller, endpoint, request, followed)
        except BaseException:
            run.disconnect()
            raise
        return run

    async def _accept(self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest, spec: RunSpec) -> RunAccepted:
        try:
            return await self._jobs.accept(AcceptRun(spec, self._plan(caller).concurrency))
        except RunIdTaken as error:
            if request.may_have_begun:
                return await self._accepted_before(endpoint, spec.run_id)
            raise _run_id_taken(spec.run_id) from error
        except OutcomeUncertain as error:
            raise AcceptUncertain(spec.run_id) from error

    async def _accepted_before(self, endpoint: Endpoint, run_id: str) -> RunAccepted:
        try:
            run = await self._jobs.run(endpoint.workspace_id, run_id)
        except NotFound:
            raise _run_id_taken(run_id) from None
        if run.workflow_id != endpoint.workflow_id or run.job_id is None:
            raise _run_id_taken(run_id)
        return RunAccepted(run.run_id, run.job_id, run.created_at)

    async def output_of(self, workspace_id: str, outcome: RunOutcome) -> bytes:
        """Return the run's output as JSON, loaded if it was stored separately. Raises NotFound, Unavailable."""
        return await self._payloads.get(workspace_id, outcome.output) or b"{}"

    async def _spec(self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest, run_id: str) -> RunSpec:
        snapshot, request, prepared = await self._resolve(caller, endpoint, request)
        plan = self._plan(caller)
        await self._cap.check(endpoint.workspace_id, plan.spend_cap_usd)
        if request.trigger not in UNCOUNTED:
            await self._limits.take(caller, RateKind.of(request.mode))
        await self._inputs.check(endpoint, request)  # parses the body, so only within the rate limit
        draft_run = request.draft_run or DraftRun(uses_draft=False)
        metrics.count_run(endpoint.workspace_id, request.mode)
        return RunSpec(
            run_id=run_id,
            snapshot=snapshot,
            input=prepared.input or await self._payloads.put(endpoint.workspace_id, request.input),
            time_limit_ms=plan.time_limit_ms(request.mode, request.time_limit_seconds),
            workflow_name=endpoint.name,
            include_block_events=draft_run.uses_draft and request.mode is RunMode.STREAM,
            start_block_id=draft_run.start_block_id,
            run_from=prepared.run_from,
            traceparent=current_traceparent() if request.mode is RunMode.ASYNC else None,
            stores_data=endpoint.stores_data,
            log_retention_ms=plan.log_retention_ms if endpoint.stores_data else 0,
            actor_id=None if caller.is_public else caller.actor_id,
            caller_name=caller.called_by,
            user_id=caller.user.id if caller.user else None,
            file_scope=caller.file_scope,
            record=None if draft_run.uses_draft or request.replay else record_run(endpoint, random.random()),  # noqa: S311 - a sample
            **request.options(),
        )

    async def _resolve(
        self, caller: Caller, endpoint: Endpoint, request: ExecuteRequest
    ) -> tuple[SnapshotRef, ExecuteRequest, Prepared]:
        if request.draft_run is None:
            return await self._endpoints.target(endpoint, request.version), request, AS_CALLED
        prepared = await self._drafts.prepare(caller, endpoint, request.draft_run)
        snapshot = prepared.snapshot or await self._endpoints.target(endpoint, request.version)
        selected = request.selected_outputs or tuple(f"{block_id}.content" for block_id in prepared.text_block_ids)
        return snapshot, msgspec.structs.replace(request, selected_outputs=selected), prepared

    async def _claim(self, endpoint: Endpoint, run_id: str) -> None:
        try:
            await self._jobs.claim_run_id(endpoint.workspace_id, endpoint.workflow_id, run_id)
        except RunIdTaken as error:
            raise _run_id_taken(run_id) from error
        except Unavailable as error:
            raise IdentityUnavailable from error

    async def _release(self, workspace_id: str, run_id: str) -> None:
        try:
            await self._jobs.release_run_id(workspace_id, run_id)
        except Unavailable as error:
            log.warning("run_id_not_released", run_id=run_id, error=error.message)

    def _plan(self, caller: Caller) -> Plan:
        return self._plans[caller.workspace.plan]


def _run_id_taken(run_id: str) -> RunIdTaken:
    return RunIdTaken("Execution ID has already been used", details={"runId": run_id})


class RunFollower:
    """Reader of a durable run's events and result."""

    def __init__(
        self,
        runs: WorkflowRuns,
        followed: BrokerFollowedRuns,
        jobs: HttpJobsClient,
        payloads: HttpJobsClient,
        *,
        limits: StreamLimits,
    ) -> None:
        self._runs = runs
        self._followed = followed
        self._jobs = jobs
        self._payloads = payloads
        self._limits = limits

    async def open(self, caller: Caller, workflow_id: str, run_id: str) -> RunReader:
        """Follow a run from its first event. Raises Forbidden, NotFound, TooManyStreams, Unavailable."""
        run = await self._runs.find(caller, workflow_id, run_id, output=False, blocks=False)
        with self._limits.slot(caller, run.workspace_id, run.run_id) as slot:
            reader = await self._followed.follow(run.workspace_id, run.run_id)
            reader.release = slot.release
            return reader

    async def end_of(self, workspace_id: str, run_id: str) -> tuple[RunOutcome, bytes]:
        """Return the outcome of a finished or paused run, and its output as JSON. Raises NotFound, Unavailable."""
        try:
            run = await self._jobs.run(workspace_id, run_id, output=True)
        except NotFound:
            raise NotFound(GONE) from None
        outcome = RunOutcome(
            status=run.status,
            output=run.output or Payload(),
            error=run.error,
            started_at=run.started_at or run.created_at,
            ended_at=run.ended_at or run.created_at,
            duration_ms=run.duration_ms or 0.0,
        )
        return outcome, await self._payloads.get(workspace_id, outcome.output) or b"{}"


class StreamSlot:
    """Slot of an open stream, which its run releases when the reader disconnects."""

    def __init__(self, open_streams: Counter[Hashable], counted: tuple[Hashable, ...]) -> None:
        self._open = open_streams
        self._counted = counted

    def release(self) -> None:
        """Release the slot; idempotent."""
        counted, self._counted = self._counted, ()
        for each in counted:
            self._open[each] -= 1
            if not self._open[each]:
                del self._open[each]

    __del__ = release  # for streams that fail before they are sent
