"""`python -m tests.contract.record` adds to the records what is new. What they have stays as it is."""

import json
from pathlib import Path
from typing import Any

from tests.contract.messages import test_recorded_shapes as shapes
from tests.contract.store import test_recorded_indexes as indexes


def write(file: Path, records: dict[str, Any]) -> None:
    """Sorted, a line for each part, so that additions are seen as such."""
    file.write_text(json.dumps(dict(sorted(records.items())), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    known, now = shapes.recorded(), shapes.declared()
    write(shapes.RECORDED, {name: now.get(name, {}) | known.get(name, {}) for name in {*now, *known}})
    write(indexes.RECORDED, indexes.declared() | json.loads(indexes.RECORDED.read_bytes()))
