import asyncio
import base64
import json
import tracemalloc
from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from tests.unit.engine.building import (
    START,
    Recorder,
    Scripted,
    block,
    chain,
    document,
    engine_of,
    execution,
    fails,
    names,
    run,
    stream_request,
)

from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs, RunFrom
from shared.contracts.events import BlockEnded, BlockStarted
from shared.contracts.outcomes import MAX_ERROR_CHARS, ErrorCode
from shared.contracts.runs import RunStatus
from shared.errors import Unavailable


def ok(call: Call) -> dict[str, Any]:
    return {"result": call.block.id}


async def test_the_last_terminal_block_to_complete_is_the_output() -> None:
    forked = document([START, block("slow"), block("fast")], [("start", "source", "slow"), ("start", "source", "fast")])

    async def slow(call: Call) -> Any:
        await asyncio.sleep(0.02 if call.block.id == "slow" else 0)
        return ok(call)

    assert (await run(slow, forked)).output == {"result": "slow"}


async def test_a_run_that_ends_nowhere_gives_an_empty_object() -> None:
    handled = document([START, block("f"), block("h")], [("start", "source", "f"), ("f", "error", "h")])
    result = await run(ok, handled)
    assert result.outcome.status is RunStatus.COMPLETED
    assert result.output == {}


async def test_hidden_keys_stay_inside() -> None:
    assert (await run(lambda call: {"a": 1, "_hidden": 2}, chain(block("f")))).output == {"a": 1}


async def test_what_a_failure_says_is_cut_before_it_is_told_anywhere() -> None:
    def breaks(call: Call) -> Any:
        raise fails("a remote server's text " * 1_000_000)

    result = await run(breaks, chain(block("f")))
    assert result.outcome.error is not None
    assert len(result.outcome.error.message) == MAX_ERROR_CHARS
    assert len(msgspec.json.encode((result.outcome, result.blocks))) < 4 * MAX_ERROR_CHARS


async def test_an_unhandled_failure_names_its_block() -> None:
    def breaks(call: Call) -> Any:
        raise fails("no", http_status=400)

    result = await run(breaks, chain(block("f", name="My Fn"), block("g")))
    error = result.outcome.error
    assert error is not None
    assert (error.text, error.block_id, error.block_type, error.http_status) == ("My Fn: no", "f", "function", 400)
    assert names(result) == ["start", "My Fn!"]


async def test_a_failure_waits_for_what_is_under_way_and_begins_nothing_new() -> None:
    forked = document(
        [START, block("bad"), block("good"), block("next")],
        [("start", "source", "bad"), ("start", "source", "good"), ("good", "source", "next")],
    )

    async def one_breaks(call: Call) -> Any:
        await asyncio.sleep(0.01 if call.block.id == "good" else 0)
        if call.block.id == "bad":
            raise fails()
        return ok(call)

    result = await run(one_breaks, forked)
    assert names(result) == ["start", "bad!", "good"]


async def test_the_first_failure_is_the_one_reported() -> None:
    forked = document([START, block("a"), block("b")], [("start", "source", "a"), ("start", "source", "b")])

    async def both(call: Call) -> Any:
        await asyncio.sleep(0.01 if call.block.id == "a" else 0)
        raise fails(call.block.id)

    error = (await run(both, forked)).outcome.error
    assert error is not None
    assert error.message == "b"


async def test_a_bug_in_a_block_fails_the_run_and_says_what_it_was(caplog: pytest.LogCaptureFixture) -> None:
    error = (await run(lambda call: 1 / 0, chain(block("f")))).outcome.error
    assert error is not None
    assert error.message == "ZeroDivisionError: division by zero"
    assert "broke" in caplog.text


class Unspeakable(BlockHandler):
    """Has inputs that no log can hold."""

    def prepare(self, call: Call) -> Inputs:
        return Inputs({"text": "\ud800"})

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        return BlockResult({})


@pytest.mark.parametrize("journal", [False, True])
async def test_a_bug_in_the_engine_ends_the_run_and_not_the_worker(
    journal: bool, caplog: pytest.LogCaptureFixture
) -> None:
    engine = engine_of({"function": Unspeakable()})
    result = await execution(engine, chain(block("f")), journal=journal).run()
    assert result.outcome.error is not None
    assert (result.outcome.status, result.outcome.error.code) == (RunStatus.FAILED, ErrorCode.EXECUTION_FAILED)
    assert "internal error" in result.outcome.error.message
    assert "UnicodeEncodeError" in caplog.text


