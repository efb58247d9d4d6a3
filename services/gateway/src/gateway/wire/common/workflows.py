"""List and import workflows, for v1 and v2."""

from functools import partial
from typing import Final

import msgspec

from gateway.access.domain.credentials import Caller, Scope
from gateway.parsing import json_body
from gateway.runs.application.run_counts import RunTallies
from gateway.wire.common.models import ImportBody, WorkflowQuery, WorkflowSummary
from gateway.wire.common.presenters import summary
from gateway.workflows.ports import Authoring
from shared.contracts.deployments import ImportWorkflow


def file_of(body: ImportBody, sent: bytes) -> ImportWorkflow:
    """Return the file to import, from the body and its raw bytes."""
    return ImportWorkflow(
        workspace_id=body.workspace_id,
        workflow=body.workflow if isinstance(body.workflow, str) else _as_sent(sent),
        name=body.name,
        description=body.description,
        folder_id=body.folder_id,
    )


class _Sent(msgspec.Struct):
    workflow: msgspec.Raw


_sent_decoder: Final = msgspec.json.Decoder(_Sent)


def _as_sent(body: bytes) -> str:
    """Return the workflow's own text: parsing it would silently drop a block whose id occurs twice."""
    sent = json_body.read(json_body.without_bom(body), partial(json_body.decode, _sent_decoder))
    return bytes(sent.workflow).decode()


async def listed(
    caller: Caller, authoring: Authoring, tallies: RunTallies, asked: WorkflowQuery
) -> tuple[list[WorkflowSummary], str | None]:
    """Return a page of workflows, and the next cursor. Raises Forbidden, InvalidRequest, Unavailable."""
    caller = entered(caller, asked.workspace_id, Scope.READ)
    page = await authoring.page(
        asked.workspace_id,
        cursor=asked.cursor,
        limit=asked.limit,
        deployed_only=asked.deployed_only,
        folder_id=asked.folder_id,
    )
    shown = [each for each in page.workflows if caller.may_touch(each.id)]
    known = await tallies.of(asked.workspace_id, [each.id for each in shown])
    return [summary(each, known) for each in shown], page.next_cursor


def entered(caller: Caller, workspace_id: str, scope: Scope) -> Caller:
    """Return the caller in that workspace. Raises Forbidden."""
    caller = caller.within(workspace_id)
    caller.require(scope)
    return caller
