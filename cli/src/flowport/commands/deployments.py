"""`flowport deploy`, `versions`, `diff`, `promote`, `undeploy`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from flowport.client.api_client import ApiClient, JsonObject, api_path
from flowport.client.errors import AccessDenied, InvalidWorkflowRefused, NotFound, WaitTimedOut
from flowport.commands.replay_sets import (
    Gate,
    GateOptions,
    GateOverride,
    Ignore,
    MaxDifferent,
    MaxFailed,
    MaxUnrecorded,
    limits_of,
    pass_gate,
)
from flowport.commands.session import Session, WorkflowName
from flowport.commands.workflow_drafts import StoredDraft, store_draft
from flowport.commands.workflow_files import Accept
from flowport.errors import CommandFailed
from flowport.workflow_files import print_problems
from shared.contracts.problems import ProblemCode
from shared.workflow.diff.version_diff import changes

Version = Annotated[int, typer.Argument(min=1, help="Version number.")]
POLL_SECONDS: Final = 0.2
WAIT_SECONDS: Final = 60.0
FILE_ENDINGS: Final = (".json", ".yaml", ".yml")


def deploy(
    session: Session,
    workflow: Annotated[
        str,
        typer.Argument(
            metavar="WORKFLOW|FILE", help="Id or name of a workflow, or a workflow file to create or update it from."
        ),
    ],
    *,
    id_: Annotated[
        str | None,
        typer.Option("--id", help="With FILE: id of the workflow; default: the one with the file's name."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new version.")] = None,
    description: Annotated[str | None, typer.Option(help="Description of the new version.")] = None,
    accept: Accept = None,
    add_start: Annotated[
        bool, typer.Option("--add-start", help="With FILE: turn a schedule or service trigger into an API start.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="With FILE: turn blocks of other services into API blocks.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Deploy even if nothing has changed.")] = False,
    promote: Annotated[
        bool,
        typer.Option("--promote", help="Make this version live even if another one was promoted concurrently."),
    ] = False,
    gate: Gate = None,
    gate_override: GateOverride = None,
    ignore: Ignore = None,
    max_different: MaxDifferent = 0,
    max_unrecorded: MaxUnrecorded = 0,
    max_failed: MaxFailed = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until this version is live.")] = False,
    timeout: Annotated[float | None, typer.Option(min=1, max=600, help="With --wait: timeout in seconds.")] = None,
) -> None:
    """Deploy a workflow as a new version and make it live.

    Refuses on errors, and on warnings until you fix them or accept them with --accept. Deploys nothing if the live
    version has the same content, unless --force is given. With --gate, deploys only if recorded runs behave the same.

    Example: flowport deploy support.yaml --gate replay=200 --name "$GITHUB_SHA" --wait
    """
    file_options = {"--id": id_ is not None, "--add-start": add_start, "--replace": replace}
    if not _is_file(workflow) and (given := [option for option, is_given in file_options.items() if is_given]):
        raise typer.BadParameter(f"{given[0]} applies only to a file")
    if timeout is not None and not wait:
        raise typer.BadParameter("--timeout applies only with --wait")
    gate_options = GateOptions(gate, gate_override, ignore or (), limits_of(max_different, max_unrecorded, max_failed))
    client = session.client
    labels = {key: text for key, text in (("name", name), ("description", description)) if text}
    options = {"workflow_id": id_, "add_start": add_start, "replace": replace}
    with _resolve_workflow(session, workflow, options) as (workflow_id, draft):
        live = None if force else _unchanged_version(client, workflow_id)
        if live is None:
            gate_fields = pass_gate(session, workflow_id, gate_options, {"draft": True})
            body = {**labels, "acceptedWarnings": accept or [], **gate_fields}
            deployed = _deploy_draft(session, workflow_id, body, draft)
        else:
            session.output.print_note(f"Nothing has changed: version {live} is live. Use --force to deploy it again")
            deployed = {"version": live, "unchanged": True}
    version = deployed["version"]
    if promote and _live_version(client, workflow_id) != version:
        promote_version(client, workflow_id, version)
    if wait:
        _wait_until_live(client, workflow_id, version, seconds=timeout or WAIT_SECONDS)
    warnings = _print_warnings(session, deployed)
    url = f"{client.profile.base_url}/api/workflows/{workflow_id}/execute"
    record: JsonObject = {"id": workflow_id, "version": version, "endpoint": url}
    if session.output.as_json:  # otherwise notes have reported these
        record |= {"unchanged": bool(deployed.get("unchanged")), "warnings": warnings}
    session.output.print_record(record)


def _deploy_draft(session: Session, workflow_id: str, body: JsonObject, draft: StoredDraft | None) -> JsonObject:
    """Deploy the draft, if it is still `draft`. Raises CommandFailed, after printing why a workflow was refused."""
    route = api_path("v1", "workflows", workflow_id, "deploy")
    try:
        response, _ = session.client.call_at("POST", route, body=body, etag=draft.etag if draft else None)
    except InvalidWorkflowRefused as refused:
        print_problems(session.output, draft.source if draft else None, refused.problems)
        if any(problem.code is ProblemCode.NO_START_BLOCK for problem in refused.problems):
            session.output.print_note("--add-start turns a schedule or service trigger into an API start", label="hint")
        if any(problem.code is ProblemCode.UNKNOWN_BLOCK_TYPE for problem in refused.problems):
            session.output.print_note("--replace turns blocks of known services into API blocks", label="hint")
        messages = "; ".join(problem.message for problem in refused.problems) if session.output.as_json else ""
        raise CommandFailed(f"not deployed{messages and f': {messages}'}") from refused
    deployed: JsonObject = response["data"]
    return deployed


def _unchanged_version(client: ApiClient, workflow_id: str) -> int | None:
    """Return the live version if its content equals the draft's; None otherwise, or without permission to read it."""
    try:
        state = client.call("GET", api_path("workflows", workflow_id, "deploy"))
    except AccessDenied:
        return None
    active = state.get("activeDeployment")
    return None if state["needsRedeployment"] or not active else active["version"]


