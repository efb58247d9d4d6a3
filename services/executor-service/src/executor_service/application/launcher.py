"""Converts a requested run to an execution, and its result to an outcome that fits into a message."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from executor_service.application.file_contents import FileContents
from executor_service.application.file_references import referenced_file_ids
from executor_service.application.file_uploads import FileUploads
from executor_service.application.replays import ReplayExecution, SetBudget, spec_of_replay
from executor_service.application.retries import retry_unavailable
from executor_service.application.workflow_cache import WorkflowCache
from executor_service.engine.errors import http_status_of
from executor_service.engine.execution import Execution, allow_effect
from executor_service.engine.outcome import timed_out
from executor_service.engine.ports import EventSink, Journal
from executor_service.engine.recorded_answers import RecordedAnswers
from executor_service.engine.request import RunFrom, RunRequest, RunResult
from executor_service.engine.run_context import Engine
from executor_service.engine.secrets import EnvironmentNames
from executor_service.engine.state import Output, RunState
from executor_service.ports import Environments, Payloads, RecordingReader, ReplayBudgets
from shared.contracts.jobs import PauseKind, PausePoint, PauseRun
from shared.contracts.payloads import Payload
from shared.contracts.recording_policy import ReplayRun
from shared.contracts.runs import EMPTY_OUTPUT, ErrorCode, RunError, RunOutcome, RunSpec, RunStatus, Usage
from shared.errors import FlowportError, InvalidRequest
from shared.workflow.compile.compiler import CompiledWorkflow

NO_ANSWERS: Final[Mapping[str, msgspec.Raw]] = {}
_decode_outputs = msgspec.json.Decoder(dict[str, Output]).decode
_decode_state = msgspec.json.Decoder(RunState).decode


class Launcher:
    """Fetches the workflow, its environment and the input. `keyed_providers` have a key on this server."""

    def __init__(
        self,
        engine: Engine,
        workflows: WorkflowCache,
        environments: Environments,
        payloads: Payloads,
        *,
        file_uploads: FileUploads,
        file_contents: FileContents,
        keyed_providers: frozenset[str],
        public_url: str,
        recordings: RecordingReader,
        budgets: ReplayBudgets,
    ) -> None:
        self._budgets = budgets
        self._recordings = recordings
        self._engine = engine
        self._workflows = workflows
        self._environments = environments
        self._payloads = payloads
        self._file_uploads = file_uploads
        self._file_contents = file_contents
        self._keyed_providers = keyed_providers
        self._public_url = public_url

    async def prepare(
        self,
        spec: RunSpec,
        sink: EventSink,
        *,
        journal: Journal | None = None,
        entries: Sequence[msgspec.Raw] = (),
        state: Payload | None = None,
        answers: Mapping[str, msgspec.Raw] = NO_ANSWERS,
        before_effect: Callable[[], Awaitable[None]] = allow_effect,
    ) -> Execution | ReplayExecution:
        """Return the prepared run: restore the state `state`, apply `entries`, then the `answers` to its pauses.

        Raises FlowportError if a part is unavailable.
        """
        if spec.replay is not None:
            return await self._prepare_replay(spec, spec.replay, sink, journal=journal, entries=entries)
        workspace_id = spec.snapshot.workspace_id
        workflow = await self._workflows.get(spec.snapshot)
        document = await self._payloads.get(workspace_id, spec.input)
        body = msgspec.json.decode(document) if document else None
        if not entries and state is None:  # a resumed run has its start's output, including files
            body = await self._file_uploads.store_uploads(spec, workflow, document, body)
        request = RunRequest(
            spec=spec,
            input=body,
            keyed_providers=self._keyed_providers,
            public_url=self._public_url,
            run_from=await self._load_run_from(spec),
            resumptions={context: msgspec.json.decode(answer) for context, answer in answers.items()},
        )
        return Execution(
            self._engine,
            workflow,
            request,
            environment=await self._environment(spec, workflow),
            sink=self._file_contents.wrap_sink(spec, sink),
            journal=journal,
            entries=entries,
            state=None if state is None else _decode_state(await self._payloads.get(workspace_id, state)),
            before_effect=before_effect,
        )

    async def _prepare_replay(
        self,
        spec: RunSpec,
        replay: ReplayRun,
        sink: EventSink,
        *,
        journal: Journal | None,
        entries: Sequence[msgspec.Raw],
    ) -> ReplayExecution:
        snapshot = spec.snapshot
        recording = await self._recordings.read(snapshot.workspace_id, snapshot.workflow_id, replay.run_id)
        workflow = await self._workflows.get(snapshot)
        environment = await self._environment(spec, workflow)
        names = EnvironmentNames(environment)
        budget = None
        if replay.calls_models and replay.set_id is not None:
            budget = SetBudget(self._budgets, snapshot, replay.set_id)
        answers = RecordedAnswers(recording.blocks, names, budget=budget)
        execution = Execution(
            dataclasses.replace(self._engine, handlers=answers.handlers(self._engine.handlers)),
            workflow,
            RunRequest(
                spec=spec_of_replay(spec, recording),
                input=recording.input,
                keyed_providers=self._keyed_providers,
                public_url=self._public_url,
            ),
            environment=environment,
            sink=sink,
            journal=journal,
            entries=entries,
        )
        return ReplayExecution(execution, recording, replay, names)

    async def store_output(self, spec: RunSpec, outcome: RunOutcome, *, retry_seconds: float = 0.0) -> RunOutcome:
        """Return `outcome` with a large output stored separately. Never raises: if storing fails, the run fails."""
        try:
            output = await self._store_value(spec, outcome.output, retry_seconds)
            if outcome.output.logged is not None:
                output = replace(output, logged=await self._store_value(spec, outcome.output.logged, retry_seconds))
            return replace(outcome, output=output)
        except FlowportError as error:
            return self._with_error(outcome, error)

    async def _store_value(self, spec: RunSpec, value: Payload, retry_seconds: float) -> Payload:
        document = await self._file_contents.add_contents(spec, bytes(value.inline))
        put = partial(self._payloads.put, spec.snapshot.workspace_id, document)
        return await (retry_unavailable(put, seconds=retry_seconds) if retry_seconds else put())

    async def pause_report(self, spec: RunSpec, outcome: RunOutcome, result: RunResult) -> PauseRun:
        """Return all data with which another process can continue a paused run. Raises Unavailable."""
        document = msgspec.json.encode(result.state)
        state = await self._payloads.put(spec.snapshot.workspace_id, document)
        files = referenced_file_ids(spec.snapshot.workspace_id, document)
        return PauseRun(spec, outcome, pause_points(result), state, tuple(result.blocks), result.usage, files)

    async def _environment(self, spec: RunSpec, workflow: CompiledWorkflow) -> Mapping[str, str]:
        """Return only the values that the workflow refers to."""
        if not workflow.needs_environment:
            return {}
        names = None if workflow.reads_whole_environment else workflow.environment_names
        return (await self._environments.environment(spec.snapshot.workspace_id, spec.user_id, names)).values

    async def _load_run_from(self, spec: RunSpec) -> RunFrom | None:
        if spec.run_from is None:
            return None
        document = await self._payloads.get(spec.snapshot.workspace_id, spec.run_from.outputs)
        return RunFrom(spec.run_from.block_id, _decode_outputs(document))

    def failed_outcome(self, error: FlowportError) -> RunOutcome:
        """Return the outcome of a run that could not start."""
        now = self._engine.clock.now()
        blank = RunOutcome(status=RunStatus.FAILED, output=EMPTY_OUTPUT, started_at=now, ended_at=now, duration_ms=0.0)
        return self._with_error(blank, error)

    def stopped_result(self, spec: RunSpec, seconds: float, *, cancelled: bool) -> RunResult:
        """Return the result of a run that was stopped while it was prepared, after `seconds`."""
        now = self._engine.clock.now()
        outcome = RunOutcome(
            status=RunStatus.CANCELLED if cancelled else RunStatus.FAILED,
            output=EMPTY_OUTPUT,
            started_at=now - timedelta(seconds=seconds),
            ended_at=now,
            duration_ms=round(seconds * 1000, 3),
            error=None if cancelled else timed_out(spec),
        )
        return RunResult(outcome, output={}, blocks=(), usage=Usage())

    def _with_error(self, outcome: RunOutcome, error: FlowportError) -> RunOutcome:
        if isinstance(error, InvalidRequest):
            run_error = RunError(code=ErrorCode.INVALID_INPUT, message=error.message, http_status=400)
        else:
            run_error = RunError(
                code=ErrorCode.EXECUTION_FAILED, message=error.message, http_status=http_status_of(error)
            )
        return replace(outcome, status=RunStatus.FAILED, output=EMPTY_OUTPUT, error=run_error)


def pause_points(result: RunResult) -> tuple[PausePoint, ...]:
    """Return the pauses of a run."""
    return tuple(
        PausePoint(
            context_id=pause.context_id,
            block_id=pause.block_id,
            kind=PauseKind(pause.kind),
            registered_at=datetime.fromisoformat(pause.registered_at),
            resume_at=None if pause.resume_at is None else datetime.fromisoformat(pause.resume_at),
        )
        for pause in result.pauses
    )
