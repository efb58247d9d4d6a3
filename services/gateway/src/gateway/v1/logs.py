"""`/api/v1/logs`: logs of runs."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from gateway.access.credentials import Caller, Scope
from gateway.api.workflows import caller_in, run_filters, with_zone
from gateway.runs.logs import NO_EXECUTION, RunLogs
from gateway.runs.views import split_names
from gateway.v1.log_models import ExecutionAnswer, LogDetail, LogList, detail, execution, row, trace, workflow_facts
from gateway.v1.routes import Limited, V1Access, v1_router
from shared.contracts.jobs import RunPage
from shared.contracts.logs import FindLogs
from shared.errors import InvalidRequest
from shared.web.struct_bodies import StructResponse

DEFAULT_LIMIT: Final = 100
Order = Literal["asc", "desc"]


def logs_router(access: V1Access, logs: RunLogs) -> APIRouter:
    """Return routes of logs, for readers of the workspace."""
    router = v1_router("Logs", 400, 401, 403, 404, 429, 503, prefix="/api/v1/logs")
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type

    async def answer(caller: Caller, body: dict[str, Any]) -> Response:
        limits = (await access.limits(caller)).model_dump(by_alias=True)
        return StructResponse({**body, "limits": limits})

    @router.get("", response_model=LogList, summary="Find runs")
    async def list_logs(
        caller: AnyCaller,
        query: Annotated[FindLogs, Depends(_query)],
        folder_ids: Annotated[str | None, Query(alias="folderIds", max_length=10_000)] = None,
        details: Literal["basic", "full"] = "basic",
    ) -> Response:
        caller = caller_in(caller, query.workspace_id, Scope.READ)
        if details == "basic":
            query = msgspec.structs.replace(query, output=False, blocks=False)
        page = await logs.find(caller, query, folder_ids=split_names(folder_ids))
        rows = [row(run) for run in page.runs] if details == "basic" else await _full_rows(logs, page, query)
        cursor = (
            {} if page.next_cursor is None else {"nextCursor": _encode_cursor(page.next_cursor, query.oldest_first)}
        )
        return await answer(caller, {"data": rows, **cursor})

    @router.get(
        "/executions/{execution_id}", response_model=ExecutionAnswer, summary="Get the state that a run executed"
    )
    async def get_execution(caller: AnyCaller, execution_id: str) -> Response:
        run = await logs.get(caller, execution_id, missing=NO_EXECUTION)
        return await answer(caller.within(run.workspace_id), execution(run, await logs.state(run)))

    @router.get("/{log_id}", response_model=Limited[LogDetail], summary="Get a run's log")
    async def get_log(caller: AnyCaller, log_id: str) -> Response:
        run = await logs.get(caller, log_id)
        workflow = (await logs.workflows([run])).get(run.workflow_id)
        caller = caller.within(run.workspace_id)
        return await answer(caller, {"data": detail(run, await logs.output(run), workflow)})

    return router


def _query(
    filters: Annotated[FindLogs, Depends(run_filters)],
    *,
    start_date: Annotated[datetime | None, Query(alias="startDate")] = None,
    end_date: Annotated[datetime | None, Query(alias="endDate")] = None,
    include_trace: Annotated[bool, Query(alias="includeTraceSpans")] = False,
    include_output: Annotated[bool, Query(alias="includeFinalOutput")] = False,
    limit: int = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    order: Order = "desc",
) -> FindLogs:
    """Return the query; a limit out of range is clamped. Raises InvalidRequest."""
    return msgspec.structs.replace(
        filters,
        since=start_date and with_zone(start_date),
        until=end_date and with_zone(end_date),
        oldest_first=order == "asc",
        limit=limit,
        cursor=_decode_cursor(cursor, oldest_first=order == "asc") if cursor else None,
        output=include_output,
        blocks=include_trace,
    )


async def _full_rows(logs: RunLogs, page: RunPage, query: FindLogs) -> Sequence[dict[str, Any]]:
    workflows = await logs.workflows(page.runs)
    rows: list[dict[str, Any]] = []
    for run in page.runs:
        shown = {**row(run), "workflow": workflow_facts(run, workflows.get(run.workflow_id))}
        if query.blocks:
            shown["traceSpans"] = trace(run)
        if query.output:
            output = await logs.output(run)
            shown["finalOutput"] = None if output is None else msgspec.Raw(output)
        rows.append(shown)
    return rows


class _Cursor(msgspec.Struct):
    at: str
    order: Order


def _encode_cursor(at: str, oldest_first: bool) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(at, "asc" if oldest_first else "desc"))).decode()


def _decode_cursor(text: str, *, oldest_first: bool) -> str:
    """Decode a cursor. Raises InvalidRequest if it is invalid, or of a list in the other order."""
    try:
        cursor = msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Cursor)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("Invalid cursor") from error
    if cursor.order != ("asc" if oldest_first else "desc"):
        raise InvalidRequest("Invalid cursor")
    return cursor.at