async def test_a_value_that_code_nested_beyond_all_bounds_is_not_logged() -> None:
    deep: Any = "secret-value"
    for _ in range(600):
        deep = {"token": deep}
    result = await run(lambda call: {"result": deep}, chain(block("f")))
    assert result.outcome.error is None
    assert result.blocks[-1].output == {"truncated": True, "bytes": len(msgspec.json.encode({"result": deep}))}


async def test_a_part_that_is_away_fails_the_run_as_passing() -> None:
    def away(call: Call) -> Any:
        raise Unavailable("The sandbox is not running")

    error = (await run(away, chain(block("f")))).outcome.error
    assert error is not None
    assert (error.message, error.http_status) == ("The sandbox is not running", 503)


async def test_a_response_ends_the_run() -> None:
    workflow = document(
        [START, block("r", "response"), block("after"), block("slow")],
        [("start", "source", "r"), ("r", "source", "after"), ("start", "source", "slow")],
    )

    async def answers(call: Call) -> Any:
        if call.block.type == "response":
            return {"data": 1, "status": 201, "headers": {}}
        await asyncio.sleep(0.01)
        raise fails("too late to matter")

    result = await run(answers, workflow)
    assert result.outcome.status is RunStatus.COMPLETED
    assert result.outcome.is_response
    assert result.output["status"] == 201
    assert names(result) == ["start", "r", "slow!"]


async def test_a_run_can_stop_after_a_block() -> None:
    result = await run(ok, chain(block("a"), block("b"), block("c")), stop_after_block_id="b")
    assert result.output == {"result": "b"}
    assert names(result) == ["start", "a", "b"]


async def test_a_run_can_begin_at_a_block_on_stored_outputs() -> None:
    seen: list[Any] = []

    def looks(call: Call) -> Any:
        seen.append(call.resolver.output_of("a"))
        return ok(call)

    result = await run(
        looks, chain(block("a"), block("b"), block("c")), run_from=RunFrom("b", {"a": {"result": "stored"}})
    )
    assert names(result) == ["b", "c"]
    assert seen[0] == {"result": "stored"}


@pytest.mark.parametrize(
    ("block_id", "message"),
    [("nobody", "Block not found: nobody"), ("c", "The block before this one has not run: b")],
)
async def test_a_run_cannot_begin_where_nothing_came_before(block_id: str, message: str) -> None:
    result = await run(ok, chain(block("a"), block("b"), block("c")), run_from=RunFrom(block_id, {}))
    assert result.outcome.error is not None
    assert result.outcome.error.message == message


@pytest.mark.parametrize(
    ("body", "seen"), [(None, {"n": "before"}), ({}, {"n": "before"}), ({"n": "now"}, {"n": "now"})]
)
async def test_a_run_from_its_start_has_the_input_that_was_sent_or_else_the_earlier_one(body: Any, seen: Any) -> None:
    told: list[Any] = []

    def looks(call: Call) -> dict[str, Any]:
        told.append(call.resolver.output_of("start"))
        return ok(call)

    result = await run(looks, chain(block("a")), input=body, run_from=RunFrom("start", {"start": {"n": "before"}}))
    assert names(result) == ["start", "a"]
    assert told == [seen]


async def test_what_can_never_run_need_not_have_run_before() -> None:
    blocks = [START, block("off", enabled=False), block("b")]
    workflow = document(blocks, [(source, "source", "b") for source in ("start", "off", "nobody")])
    result = await run(ok, workflow, run_from=RunFrom("b", {"start": {}}))
    assert names(result) == ["b"]


async def test_a_cancel_reaches_every_block_at_once() -> None:
    wide = document([START, *(block(f"b{n}") for n in range(5))], [("start", "source", f"b{n}") for n in range(5)])
    begun = 0

    async def forever(call: Call) -> Any:
        nonlocal begun
        begun += 1
        if begun == 5:
            asyncio.get_running_loop().call_soon(run_.cancel)
        await asyncio.sleep(60)

    run_ = execution(engine_of({"function": Scripted(forever)}), wide)
    result = await asyncio.wait_for(run_.run(), 30)
    assert result.outcome.status is RunStatus.CANCELLED
    assert result.outcome.error is None
    assert names(result) == ["start", *(f"b{n}!" for n in range(5))]


async def test_a_block_that_will_not_let_go_holds_nobody_up() -> None:
    let_go = asyncio.Event()

    async def stubborn(call: Call) -> Any:
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()
        return {}

    run_ = execution(engine_of({"function": Scripted(stubborn)}, cancel_seconds=0.05), chain(block("f")))
    asyncio.get_running_loop().call_later(0.02, run_.cancel)
    assert (await asyncio.wait_for(run_.run(), 30)).outcome.status is RunStatus.CANCELLED
    let_go.set()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait([task])


