"""Events and logs of blocks: complete, without secrets, and of bounded size."""

import base64
import itertools
import json
import tracemalloc
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from tests.support.engine.building import (
    START,
    Recorder,
    Scripted,
    block,
    chain,
    document,
    engine_of,
    execution,
    fails,
    ok,
    run,
)

from executor_service.engine import Call
from executor_service.engine.secrets import Secrets
from shared.contracts.events import BlockEnded, BlockStarted


async def test_a_value_that_code_nested_beyond_all_bounds_is_not_logged() -> None:
    deep: Any = "secret-value"
    for _ in range(600):
        deep = {"token": deep}
    result = await run(lambda call: {"result": deep}, chain(block("f")))
    assert result.outcome.error is None
    assert result.blocks[-1].output == {"truncated": True, "bytes": len(msgspec.json.encode({"result": deep}))}


async def test_the_canvas_receives_events_of_every_block() -> None:
    recorder = Recorder()
    await run(ok, chain(block("f")), recorder, include_block_events=True)
    events = [
        (type(event), json.loads(bytes(event.data)))
        for event in recorder.events
        if isinstance(event, BlockStarted | BlockEnded)
    ]
    assert [(kind, data["blockId"]) for kind, data in events] == [
        (BlockStarted, "start"),
        (BlockEnded, "start"),
        (BlockStarted, "f"),
        (BlockEnded, "f"),
    ]
    assert events[-1][1]["output"] == {"result": "f"}


async def test_secrets_do_not_reach_the_log() -> None:
    workflow = chain(block("f", "api", url="https://x.example/{{TOKEN}}", headers={"apiKey": "k"}))
    engine = engine_of({"api": Scripted(lambda call: {"data": "echo s3cret-value", "password": "p"})})
    result = await execution(engine, workflow, environment={"TOKEN": "s3cret-value", "OTHER": "unused"}).run()
    logged = json.dumps([result.blocks[-1].input, result.blocks[-1].output])
    assert "s3cret-value" not in logged
    assert '"password": "[REDACTED]"' in logged
    assert '"apiKey": "[REDACTED]"' in logged


async def test_the_canvas_receives_no_secret() -> None:
    recorder = Recorder()
    workflow = chain(block("f", "api", url="{{TOKEN}}"))
    environment = {"TOKEN": "s3cret-value"}
    await run(
        lambda call: {"data": "s3cret-value"}, workflow, recorder, environment=environment, include_block_events=True
    )
    data = b"".join(bytes(event.data) for event in recorder.events if isinstance(event, BlockStarted | BlockEnded))
    assert b"[REDACTED]" in data
    assert b"s3cret-value" not in data


async def test_block_names_in_the_log_are_masked_too() -> None:
    workflow = chain(block("f", "api", url="{{TOKEN}}"))
    result = await run(lambda call: {"data": {"s3cret-value": 1}}, workflow, environment={"TOKEN": "s3cret-value"})
    assert result.blocks[-1].output == {"data": {"[REDACTED]": 1}}


SECRET = 'p+a/s=s & "w%rd-ü!'


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
    lines = ["-----BEGIN-----", "MIIEvQIBADANBgkq", "BAQEFAASCBKcwggSjAgEAAo"]
    workflow = chain(block("f", "api", url="{{KEY}}"))
    result = await run(
        lambda call: {"result": f"{lines[2]} {lines[1]} {lines[0]}"}, workflow, environment={"KEY": "\n  ".join(lines)}
    )
    assert result.blocks[-1].output == {"result": "[REDACTED] [REDACTED] -----BEGIN-----"}


async def test_keys_of_one_value_one_a_line_are_hidden_behind_a_name_in_base64() -> None:
    sent = base64.b64encode(b"me:the-first-of-the-keys").decode()
    environment = {"KEYS": "the-first-of-the-keys\nthe-second-of-the-keys"}
    result = await run(lambda call: {"result": sent}, chain(block("f", "api", url="{{KEYS}}")), environment=environment)
    assert result.blocks[-1].output["result"] == "bWU6[REDACTED]"


