"""Replay sets as JSON and JUnit XML."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.etree import ElementTree as Xml

from msgspec import UNSET
from msgspec.structs import asdict

from shared.clock import iso
from shared.contracts.recordings import CHANGED_OUTPUT, BlockDifference
from shared.contracts.replay_sets import ReplayedRun, ReplayedVerdict, ReplaySet

_ERRORS: Final = frozenset({ReplayedVerdict.FAILED})
_FAILURES: Final = frozenset({ReplayedVerdict.DIFFERENT, ReplayedVerdict.UNRECORDED})


def set_body(found: ReplaySet) -> dict[str, Any]:
    """Return a set as JSON."""
    budget = found.budget
    return {
        "id": found.id,
        "status": found.status,
        "createdAt": iso(found.created_at),
        "finishedAt": None if found.finished_at is None else iso(found.finished_at),
        "expiresAt": None if found.expires_at is None else iso(found.expires_at),
        "createdBy": found.created_by,
        "target": {"version": found.version, "draft": found.is_draft, "contentHash": found.snapshot_hash},
        "ignore": found.ignore,
        "thresholds": {
            "maxDifferent": found.thresholds.max_different,
            "maxUnrecorded": found.thresholds.max_unrecorded,
            "maxFailed": found.thresholds.max_failed,
        },
        "models": {
            "mode": "recorded" if budget is None else "live",
            "maxDollars": None if budget is None else budget.max_dollars,
            "maxCalls": None if budget is None else budget.max_calls,
            "calls": found.model_calls,
        },
        "total": found.total,
        "done": found.counts.done,
        "counts": asdict(found.counts),
        "refusals": found.refusals,
        "latency": {"recordedP50Ms": found.recorded_p50_ms, "replayedP50Ms": found.replayed_p50_ms},
        "cost": {"recorded": found.recorded_usd, "replayed": found.replayed_usd},
        "suggestedIgnore": found.suggested_ignore,
    }


def run_body(run: ReplayedRun) -> dict[str, Any]:
    """Return one recorded run of a set as JSON."""
    result = run.result
    body: dict[str, Any] = {
        "runId": run.run_id,
        "replayRunId": run.replay_run_id,
        "verdict": run.verdict,
        "reason": _reason(run),
    }
    if result is None:
        return body
    return body | {
        "status": result.status,
        "recordedStatus": result.recorded_status,
        "firstDifference": result.first_difference,
        "unrecordedCall": result.unrecorded_call,
        "output": result.output,
        "error": result.error,
        "blocks": result.blocks,
        "durationMs": result.duration_ms,
        "recordedDurationMs": result.recorded_duration_ms,
        "isCut": result.is_cut,
    }


def junit_report(name: str, runs: Sequence[ReplayedRun]) -> bytes:
    """Return a JUnit XML report: a failure for each run that differs, an error for each that failed."""
    counts = {
        "tests": len(runs),
        "failures": sum(run.verdict in _FAILURES for run in runs),
        "errors": sum(run.verdict in _ERRORS for run in runs),
        "skipped": sum(run.verdict is ReplayedVerdict.SKIPPED for run in runs),
    }
    suite = Xml.Element("testsuite", {"name": f"replay {name}", **{key: str(count) for key, count in counts.items()}})
    for run in runs:
        seconds = 0.0 if run.result is None else run.result.duration_ms / 1000
        case = Xml.SubElement(suite, "testcase", {"classname": name, "name": run.run_id, "time": f"{seconds:.3f}"})
        _add_outcome(case, run)
    return bytes(Xml.tostring(suite, encoding="utf-8", xml_declaration=True))


def _add_outcome(case: Xml.Element, run: ReplayedRun) -> None:
    reason = _reason(run) or ""
    if run.verdict is ReplayedVerdict.SKIPPED:
        Xml.SubElement(case, "skipped", {"message": _printable(reason)})
    elif run.verdict in _FAILURES | _ERRORS:
        block = _block(run)
        parts = (run.verdict, None if block is None else block.block_name or block.block_id, reason)
        message = ": ".join(part for part in parts if part)
        tag = "error" if run.verdict in _ERRORS else "failure"
        found = Xml.SubElement(case, tag, {"message": _printable(message)})
        found.text = _printable("\n".join(_lines(run)))


def _block(run: ReplayedRun) -> BlockDifference | None:
    return None if run.result is None else run.result.first_difference or run.result.unrecorded_call


def _reason(run: ReplayedRun) -> str | None:
    if run.reason is not None or run.result is None:
        return run.reason
    block = _block(run)
    if block is not None:
        return block.reason
    return run.result.error or (CHANGED_OUTPUT if run.result.output else None)


def _lines(run: ReplayedRun) -> Iterator[str]:
    result = run.result
    if result is None:
        return
    first = () if result.first_difference is None else result.first_difference.differences
    for name, changes in (("", first), ("output ", result.output)):
        for change in changes:
            before, after = (None if value is UNSET else value for value in (change.before, change.after))
            yield f"{name}{change.path}: {before!r} -> {after!r}"


def _printable(text: str) -> str:
    """Return a text without characters that XML forbids."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)
