"""`flowport deploy`, `versions`, `diff`, `promote`, `undeploy`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from flowport.client.door import Door, JsonObject, path
from flowport.client.errors import Missing, TookTooLong
from flowport.commands.draft_file import draft_from
from flowport.commands.session import Session, WorkflowName
from shared.workflow.diff.diff import changes

Version = Annotated[int, typer.Argument(min=1, help="Number of the version.")]
POLL_SECONDS: Final = 0.2


def deploy(
    session: Session,
    workflow: Annotated[
        str,
        typer.Argument(
            metavar="WORKFLOW|FILE", help="Id or name, or a workflow file: its workflow is made or updated."
        ),
    ],
    *,
    name: Annotated[str | None, typer.Option(help="Name of the new version.")] = None,
    description: Annotated[str | None, typer.Option(help="What is new in it.")] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Insist: if another version is live by now, make this one live.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Return once the server says that this version is live.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, max=600, help="How long --wait waits, in seconds.")] = 60.0,
) -> None:
    """Publish a workflow as a new version, and make it live."""
    door = session.door
    texts = {key: text for key, text in (("name", name), ("description", description)) if text}
    with _draft(session, workflow) as workflow_id:
        done = door.call("POST", path("v1", "workflows", workflow_id, "deploy"), body=texts)["data"]
    version = done["version"]
    if promote and _live(door, workflow_id) != version:
        promote_version(door, workflow_id, version)
    if wait:
        _await_live(door, workflow_id, version, seconds=timeout)
    warnings = _warned(session, done)
    url = f"{door.profile.base_url}/api/workflows/{workflow_id}/execute"
    made = {"id": workflow_id, "version": version, "unchanged": bool(done.get("unchanged")), "endpoint": url}
    session.output.record({**made, "warnings": warnings} if session.output.as_json else made)


def versions(session: Session, workflow: WorkflowName) -> None:
    """Show every version, the newest first."""
    workflow_id = session.door.workflow_id(workflow)
    found = session.door.call("GET", path("workflows", workflow_id, "deployments"))["versions"]
    session.output.rows(("version", "isActive", "name", "createdAt", "deployedBy", "description"), found)


def diff(
    session: Session,
    workflow: WorkflowName,
    before: Annotated[int | None, typer.Argument(min=1, help="A version; the live one when not given.")] = None,
    after: Annotated[int | None, typer.Argument(min=1, help="Another version; the draft when not given.")] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when there are differences.")] = False,
) -> None:
    """Show what differs between two versions, or between a version and the draft."""
    workflow_id = session.door.workflow_id(workflow)
    found = changes(_state(session.door, workflow_id, before), _state(session.door, workflow_id, after, draft=True))
    if session.output.as_json:
        session.output.json(found)
    else:
        for change in found:
            session.output.line(f"{change.kind.value.replace('_', ' '):<17}  {change.summary}")
    if not found:
        session.output.note("No differences")
    elif exit_code:
        raise typer.Exit(1)


def promote(session: Session, workflow: WorkflowName, version: Version) -> None:
    """Make a version live again. A rollback is the same with an older number."""
    warnings = _warned(session, promote_version(session.door, session.door.workflow_id(workflow), version))
    made = {"workflow": workflow, "version": version}
    session.output.record({**made, "warnings": warnings} if session.output.as_json else made)


def undeploy(session: Session, workflow: WorkflowName) -> None:
    """Take the endpoint down; versions are kept."""
    workflow_id = session.door.workflow_id(workflow)
    session.door.call("DELETE", path("v1", "workflows", workflow_id, "deploy"))
    session.output.done({"workflow": workflow, "isDeployed": False}, f"{workflow} is not deployed any more")


def promote_version(door: Door, workflow_id: str, version: int) -> JsonObject:
    """Make it live."""
    promoted: JsonObject = door.call(
        "PATCH", path("workflows", workflow_id, "deployments", version), body={"isActive": True}
    )
    return promoted


def _warned(session: Session, done: JsonObject) -> list[str]:
    """What the server has to say about the version that is live now, passed on to whoever watches."""
    warnings: list[str] = done.get("warnings") or []
    for warning in warnings:
        session.output.note(warning, label="warning", style="yellow")
    return warnings


def _is_file(workflow: str) -> bool:
    try:
        return workflow.endswith(".json") or Path(workflow).is_file()
    except OSError:  # longer than any file's name
        return False


@contextmanager
def _draft(session: Session, workflow: str) -> Iterator[str]:
    if not _is_file(workflow):
        yield session.door.workflow_id(workflow)
        return
    with draft_from(session, Path(workflow)) as workflow_id:
        yield workflow_id


def _state(door: Door, workflow_id: str, version: int | None, *, draft: bool = False) -> JsonObject:
    if version is None and draft:
        found: JsonObject = door.call("GET", path("workflows", workflow_id, "state"))
        return found
    number = version or _live(door, workflow_id)
    if number is None:
        raise Missing("nothing is live: name the version to compare with")
    state: JsonObject = door.call("GET", path("workflows", workflow_id, "deployments", number))["deployedState"]
    return state


def _live(door: Door, workflow_id: str) -> int | None:
    active = door.call("GET", path("workflows", workflow_id, "deploy")).get("activeDeployment")
    return active["version"] if active else None


def _await_live(door: Door, workflow_id: str, version: int, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (live := _live(door, workflow_id)) != version:
        if time.monotonic() > deadline:
            raise TookTooLong(f"version {version} is not live after {seconds:g} s; version {live} is")
        time.sleep(POLL_SECONDS)
