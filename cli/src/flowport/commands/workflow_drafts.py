"""The draft that `flowport deploy FILE` stores before it deploys."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowport.client.api_client import ApiClient, api_path
from flowport.client.errors import ServerUnavailable, WaitTimedOut
from flowport.client.workflows import import_file
from flowport.commands.session import Session
from flowport.errors import CommandFailed
from flowport.input_files import decode_json, read_input
from shared.workflow.transfer.importer import ImportedWorkflow, read_import

Undo = Callable[[], object]


@contextmanager
def store_draft(session: Session, file: Path) -> Iterator[str]:
    """Store a workflow file as a draft and yield the workflow's id.

    Creates the workflow if none has its name, else replaces its draft. If the server rejects a request inside the
    block, the change is undone. A missing response is not a rejection.
    """
    document = decode_json(read_input(file), str(file))
    found = read_import(document)
    name = found.name or file.stem
    known = [workflow["id"] for workflow in session.client.workflows() if workflow["name"] == name]
    if len(known) > 1:
        raise CommandFailed(f"{len(known)} workflows are named {name!r}. Deploy one of them by its id")
    workflow_id, undo = (
        _replace_draft(session.client, known[0], found) if known else _create_workflow(session.client, document, name)
    )
    try:
        yield workflow_id
    except (ServerUnavailable, WaitTimedOut):
        raise
    except CommandFailed:
        undo()
        raise
    session.output.print_note(f"{'Updated' if known else 'Created'} workflow {name}")


def _create_workflow(client: ApiClient, document: object, name: str) -> tuple[str, Undo]:
    created = str(import_file(client, document, name=name)["id"])
    return created, lambda: client.call("DELETE", api_path("workflows", created))


def _replace_draft(client: ApiClient, workflow_id: str, found: ImportedWorkflow) -> tuple[str, Undo]:
    draft = api_path("workflows", workflow_id, "state")
    before = client.call("GET", draft)
    client.call("PUT", draft, body=found.state)
    return workflow_id, lambda: client.call("PUT", draft, body=before)
