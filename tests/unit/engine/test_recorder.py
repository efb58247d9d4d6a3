"""Each execution of each block is recorded with its exact values, and no environment value."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from tests.support.engine.building import Recorder, Scripted, block, chain, document, engine_of, execution

from executor_service.blocks.wait import WaitHandler
from executor_service.engine import Execution, RunResult, RunState
from executor_service.engine.recorded_answers import RecordedAnswers
from executor_service.engine.secrets import MIN_ENCODED_CHARS, EnvironmentNames
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import MAX_RECORDING_BYTES, EffectKind, Recording
from shared.contracts.runs import RunStatus, Usage

ALWAYS = RecordRun(7, 1)
KEY = "sk-a-secret/value?"


def executed(workflow: Any, script: Any, recorder: Recorder | None = None, **more: Any) -> Execution:
    handler = Scripted(script)
    handlers = {**dict.fromkeys(("function", "api", "agent", "condition"), handler), "wait": WaitHandler()}
    return execution(engine_of(handlers), workflow, recorder, **{"record": ALWAYS, **more})


def recording_of(result: RunResult) -> Recording:
    assert result.recording is not None
    return msgspec.json.decode(result.recording.encode()[1], type=Recording)


def hello(call: Any) -> Any:
    call.spend(Usage(3, 4, 0.5))
    return {"content": f"Hello with {call.environment.get('KEY', '')}"}


async def test_a_run_without_the_option_is_not_recorded() -> None:
    result = await executed(chain(block("f")), hello, record=None).run()
    assert result.recording is None
    assert result.blocks


async def test_input_blocks_output_and_usage_are_recorded() -> None:
    workflow = chain(block("ask", "agent", model="m", userPrompt="<start.q>"), block("f", code="1"))
    result = await executed(workflow, hello, input={"q": "why?"}).run()
    recording = recording_of(result)
    assert (recording.run_id, recording.input, recording.status) == ("run-1", {"q": "why?"}, RunStatus.COMPLETED)
    assert recording.output == result.output
    start, ask, function = recording.blocks
    assert (start.path, ask.path, function.path) == ("start", "ask", "f")
    assert (ask.effect, function.effect) == (EffectKind.MODEL, EffectKind.NONE)
    assert ask.inputs["messages"] == [{"role": "user", "content": "why?"}]
    assert ask.output == {"content": "Hello with "}
    assert (ask.usage.input_tokens, recording.usage.output_tokens) == (3, 8)
    assert ask.started_at is not None
    assert not recording.is_cut


async def test_no_environment_value_is_recorded_in_any_form() -> None:
    workflow = chain(block("order", "api", method="POST", url="https://shop.example/?k={{KEY}}", code="x"))
    result = await executed(workflow, hello, environment={"KEY": KEY}).run()
    (_, order) = recording_of(result).blocks
    assert order.inputs["url"] == "https://shop.example/?k={{KEY}}"
    assert order.output == {"content": "Hello with {{KEY}}"}
    assert result.recording is not None
    content = result.recording.encode()[1].decode()
    assert not [form for form in (KEY, "a-secret%2F", "a-secret") if form in content]


async def test_a_journal_has_no_environment_value_of_recorded_inputs() -> None:
    workflow = chain(block("order", "api", method="POST", url="https://shop.example/?k={{KEY}}"))
    journal = Recorder()
    await executed(workflow, lambda call: {"status": 201}, journal, journal=True, environment={"KEY": KEY}).run()
    assert KEY not in b"".join(map(bytes, journal.entries)).decode()


def planted(number: int) -> str:
    """Return one of 100 secrets of ten shapes."""
    shapes = (
        f"sk-live-{number:032x}",
        f"pass word/{number:04d}?&=+%",
        f'"quoted\\{number:05d}"',
        f"line one of key {number:06d}\nline two of key {number:06d}",
        f"schl\u00fcssel-\u00df-{number:05d}",
        f"postgres://user:p%40ss{number:04d}@db.example/x",
        f"eyJhbGciOi.{number:020d}.c2ln",
        f"<b>{number:06d}</b>'",
        f"k{number:05d}",
        f"AKIA{number:016d}/+wJalr=",
    )
    return shapes[number % len(shapes)]


def header_of(value: str) -> str:
    """Return a value behind a name in base64."""
    return b64encode(f"user:{value}".encode()).decode()


def spoken(value: str) -> dict[str, Any]:
    """Return an answer of an outside system that repeats a value in many forms."""
    return {
        "text": f"You sent {value}.",
        value: "as a name",
        "address": f"https://example.com/?a={quote(value)}&b={quote_plus(value)}&c={quote(value, safe='')}",
        "body": json.dumps({"secret": value, "list": [json.dumps([value])]}),
        "header": f"Basic {header_of(value)}",
        "items": [{"deep": [value, f"{value}{value}"]}],
    }


def forms_of(value: str) -> set[str]:
    """Return the texts by which a reader would find the value."""
    escaped = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    lines = {line for line in value.splitlines() if len(line) >= 16}
    encoded = {header_of(value)} if len(value) >= MIN_ENCODED_CHARS else set()
    return {value, quote(value), quote_plus(value), quote(value, safe=""), *escaped, *lines, *encoded}


@pytest.mark.parametrize("is_journaled", [False, True])
async def test_none_of_a_hundred_planted_secrets_is_in_a_recording(is_journaled: bool) -> None:
    environment = {f"SECRET_{number}": planted(number) for number in range(100)}
    names = list(environment)

    def echo(call: Any) -> Any:
        if call.block.id == "last":
            raise ValueError(f"refused {' '.join(environment.values())}")
        return {name: spoken(environment[name]) for name in names}

    settings = {f"setting{number}": f"Use {{{{{name}}}}} here" for number, name in enumerate(names)}
    order = block("order", "api", method="POST", url="https://x.example/{{SECRET_1}}", **settings)
    options: dict[str, Any] = {"journal": is_journaled, "environment": environment, "input": {"q": planted(7)}}
    result = await executed(chain(order, block("last")), echo, **options).run()
    recording = recording_of(result)
    assert recording.status is RunStatus.FAILED
    assert result.recording is not None
    content = result.recording.encode()[1].decode()
    text = content + repr(msgspec.json.decode(content))
    assert [form for value in environment.values() for form in forms_of(value) if form in text] == []
    assert recording.blocks[1].output["SECRET_0"]["text"] == "You sent {{SECRET_0}}."


async def test_a_failure_is_recorded_with_its_message() -> None:
    def fail(call: Any) -> Any:
        raise ValueError("no such thing")

    result = await executed(chain(block("f")), fail).run()
    recording = recording_of(result)
    assert (recording.status, recording.blocks[-1].error) == (RunStatus.FAILED, "ValueError: no such thing")


async def test_only_failures_are_recorded_if_so_wanted() -> None:
    only = RecordRun(7, 1, only_failure=True)
    assert (await executed(chain(block("f")), hello, record=only).run()).recording is None
    failed = await executed(chain(block("f")), lambda call: 1 / 0, record=only).run()
    assert failed.recording is not None


async def test_a_lost_workers_blocks_are_in_the_recording_of_the_next() -> None:
    workflow = chain(block("a"), block("b"))
    first = Recorder()
    await executed(workflow, lambda call: {"result": call.block.id}, first, journal=True).run()
    done = [entry for entry, kind in zip(first.entries, first.kinds, strict=True) if kind == "block"][:2]
    result = await executed(workflow, lambda call: {"result": "again"}, journal=True, entries=done).run()
    recorded = {each.path: each.output for each in recording_of(result).blocks}
    assert (recorded["a"], recorded["b"]) == ({"result": "a"}, {"result": "again"})


async def test_a_pause_is_recorded_with_its_final_output_by_the_process_that_continues() -> None:
    settings: dict[str, Any] = {"async": True, "timeValue": "2", "timeUnitLong": "hours"}
    workflow = chain(block("f"), block("hold", "wait", **settings))
    paused = await executed(workflow, hello, environment={"KEY": KEY}).run()
    assert (paused.outcome.status, paused.recording) == (RunStatus.PAUSED, None)
    document = msgspec.json.encode(paused.state)
    state = msgspec.json.decode(document, type=RunState)
    assert KEY not in repr(state.recorded)
    answer: dict[str, Any] = {pause.context_id: {} for pause in paused.pauses}
    result = await executed(workflow, hello, state=state, resumptions=answer).run()
    recording = recording_of(result)
    assert [each.path for each in recording.blocks] == ["start", "f", "hold"]
    hold = recording.blocks[-1]
    assert (hold.effect, hold.output["status"]) == (EffectKind.PAUSE, "completed")
    assert hold.inputs["timeValue"] == "2"


async def test_a_long_recording_is_truncated_and_marked() -> None:
    half = "x" * (MAX_RECORDING_BYTES // 2)
    workflow = chain(*(block(f"f{number}") for number in range(4)))
    recording = recording_of(await executed(workflow, lambda call: {"result": half}).run())
    assert recording.is_cut
    assert len(recording.blocks) < 5


async def test_a_recorded_run_replays_without_a_call() -> None:
    workflow = document(
        [
            block("start", "start_trigger"),
            block("each", "loop"),
            block("send", "api", parent="each", method="POST", url="https://shop.example/<loop.index>?k={{KEY}}"),
            block("ask", "agent", model="m", userPrompt="<each.results>"),
        ],
        [("start", "source", "each"), ("each", "loop-start-source", "send"), ("each", "loop-end-source", "ask")],
        loops={"each": {"id": "each", "nodes": ["send"], "iterations": 3, "loopType": "for"}},
    )
    environment = {"KEY": KEY}
    recording = recording_of(await executed(workflow, hello, environment=environment).run())

    def never(call: Any) -> Any:
        raise AssertionError(f"{call.block.id} reached outside")

    answers = RecordedAnswers(recording.blocks, EnvironmentNames(environment))
    handlers = answers.handlers(dict.fromkeys(("api", "agent"), Scripted(never)))
    replayed = await execution(engine_of(handlers), workflow, environment=environment).run()
    assert answers.unrecorded == []
    assert replayed.output == recording.output
