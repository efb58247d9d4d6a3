"""Compares a run with its recording, and accepts a run as the new recording."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from executor_service.offline import OfflineRun
from flowport.run_tests.files import RunTest
from shared.contracts.recordings import EffectKind, RecordedBlock, merge_blocks
from shared.workflow.diff.values import differences

MAX_DIFFERENCES: Final = 20
MAX_CHARS: Final = 200


@dataclass(frozen=True)
class Finding:
    """A difference at a block, or of the run's end if `block` is None."""

    block: str | None
    reason: str
    details: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return one line."""
        return f'block "{self.block}" {self.reason}' if self.block else self.reason


def compare(test: RunTest, run: OfflineRun) -> list[Finding]:
    """Return the differences, the earliest block first, and the end of the run last."""
    found = [*_calls(run), *_blocks(test, run)]
    order = {block.block_name: block.order for block in reversed(_own_blocks(test))}
    found.sort(key=lambda finding: order.get(finding.block or "", len(order) + 1))
    recording = test.recording
    if run.status != recording.status:
        found.append(Finding(None, f"the run is {run.status} instead of {recording.status}", _line(run.error)))
    elif run.error != recording.error and recording.error is not None:
        found.append(Finding(None, "the error differs", tuple(_changes("error", recording.error, run.error))))
    details = _unignored("output", recording.output, run.output, test.ignore)
    if details and run.status == recording.status:
        found.append(Finding(None, "the output differs", details))
    return found


def accepted(test: RunTest, run: OfflineRun) -> RunTest:
    """Return the test with the run as its expectation. Calls keep their recorded answers."""
    known = {block.path: block for block in merge_blocks(test.recording.blocks)}
    changed = {call.path: call for call in run.unrecorded}
    blocks = []
    for path, block in run.blocks.items():
        before = known.get(path)
        if block.effect is EffectKind.NONE:
            blocks.append(block)
        elif before is not None:
            inputs = changed[path].inputs if path in changed else block.inputs
            blocks.append(msgspec.structs.replace(before, inputs=inputs, order=block.order))
    recording = msgspec.structs.replace(
        test.recording, blocks=tuple(blocks), status=run.status, output=run.output, error=run.error
    )
    return msgspec.structs.replace(test, recording=recording)


def unanswerable(run: OfflineRun) -> list[Finding]:
    """Return the calls that the recording has no answer for, whatever their inputs."""
    return [_call(run, n) for n, call in enumerate(run.unrecorded) if call.recorded is None]


def _calls(run: OfflineRun) -> Iterator[Finding]:
    return (_call(run, n) for n in range(len(run.unrecorded)))


def _call(run: OfflineRun, number: int) -> Finding:
    call = run.unrecorded[number]
    if call.recorded is None:
        return Finding(call.block_name, "makes a call that is not recorded")
    details = tuple(_changes("input", call.recorded.inputs, call.inputs))[:MAX_DIFFERENCES]
    return Finding(call.block_name, "makes a call with inputs that are not recorded", details)


def _own_blocks(test: RunTest) -> Sequence[RecordedBlock]:
    """Return the recorded blocks of the workflow itself; those of called workflows are part of the call."""
    known = test.state.get("blocks", {})
    return [
        block
        for block in merge_blocks(test.recording.blocks)
        if block.block_id in known and block.block_type not in ("loop", "parallel")
    ]


def _blocks(test: RunTest, run: OfflineRun) -> Iterator[Finding]:
    unrecorded = {call.path for call in run.unrecorded}
    recorded = _own_blocks(test)
    for block in recorded:
        now = run.blocks.get(block.path)
        if now is None:
            yield Finding(block.block_name, "did not run")
        elif block.path not in unrecorded:
            details = _unignored(block.block_name, _output(block), _output(now), test.ignore)
            if block.error != now.error:
                details = (*_changes("error", block.error, now.error), *details)
            if details:
                yield Finding(block.block_name, "has another result", details)
    paths = {block.path for block in recorded}
    for path, now in run.blocks.items():
        if recorded and path not in paths and path not in unrecorded:
            yield Finding(now.block_name, "ran, but not in the recorded run")


def _output(block: RecordedBlock) -> Any:
    """Return the output of a block without its error, which is compared separately."""
    if block.error is None or not isinstance(block.output, dict):
        return block.output or None
    return {name: value for name, value in block.output.items() if name != "error"} or None


def _unignored(name: str, before: Any, after: Any, ignore: Sequence[str]) -> tuple[str, ...]:
    return tuple(_changes(name, before, after, ignore))[:MAX_DIFFERENCES]


def _changes(path: str, before: Any, after: Any, ignore: Sequence[str] = ()) -> Iterator[str]:
    for found in differences({path: before}, {path: after}, ignore=ignore):
        yield f"{found.path}: was {_short(found.before)}, is {_short(found.after)}"


def _short(value: Any) -> str:
    if value is msgspec.UNSET:
        return "missing"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}…"


def _line(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)
