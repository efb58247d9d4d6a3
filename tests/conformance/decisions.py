"""Deliberate differences from the observed system, with reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.conformance.cases import Expected


@dataclass(frozen=True)
class Decision:
    """A reason, and the expectation that replaces the observation."""

    reason: str
    instead: Mapping[str, Any] = field(default_factory=dict)

    def applied_to(self, expected: Expected) -> Expected:
        """Return the expectation with the chosen values."""
        return replace(expected, **self.instead)


def _answered(data: Any, status: int) -> dict[str, Any]:
    output = {"data": data, "status": status, "headers": {"content-type": "application/json"}}
    return {"success": True, "error": None, "output": output, "block_order": ("Start", "Api")}


BRANCHES = frozenset({"E09", "E13"})
"""Branches of a parallel run concurrently: the order is certain only within each branch."""

RACING = frozenset({"C07"})
"""The block parallel to the failing one may complete first; then its successor starts, too, and may be the output."""

SIBLINGS = frozenset({"D27", "E11"})
"""Blocks, or loops of two branches, that start at the same time may end in either order."""

SIBLINGS_OF_A_LOOP = frozenset({"D27"})
"""Results of an iteration, listed in the order in which its blocks end, may be in either order."""

DECISIONS: dict[str, Decision] = {
    "E17": Decision(
        "totalBranches is a number, even if the count was entered as text",
        {
            "output": {
                "results": [[{"result": index, "stdout": ""}] for index in range(3)],
                "sentinelEnd": True,
                "selectedRoute": "parallel_exit",
                "totalBranches": 3,
            }
        },
    ),
    "F34": Decision(
        "a loop's value in quotes is escaped like a block's, so it cannot break the syntax",
        {
            "success": True,
            "error": None,
            "output": {
                "results": [[{"result": 'i:"a"', "stdout": ""}]],
                "shouldContinue": False,
                "shouldExit": True,
                "selectedRoute": "loop_exit",
                "totalIterations": 1,
            },
            "block_order": ("Start", "F (iteration 0)", "L"),
        },
    ),
    "X14": Decision(
        "forEach parses JSON text from a block like JSON text in its setting",
        {
            "success": True,
            "error": None,
            "output": {
                "results": [[{"x": 1}], [{"x": 1}], [{"x": 1}]],
                "shouldContinue": False,
                "shouldExit": True,
                "selectedRoute": "loop_exit",
                "totalIterations": 3,
            },
            "block_order": ("Start", "A", "V (iteration 0)", "V (iteration 1)", "V (iteration 2)", "L"),
        },
    ),
    "J07": Decision(
        "an empty response has an empty body, whatever its Content-Type",
        _answered("", 204),
    ),
    "J08": Decision(
        "a response whose body has `data` and `status` is handled like any other",
        _answered({"data": {"k": 1}, "status": 202, "headers": {"a": "b"}}, 200),
    ),
    "Y11": Decision(
        "the child receives the text that the older workflow block sends as its input",
        {
            "output": {
                "success": True,
                "childWorkflowName": "Child",
                "childWorkflowId": "wf-child",
                "childWorkflowSnapshotId": "snap-1",
                "result": {"result": ["hello"], "stdout": ""},
            }
        },
    ),
    "Q01": Decision("the observed run was canceled at another time", {"block_order": ("Start", "A", "W!failed")}),
}

ON_THE_STACK: dict[str, Decision] = {
    "H07": Decision(
        "the whole system has a sandbox for Python; the observed system had none",
        {"success": True, "error": None, "output": {"result": 1, "stdout": ""}, "block_order": ("Start", "G")},
    ),
}
"""Cases that the whole system supports and the engine, as the cases run it, does not."""
