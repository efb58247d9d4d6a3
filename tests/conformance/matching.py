"""Comparison of results with expectations, where times and V8's exact messages may differ."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from tests.conformance.cases import Case
from tests.conformance.decisions import BRANCHES, DECISIONS, RACING, SIBLINGS, SIBLINGS_OF_A_LOOP, Decision
from tests.conformance.system import Observed

OPEN_KEYS = frozenset({"providerTiming", "list"})
"""Objects of which the data records only time-independent parts."""


def differences(case: Case, observed: Observed, decisions: Mapping[str, Decision] = DECISIONS) -> list[str]:
    """Return the differences, a line each."""
    decision = decisions.get(case.id)
    expected = case.expected if decision is None else decision.applied_to(case.expected)
    found: list[str] = []
    if observed.success is not expected.success:
        found.append(f"success: {observed.success}")
    if expected.status is not None and observed.status != expected.status:
        found.append(f"status: {observed.status}, expected {expected.status}")
    if not _same_error(case, expected.error, observed.error):
        found.append(f"error: {observed.error!r}\n   expected {expected.error!r}")
    is_told = expected.output is not None and case.id not in RACING
    if is_told and not _same(expected.output, observed.output, case.id):
        found.append(f"output: {observed.output!r}\n   expected {expected.output!r}")
    if not _same_order(case, expected.block_order, observed.block_order):
        found.append(f"order: {observed.block_order}\n   expected {expected.block_order}")
    return found


def _same_error(case: Case, expected: str | None, observed: str | None) -> bool:
    if expected is None or observed is None or "V" not in case.flags:
        return expected == observed
    known, mark, _ = expected.partition("Syntax Error")
    return observed.startswith(known + mark)


def _same_order(case: Case, expected: tuple[str, ...], observed: tuple[str, ...]) -> bool:
    if case.id in RACING:
        return Counter(expected) <= Counter(observed)
    if case.id in SIBLINGS:
        return Counter(expected) == Counter(observed)
    return _by_branch(expected) == _by_branch(observed) if case.id in BRANCHES else expected == observed


def _by_branch(order: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in order:
        found[name.partition(" (iteration ")[2]].append(name)
    return found


def _same(expected: Any, observed: Any, case_id: str, key: str = "") -> bool:
    if isinstance(expected, dict) and isinstance(observed, dict):
        if key not in OPEN_KEYS and key != "segment" and key != "call" and expected.keys() != observed.keys():
            return False
        return all(name in observed and _same(value, observed[name], case_id, name) for name, value in expected.items())
    if isinstance(expected, list) and isinstance(observed, list):
        inner = {"timeSegments": "segment", "list": "call"}.get(key, "")
        if case_id in SIBLINGS_OF_A_LOOP and not inner:
            expected, observed = sorted(expected, key=repr), sorted(observed, key=repr)
        pairs = zip(expected, observed, strict=False)
        return len(expected) == len(observed) and all(_same(a, b, case_id, inner) for a, b in pairs)
    if key == "headers" and isinstance(observed, dict):
        return True
    return (type(expected) is type(observed) and expected == observed) or _same_number(expected, observed)


def _same_number(expected: Any, observed: Any) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (expected, observed))
    return numbers and expected == observed