async def test_a_run_that_was_cancelled_before_it_began_runs_nothing() -> None:
    handler = Scripted(ok)
    run_ = execution(engine_of({"function": handler}), chain(block("f")))
    run_.cancel()
    assert (await run_.run()).outcome.status is RunStatus.CANCELLED
    assert not handler.runs


async def test_the_time_limit_ends_the_run_and_keeps_what_an_agent_wrote() -> None:
    async def writes(call: Call) -> Any:
        assert call.writer is not None
        await call.writer.write("Once upon")
        await asyncio.sleep(60)

    result = await run(
        writes, chain(block("a", "agent", model="echo")), time_limit_ms=2_000, **stream_request("a.content")
    )
    error = result.outcome.error
    assert error is not None
    assert error.code is ErrorCode.TIMEOUT
    assert result.output == {"content": "Once upon"}
    assert result.blocks[-1].output == {"content": "Once upon"}


async def test_a_stopping_worker_concludes_nothing() -> None:
    async def forever(call: Call) -> Any:
        await asyncio.sleep(60)

    handler = Scripted(forever)
    task = asyncio.create_task(execution(engine_of({"function": handler}), chain(block("f"))).run())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handler.active == 0


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"blocks": 2}, "More than 2 blocks: the limit of one run is reached"),
        ({"run_output_bytes": 20}, "The outputs of this run are larger than 20 bytes"),
        ({"block_output_bytes": 5}, "a: The output is too large: 14 bytes, the limit is 5"),
    ],
)
async def test_a_run_past_a_bound_ends(limits: dict[str, int], message: str) -> None:
    engine = engine_of({"function": Scripted(ok)}, **limits)
    result = await execution(engine, chain(block("a"), block("b"))).run()
    assert result.outcome.status is RunStatus.FAILED
    assert result.outcome.error is not None
    assert result.outcome.error.text == message


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "<start.x>" * 400},
        {"url": "<start.object>" * 400},
        {"url": "u", "body": '{"a": "' + "<start.object>" * 400 + '"}'},
        {"url": "u", "headers": [{"value": "<start.x>"}] * 400},
    ],
)
async def test_references_give_no_more_text_than_a_block_may_have(settings: dict[str, Any]) -> None:
    given = {"x": "x" * 1_000_000, "object": {"x": "x" * 1_000_000}}
    handler = Scripted(ok)
    tracemalloc.start()
    result = await execution(engine_of({"api": handler}), chain(block("a", "api", **settings)), input=given).run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.outcome.error is not None
    assert result.outcome.error.text == (
        "a: References give more than 41943040 characters: the limit of one block's settings is reached"
    )
    assert handler.runs["a"] == 0
    assert peak < 100_000_000


async def test_a_collection_past_that_bound_ends_the_run() -> None:
    data = {"loopType": "forEach", "collection": "[<start.x>, <start.x>]"}
    blocks = [START, block("C", "loop", data=data), block("a", parent="C")]
    workflow = document(blocks, [("start", "source", "C"), ("C", "loop-start-source", "a")])
    engine = engine_of({"function": Scripted(ok)}, filled_in_chars=10)
    result = await execution(engine, workflow, input={"x": "longer"}).run()
    assert result.outcome.error is not None
    assert result.outcome.error.message == (
        "ForEach loop resolution failed: References give more than 10 characters: "
        "the limit of one block's settings is reached"
    )


async def test_a_loop_past_its_bound_ends_the_run() -> None:
    loop = block("l", "loop", data={"loopType": "while", "whileCondition": "1000"})
    workflow = document(
        [START, loop, block("f", parent="l")], [("start", "source", "l"), ("l", "loop-start-source", "f")]
    )
    result = await execution(engine_of({"function": Scripted(ok)}, iterations=3), workflow).run()
    assert result.outcome.error is not None
    assert result.outcome.error.text == "More than 3 iterations: the limit of one loop or parallel is reached"


