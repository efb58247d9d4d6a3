"""The draft that `flowport deploy FILE` publishes: stored for that, and taken back when the server refuses it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowport.client.door import Door, path
from flowport.client.errors import TookTooLong, TryLater
from flowport.client.workflows import import_file
from flowport.commands.session import Session
from flowport.failures import CommandFailed
from flowport.given import content_of, json_of
from shared.workflow.transfer.importer import ImportedWorkflow, read_import

Undo = Callable[[], object]


@contextmanager
def draft_from(session: Session, file: Path) -> Iterator[str]:
    """The id of the workflow that the file describes: made if there is none of its name, else its draft is replaced.

    If the server refuses what the block asks of it, that is undone. An answer that did not come is no refusal.
    """
    document = json_of(content_of(file), str(file))
    found = read_import(document)
    name = found.name or file.stem
    known = [workflow["id"] for workflow in session.door.workflows() if workflow["name"] == name]
    if len(known) > 1:
        raise CommandFailed(f"{len(known)} workflows are named {name!r}: deploy one by its id")
    workflow_id, undo = _replaced(session.door, known[0], found) if known else _made(session.door, document, name)
    try:
        yield workflow_id
    except (TryLater, TookTooLong):
        raise
    except CommandFailed:
        undo()
        raise
    session.output.note(f"{'Updated' if known else 'Made'} the workflow {name}")


def _made(door: Door, document: object, name: str) -> tuple[str, Undo]:
    made = str(import_file(door, document, name=name)["id"])
    return made, lambda: door.call("DELETE", path("workflows", made))


def _replaced(door: Door, workflow_id: str, found: ImportedWorkflow) -> tuple[str, Undo]:
    draft = path("workflows", workflow_id, "state")
    before = door.call("GET", draft)
    door.call("PUT", draft, body=found.state)
    return workflow_id, lambda: door.call("PUT", draft, body=before)