def versions(session: Session, workflow: WorkflowName) -> None:
    """List every version, newest first.

    Example: flowport versions Support
    """
    workflow_id = session.client.workflow_id(workflow)
    found = session.client.call("GET", api_path("workflows", workflow_id, "deployments"))["versions"]
    session.output.print_rows(("version", "isActive", "name", "createdAt", "deployedBy", "description"), found)


def diff(
    session: Session,
    workflow: WorkflowName,
    before: Annotated[int | None, typer.Argument(min=1, help="First version; default: the live version.")] = None,
    after: Annotated[int | None, typer.Argument(min=1, help="Second version; default: the draft.")] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if there are differences.")] = False,
) -> None:
    """Show the differences between two versions, or between a version and the draft.

    Example: flowport diff Support 3 4
    """
    workflow_id = session.client.workflow_id(workflow)
    found = changes(
        _fetch_state(session.client, workflow_id, before), _fetch_state(session.client, workflow_id, after, draft=True)
    )
    if session.output.as_json:
        session.output.print_json(found)
    else:
        for change in found:
            session.output.print_line(f"{change.kind.value.replace('_', ' '):<17}  {change.summary}")
            session.output.print_change(change.before, change.after)
    if not found:
        session.output.print_note("No differences")
    elif exit_code:
        raise typer.Exit(1)


def promote(
    session: Session,
    workflow: WorkflowName,
    version: Version,
    *,
    gate: Gate = None,
    gate_override: GateOverride = None,
    ignore: Ignore = None,
    max_different: MaxDifferent = 0,
    max_unrecorded: MaxUnrecorded = 0,
    max_failed: MaxFailed = 0,
) -> None:
    """Make a version live. Promote an older version to roll back.

    With --gate, promotes only if recorded runs behave the same.

    Example: flowport promote Support 3
    """
    gate_options = GateOptions(gate, gate_override, ignore or (), limits_of(max_different, max_unrecorded, max_failed))
    workflow_id = session.client.workflow_id(workflow)
    gate_fields = pass_gate(session, workflow_id, gate_options, {"version": version})
    warnings = _print_warnings(session, promote_version(session.client, workflow_id, version, gate_fields))
    record = {"workflow": workflow, "version": version}
    session.output.print_record({**record, "warnings": warnings} if session.output.as_json else record)


def undeploy(session: Session, workflow: WorkflowName) -> None:
    """Undeploy a workflow. Its versions remain.

    Example: flowport undeploy Support
    """
    workflow_id = session.client.workflow_id(workflow)
    session.client.call("DELETE", api_path("v1", "workflows", workflow_id, "deploy"))
    session.output.print_done({"workflow": workflow, "isDeployed": False}, f"Undeployed {workflow}")


def promote_version(client: ApiClient, workflow_id: str, version: int, gate: JsonObject | None = None) -> JsonObject:
    """Make a version live. `gate` contains the fields from `pass_gate`."""
    path = api_path("workflows", workflow_id, "deployments", version)
    promoted: JsonObject = client.call("PATCH", path, body={"isActive": True, **(gate or {})})
    return promoted


def _print_warnings(session: Session, response: JsonObject) -> list[str]:
    """Print and return the server's warnings about the live version."""
    warnings: list[str] = response.get("warnings") or []
    for warning in warnings:
        session.output.print_note(warning, label="warning", style="yellow")
    return warnings


def _is_file(workflow: str) -> bool:
    try:
        return workflow.endswith(FILE_ENDINGS) or Path(workflow).is_file()
    except OSError:  # too long for a file name
        return False


@contextmanager
def _resolve_workflow(
    session: Session, workflow: str, options: dict[str, Any]
) -> Iterator[tuple[str, StoredDraft | None]]:
    if not _is_file(workflow):
        yield session.client.workflow_id(workflow), None
        return
    with store_draft(session, Path(workflow), **options) as draft:
        yield draft.workflow_id, draft
    session.output.print_note(f"{'Created' if draft.is_new else 'Updated'} workflow {draft.source.name}")


def _fetch_state(client: ApiClient, workflow_id: str, version: int | None, *, draft: bool = False) -> JsonObject:
    if version is None and draft:
        found: JsonObject = client.call("GET", api_path("workflows", workflow_id, "state"))
        return found
    number = version or _live_version(client, workflow_id)
    if number is None:
        raise NotFound("the workflow has no live version. Specify the version to compare with")
    state: JsonObject = client.call("GET", api_path("workflows", workflow_id, "deployments", number))["deployedState"]
    return state


def _live_version(client: ApiClient, workflow_id: str) -> int | None:
    active = client.call("GET", api_path("workflows", workflow_id, "deploy")).get("activeDeployment")
    return active["version"] if active else None


def _wait_until_live(client: ApiClient, workflow_id: str, version: int, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (live := _live_version(client, workflow_id)) != version:
        if time.monotonic() > deadline:
            raise WaitTimedOut(f"version {version} is not live after {seconds:g} s; the live version is {live}")
        time.sleep(POLL_SECONDS)
