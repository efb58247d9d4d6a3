"""The draft that `flowport deploy FILE` stores before it deploys."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flowport.client.api_client import ApiClient, api_path
from flowport.client.errors import Conflict, ServerUnavailable, WaitTimedOut
from flowport.client.workflows import import_file
from flowport.commands.session import Session
from flowport.errors import CommandFailed
from flowport.workflow_files import SourceFile, converted, read_source, require_valid

Undo = Callable[[], object]


@dataclass(frozen=True)
class StoredDraft:
    """A workflow whose draft is the content of a file."""

    workflow_id: str
    source: SourceFile
    is_new: bool
    etag: str | None = None
    """Revision of the draft; None for a new workflow."""


@contextmanager
def store_draft(
    session: Session,
    file: Path,
    *,
    workflow_id: str | None = None,
    add_start: bool = False,
    replace: bool = False,
) -> Iterator[StoredDraft]:
    """Store a workflow file as a draft and yield it.

    Updates the workflow `workflow_id`, by default the one with the file's name, or creates it. Undoes the change if the
    server rejects a request inside the block, but not if a response is missing: the request may have succeeded. Raises
    Conflict, or leaves the draft as it is, if another save came first.
    """
    source = read_source(file)
    require_valid(session.output, source)
    if add_start or replace:
        source = converted(source, session.output, add_start=add_start, replace=replace)
    known = workflow_id or _known_id(session.client, source.name)
    draft, undo = _replace_draft(session.client, known, source) if known else _create_workflow(session.client, source)
    try:
        yield draft
    except (ServerUnavailable, WaitTimedOut):
        raise
    except CommandFailed:
        try:
            undo()
        except Conflict:
            note = "The draft was not restored: another save changed it"
            session.output.print_note(note, label="warning", style="yellow")
        raise


def _known_id(client: ApiClient, name: str) -> str | None:
    found = [str(workflow["id"]) for workflow in client.workflows() if workflow["name"] == name]
    if len(found) > 1:
        raise CommandFailed(f"{len(found)} workflows are named {name!r}. Deploy one of them with --id")
    return found[0] if found else None


def _create_workflow(client: ApiClient, source: SourceFile) -> tuple[StoredDraft, Undo]:
    created = str(import_file(client, source.document, name=source.name)["id"])
    return StoredDraft(created, source, is_new=True), lambda: client.call("DELETE", api_path("workflows", created))


def _replace_draft(client: ApiClient, workflow_id: str, source: SourceFile) -> tuple[StoredDraft, Undo]:
    route = api_path("workflows", workflow_id, "state")
    before, known = client.call_at("GET", route)
    source = source.based_on(before)
    _, stored = client.call_at("PUT", route, body=source.state, etag=known)
    undo = partial(client.call_at, "PUT", route, body=before, etag=stored)
    return StoredDraft(workflow_id, source, is_new=False, etag=stored), undo
