"""Script of the blocks of random workflows, and the result of a run to compare."""

from collections import Counter
from typing import Any

from tests.support.engine.building import (
    fails,
    names,
)
from tests.support.engine.random_graphs import chosen_option

from executor_service.engine import Call, RunResult


def script(call: Call) -> Any:
    if call.block.type == "condition":
        return {"selectedOption": chosen_option(call.block.id, rounds_of(call)), "conditionResult": True}
    match call.block.code.source if call.block.code else "":
        case "fails":
            raise fails(f"{call.block.id} {rounds_of(call)}")
        case "reports":
            return {"error": "reported", "at": list(rounds_of(call))}
        case _:
            return {"result": [call.block.id, list(rounds_of(call))]}


def rounds_of(call: Call) -> tuple[int, ...]:
    return tuple(around.index for around in call.iterations)


def summary(result: RunResult) -> Any:
    """Return the result of a run. A restarted block comes later in the log, so the order may differ."""
    return result.outcome.status, result.output, Counter(names(result))
