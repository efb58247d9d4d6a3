"""`python -m tests.contract.record` adds new shapes to the records. Existing records stay unchanged."""

import json
from pathlib import Path
from typing import Any

from tests.contract.journals import interrupted_runs
from tests.contract.messages import recorded_shapes as messages
from tests.contract.shapes import Shapes, newly_required
from tests.contract.store import recorded_documents as documents
from tests.contract.store import recorded_indexes as indexes


def write(file: Path, records: dict[str, Any]) -> None:
    """Write the record sorted, one line per part, so that diffs show additions."""
    file.write_text(json.dumps(dict(sorted(records.items())), indent=1, ensure_ascii=False) + "\n")


def grown(known: Shapes, now: Shapes) -> dict[str, Any]:
    """Return the record with all compatible additions. Incompatible changes are not recorded."""
    if obstacles := newly_required(known, now):
        raise SystemExit(f"Versions so far leave these out, so each needs a default: {', '.join(obstacles)}")
    return {name: now.get(name, {}) | known.get(name, {}) for name in {*now, *known}}


if __name__ == "__main__":
    write(messages.RECORDED, grown(messages.recorded(), messages.declared()))
    interrupted_runs.record_missing()
    write(documents.RECORDED, grown(documents.recorded(), documents.declared()))
    write(indexes.RECORDED, indexes.declared() | json.loads(indexes.RECORDED.read_bytes()))