async def test_a_block_is_tried_again_as_its_author_said() -> None:
    tries = 0

    def third_time(call: Call) -> Any:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise fails()
        return {"tries": tries}

    retry = {"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 0}
    result = await run(third_time, chain(block("f", retry=retry)))
    assert result.output == {"tries": 3}
    assert result.blocks[-1].tries == 3


async def test_what_must_not_be_tried_again_is_not() -> None:
    handler = Scripted(lambda call: (_ for _ in ()).throw(BlockFailure("final", can_retry=False)))
    retry = {"enabled": True, "maxTries": 5, "waitBetweenTriesMs": 0}
    await execution(engine_of({"function": handler}), chain(block("f", retry=retry))).run()
    assert handler.runs["f"] == 1


async def test_the_canvas_hears_of_every_block() -> None:
    recorder = Recorder()
    await run(ok, chain(block("f")), recorder, include_block_events=True)
    told = [
        (type(event), json.loads(bytes(event.data)))
        for event in recorder.events
        if isinstance(event, BlockStarted | BlockEnded)
    ]
    assert [(kind, data["blockId"]) for kind, data in told] == [
        (BlockStarted, "start"),
        (BlockEnded, "start"),
        (BlockStarted, "f"),
        (BlockEnded, "f"),
    ]
    assert told[-1][1]["output"] == {"result": "f"}


async def test_secrets_do_not_reach_the_log() -> None:
    workflow = chain(block("f", "api", url="https://x.example/{{TOKEN}}", headers={"apiKey": "k"}))
    engine = engine_of({"api": Scripted(lambda call: {"data": "echo s3cret-value", "password": "p"})})
    result = await execution(engine, workflow, environment={"TOKEN": "s3cret-value", "OTHER": "unused"}).run()
    logged = json.dumps([result.blocks[-1].input, result.blocks[-1].output])
    assert "s3cret-value" not in logged
    assert '"password": "[REDACTED]"' in logged
    assert '"apiKey": "[REDACTED]"' in logged


SECRET = "p+a/s=s & w%rd-ü"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="!'()*"),
        quote_plus(SECRET),
        quote_plus(SECRET)
        .replace("%2B", "%2b")
        .replace("%2F", "%2f")
        .replace("%3D", "%3d")
        .replace("%C3%BC", "%c3%bc"),
        json.dumps(SECRET)[1:-1],
        json.dumps([SECRET], ensure_ascii=False),
    ],
)
async def test_secrets_are_hidden_however_they_are_written(written: str) -> None:
    def says(call: Call) -> Any:
        raise fails(f"at https://x.example/?key={written}&more")

    workflow = chain(block("f", "api", url="{{KEY}}"))
    result = await run(says, workflow, environment={"KEY": SECRET})
    assert result.outcome.error is not None
    assert "[REDACTED]" in result.outcome.error.message
    assert "w%" not in result.outcome.error.message


@pytest.mark.parametrize("user", ["", "a", "me", "you"])
async def test_secrets_are_hidden_behind_a_name_in_base64(user: str) -> None:
    sent = base64.b64encode(f"{user}:s3cret-v4lue-42".encode()).decode()
    result = await run(
        lambda call: {"result": sent}, chain(block("f", "api", url="{{KEY}}")), environment={"KEY": "s3cret-v4lue-42"}
    )
    logged = result.blocks[-1].output["result"]
    assert "[REDACTED]" in logged
    assert len(logged) < len("[REDACTED]") + 12


async def test_each_long_line_of_a_secret_is_hidden() -> None:
    lines = ["-----BEGIN-----", "MIIEvQIBADANBgkqhkiG9w0", "BAQEFAASCBKcwggSjAgEAAo"]
    workflow = chain(block("f", "api", url="{{KEY}}"))
    result = await run(
        lambda call: {"result": f"{lines[2]} {lines[0]}"}, workflow, environment={"KEY": "\n".join(lines)}
    )
    assert result.blocks[-1].output == {"result": "[REDACTED] -----BEGIN-----"}


async def test_a_large_value_is_not_logged() -> None:
    result = await run(lambda call: {"result": "x" * 100_000}, chain(block("f")))
    assert result.blocks[-1].output == {"truncated": True, "bytes": 100_013}


async def test_a_variables_block_writes_for_the_rest_of_the_run() -> None:
    workflow = chain(block("a"), block("b"))
    workflow["variables"] = {"v": {"id": "v", "name": "n", "type": "number", "value": "2"}}
    result = await run(lambda call: BlockResult({"seen": call.variables["v"]}, {"v": 5}), workflow)
    assert [log.output for log in result.blocks[1:]] == [{"seen": 2}, {"seen": 5}]


async def test_a_journaled_output_has_to_fit_into_an_entry() -> None:
    engine = engine_of({"function": Scripted(ok)}, journaled_output_bytes=5)
    attached = await execution(engine, chain(block("a"))).run()
    assert attached.outcome.status is RunStatus.COMPLETED
    journaled = await execution(engine, chain(block("a")), journal=True).run()
    assert journaled.outcome.error is not None
    assert journaled.outcome.error.text == "a: The output is too large: 14 bytes, the limit is 5"


async def test_what_a_block_leaves_has_to_fit_into_an_entry_of_the_journal() -> None:
    engine = engine_of({"function": Scripted(ok)}, journal_entry_bytes=5)
    result = await execution(engine, chain(block("a")), journal=True).run()
    assert result.outcome.error is not None
    assert result.outcome.error.text == "start left more than 5 bytes in a queued run"