async def test_many_secrets_are_hidden_as_few_are() -> None:
    environment = {f"KEY{number}": f's3cret-{number:03}/of "many"' for number in range(200)}
    secrets = [
        environment["KEY7"],
        json.dumps(environment["KEY42"]),
        quote(environment["KEY199"], safe=""),
        "s3cret-none",
    ]
    workflow = chain(block("f", "api", url=" ".join(f"{{{{{name}}}}}" for name in environment)))
    result = await run(lambda call: {"result": secrets}, workflow, environment=environment)
    assert result.blocks[-1].output == {"result": ["[REDACTED]", '"[REDACTED]"', "[REDACTED]", "s3cret-none"]}


def test_looking_for_secrets_of_many_lines_takes_a_few_times_their_length() -> None:
    values = ["\n".join(f"line {line} of value {value}" for line in range(3_000)) for value in range(10)]
    tracemalloc.start()
    try:
        Secrets(values)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 25 * sum(map(len, values))


@pytest.mark.parametrize(("value", "shown"), [("abc12", "abc12"), ("abc123", "[REDACTED]")])
async def test_an_environment_value_of_six_characters_is_a_secret(value: str, shown: str) -> None:
    workflow = chain(block("f", "api", url="{{KEY}}"))
    result = await run(lambda call: {"result": value}, workflow, environment={"KEY": value})
    assert result.blocks[-1].output == {"result": shown}


@pytest.mark.parametrize(("value", "is_hidden"), [("~~~~~~~~~~?", False), ("~~~~~~~~~~~?", True)])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
async def test_in_base64_a_secret_of_twelve_characters_is_hidden(
    encode: Callable[[bytes], bytes], value: str, is_hidden: bool
) -> None:
    sent = encode(value.encode()).decode()
    workflow = chain(block("f", "api", url="{{KEY}}"))
    result = await run(lambda call: {"result": sent}, workflow, environment={"KEY": value})
    assert (result.blocks[-1].output == {"result": sent}) is not is_hidden


async def test_the_number_of_log_entries_is_bounded() -> None:
    workflow = chain(*(block(f"f{number}") for number in range(4)))
    result = await execution(engine_of({"function": Scripted(ok)}, log_entries=3), workflow).run()
    assert (len(result.blocks), result.blocks_dropped) == (3, 2)


async def test_all_values_of_a_log_have_a_bound_together() -> None:
    workflow = chain(*(block(f"f{number}") for number in range(4)))
    engine = engine_of({"function": Scripted(lambda call: {"result": "x" * 100})}, log_bytes=400)
    result = await execution(engine, workflow).run()
    shown = [entry.output != {"truncated": True, "bytes": 113} for entry in result.blocks[1:]]
    assert shown == sorted(shown, reverse=True)
    assert 1 <= sum(shown) <= 3


async def test_events_for_the_canvas_show_the_outputs_of_the_log_and_take_no_room_in_it() -> None:
    workflow = chain(*(block(f"f{number}") for number in range(4)))
    engine = engine_of({"function": Scripted(lambda call: {"result": "x" * 100})}, log_bytes=400)
    recorder = Recorder()
    followed = await execution(engine, workflow, recorder, include_block_events=True).run()
    alone = await execution(engine, workflow).run()
    shown = [json.loads(bytes(event.data))["output"] for event in recorder.events if isinstance(event, BlockEnded)]
    assert shown == [entry.output for entry in followed.blocks] == [entry.output for entry in alone.blocks]


async def test_reasons_of_failures_count_as_a_part_of_the_log_and_are_cut_once_it_is_full() -> None:
    def breaks(call: Call) -> Any:
        raise fails(f"{call.block.id} {'e' * 5_000}")

    names = [f"f{number}" for number in range(50)]
    edges: list[tuple[str, str | None, str]] = [
        ("start", "source", "f0"),
        *((a, "error", b) for a, b in itertools.pairwise(names)),
    ]
    workflow = document([START, *map(block, names)], edges)
    result = await execution(engine_of({"function": Scripted(breaks)}, log_bytes=30_000), workflow).run()
    reasons = [entry.error or "" for entry in result.blocks[1:]]
    assert [reason.split()[0] for reason in reasons] == names
    assert len(reasons[0]) > 5_000
    assert sum(map(len, reasons)) < 50_000
    assert result.outcome.error is not None
    assert len(result.outcome.error.message) > 5_000


async def test_only_values_named_like_secrets_are_secrets() -> None:
    given = {"Authorization": "x", "maxTokens": "7", "tokens": "8", "passwordless": "yes", "list": [{"x-api-key": "k"}]}
    result = await run(lambda call: {"result": given}, chain(block("f")))
    assert result.blocks[-1].output == {
        "result": {**given, "Authorization": "[REDACTED]", "list": [{"x-api-key": "[REDACTED]"}]}
    }


async def test_internal_fields_of_the_engine_are_not_logged() -> None:
    result = await run(lambda call: {"result": 1, "_own": 2}, chain(block("f")))
    assert result.blocks[-1].output == {"result": 1}


async def test_an_oversized_value_takes_at_most_the_room_of_the_largest_allowed() -> None:
    engine = engine_of(
        {"function": Scripted(lambda call: {"result": "x" * (10_000 if call.block.id == "large" else 10)})},
        log_value_bytes=100,
        log_bytes=1_000,
    )
    result = await execution(engine, chain(block("large"), block("small"))).run()
    assert [entry.output for entry in result.blocks[1:]] == [
        {"truncated": True, "bytes": 10_013},
        {"result": "x" * 10},
    ]


async def test_a_large_value_is_not_logged() -> None:
    result = await run(lambda call: {"result": "x" * 100_000}, chain(block("f")))
    assert result.blocks[-1].output == {"truncated": True, "bytes": 100_013}


LINES = 's3cret "value"\n/of-several-words'


@pytest.mark.parametrize(
    "given",
    [
        {"result": LINES},
        {"result": {"nested": [{"deeper": f"before {LINES} after"}]}},
        {"result": {LINES: "as a key"}},
        {"result": json.dumps({"written": LINES})},
        {"result": json.dumps(json.dumps({"written": LINES}))},
        {"result": quote(LINES)},
        {"result": base64.b64encode(f"me:{LINES}".encode()).decode()},
    ],
    ids=["whole", "nested", "key", "JSON", "JSON in JSON", "URL", "base64"],
)
async def test_the_final_output_is_logged_without_secrets_and_given_with_them(given: Any) -> None:
    workflow = chain(block("f", "api", url="{{TOKEN}}"))
    engine = engine_of({"api": Scripted(lambda call: given)})
    result = await execution(engine, workflow, environment={"TOKEN": LINES}).run()
    output = result.outcome.output
    assert msgspec.json.decode(output.inline) == given
    assert output.logged is not None
    assert "[REDACTED]" in bytes(output.logged.inline).decode()
    assert msgspec.json.decode(output.logged.inline) == result.blocks[-1].output, "as the block's own log has it"
    assert output.logged.size == len(bytes(output.logged.inline))


@pytest.mark.parametrize(("value", "is_hidden"), [("abc12", False), ("abc123", True)])
async def test_a_short_value_is_treated_alike_in_the_final_output_and_in_block_logs(
    value: str, is_hidden: bool
) -> None:
    workflow = chain(block("f", "api", url="{{TOKEN}}"))
    engine = engine_of({"api": Scripted(lambda call: {"data": value})})
    result = await execution(engine, workflow, environment={"TOKEN": value}).run()
    logged = result.outcome.output.as_logged
    assert (value not in bytes(logged.inline).decode()) is is_hidden
    assert msgspec.json.decode(logged.inline) == result.blocks[-1].output


async def test_an_output_without_secrets_is_logged_as_it_is() -> None:
    result = await run(lambda call: {"result": "public"}, chain(block("f")))
    assert result.outcome.output.logged is None
