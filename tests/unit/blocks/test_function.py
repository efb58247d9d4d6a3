"""The author's code receives values as values, never as text that could change its meaning."""

import threading
from typing import Any

import msgspec
import pytest
from tests.support.blocks.runs import INPUT, NullSink, engine_of, failure, request
from tests.support.eventually import PATIENCE_MS
from tests.support.workflow_states import block, chain

from executor_service.blocks.function import DEFAULT_TIMEOUT_MS, IMPORT_REFUSED, FunctionHandler
from executor_service.blocks.ports import CodeRunner
from executor_service.engine import Execution, RunResult
from executor_service.engine.binding import BoundCode
from executor_service.sandbox import ErrorKind, Script, ScriptError, ScriptResult
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import compile_code
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.validate.unsupported_settings import no_sandbox_for

LONG = {"input": "x" * 1_000_000}
LIMIT_AND_OVERTIME_MS = PATIENCE_MS + 1_000
PATIENT_MS = 60_000
"""Timeout for an operation that takes a second on a quiet machine."""


class Sandbox:
    """Records the scripts, and returns one result."""

    def __init__(self, result: ScriptResult | None = None) -> None:
        self.result = result or ScriptResult(result=msgspec.Raw(b"1"), stdout="said")
        self.scripts: list[Script] = []

    async def run(self, script: Script) -> ScriptResult:
        self.scripts.append(script)
        return self.result


async def run(
    code: Any, sandbox: CodeRunner, body: Any = None, *, variables: JsonObject | None = None, **settings: Any
) -> RunResult:
    limit = settings.pop("time_limit_ms", PATIENCE_MS)
    document = chain(INPUT, block("f", "function", "F", settings={"code": code, **settings}))
    document["variables"] = variables or {}
    engine = engine_of({"function": FunctionHandler({Language.JAVASCRIPT: sandbox})})
    asked = request(body, time_limit_ms=limit)
    values = {"TOKEN": "ab'c\"", "LIMIT": "3", "PASSWORD": 'open "sesame"'}
    values |= {"SHORTER": "secret1", "LONGER": "secret1-xyz"}
    return await Execution(engine, compile_workflow(document), asked, environment=values, sink=NullSink()).run()


async def bound(code: str, body: Any = None, **more: Any) -> tuple[str, list[Any]]:
    """Return the code as executed, with names shortened to `$0`, `$1` …, and their values."""
    sandbox = Sandbox()
    await run(code, sandbox, body, **more)
    (script,) = sandbox.scripts
    text = script.code
    for index, name in enumerate(script.bindings):
        text = text.replace(name, f"${index}")
    return text, list(script.bindings.values())


async def test_a_log_shows_code_with_its_values_up_to_a_bound() -> None:
    short = await run("return <start.input> + <start.input>", Sandbox(), {"input": "x"})
    assert short.blocks[-1].input["code"] == 'return "x" + "x"'
    long = await run("return [" + "<start.input>," * 400 + "]", Sandbox(), LONG, time_limit_ms=PATIENT_MS)
    assert long.blocks[-1].input["code"] == "return [" + "<start.input>," * 400 + "]"


async def test_text_spliced_into_code_strings_is_bounded() -> None:
    result = await run("return '" + "<start.input>" * 400 + "'", Sandbox(), LONG, time_limit_ms=PATIENT_MS)
    assert failure(result).startswith("F: The references in this block's settings exceed ")


async def test_its_result_and_prints_are_the_output() -> None:
    assert (await run("return 1", Sandbox())).output == {"result": 1, "stdout": "said"}


async def test_printed_text_is_logged_without_environment_values() -> None:
    said = ScriptResult(result=msgspec.Raw(b'"secret1"'), stdout="secret1-xyz and secret1, 3")
    assert (await run("", Sandbox(said))).output == {"result": "secret1", "stdout": "[REDACTED] and [REDACTED], 3"}


async def test_code_that_returns_nothing_has_no_result() -> None:
    assert (await run("", Sandbox(ScriptResult(stdout="")))).output == {"stdout": ""}


async def test_a_reference_is_a_variable_with_its_value() -> None:
    assert await bound("return <start.input>", {"input": "it's"}) == ("return $0", ["it's"])


async def test_the_same_reference_is_one_variable() -> None:
    code, values = await bound("return <start.n> + <start.n> + <start.m>", {"n": 1, "m": {"k": None}})
    assert (code, values) == ("return $0 + $0 + $1", [1, {"k": None}])


async def test_in_a_string_a_reference_is_its_json() -> None:
    assert await bound('return "hi <start.input>!"', {"input": "Bob"}) == ('return "hi ".concat($0,"!")', ['"Bob"'])


async def test_a_value_cannot_end_the_string_that_it_stands_in() -> None:
    code, values = await bound("return '<start.input>'", {"input": "'; steal(); '"})
    assert (code, values) == ("return ''.concat($0,'')", ["\"'; steal(); '\""])


async def test_an_environment_value_is_a_variable_or_plain_text_in_a_string() -> None:
    assert await bound("return {{TOKEN}}") == ("return $0", ["ab'c\""])
    assert await bound('return "k={{TOKEN}}"') == ('return "k=".concat($0,"")', ["ab'c\""])


async def test_unknown_names_stay_as_typed() -> None:
    assert (await bound("return <ghost.x> || {{NOPE}}"))[0] == "return <ghost.x> || {{NOPE}}"


async def test_references_in_comments_mean_nothing() -> None:
    assert (await bound("// <variable.nope> and <start.input>\nreturn 1"))[0].startswith(
        "// <variable.nope> and <start"
    )


async def test_variables_are_variables() -> None:
    given: JsonObject = {"v": {"id": "v", "name": "cfg", "type": "object", "value": '{"a": [1]}'}}
    assert await bound("return <variable.cfg.a[0]>", variables=given) == ("return $0", [1])


async def test_a_variable_that_is_not_there_is_an_error() -> None:
    given: JsonObject = {"v": {"id": "v", "name": "count", "type": "number", "value": 1}}
    result = await run("return <variable.nope>", Sandbox(), variables=given)
    assert failure(result) == 'F: Variable "nope" doesn\'t exist. Available: count'
    assert result.outcome.error is not None
    assert result.outcome.error.http_status == 400


async def test_an_error_quotes_what_the_author_wrote() -> None:
    class Broken(Sandbox):
        async def run(self, script: Script) -> ScriptResult:
            message = f"Line 1: `{script.code}` - boom"
            return ScriptResult(error=ScriptError(kind=ErrorKind.THROWN, message=message, reason="boom"))

    result = await run("throw <start.input>", Broken(), {"input": "x"})
    assert failure(result) == "F: Line 1: `throw <start.input>` - boom"


async def test_the_log_shows_the_code_with_its_values() -> None:
    result = await run("return <start.o>.a", Sandbox(), {"o": {"a": 1}})
    assert result.blocks[-1].input == {"code": 'return {"a":1}.a', "language": "javascript"}


async def test_code_stored_in_pieces_is_one_piece() -> None:
    assert (await bound([{"content": "const a = 1"}, {"content": "return a"}]))[0] == "const a = 1\nreturn a"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "longest"),
    [
        ({}, LIMIT_AND_OVERTIME_MS),
        ({"time_limit_ms": 10_000_000}, DEFAULT_TIMEOUT_MS),
        ({"timeout": "200"}, 200),
        ({"timeout": 900_000}, LIMIT_AND_OVERTIME_MS),
        ({"timeout": "-1"}, LIMIT_AND_OVERTIME_MS),
    ],
)
async def test_code_never_gets_more_time_than_the_run_has(settings: dict[str, Any], longest: int) -> None:
    sandbox = Sandbox()
    await run("return 1", sandbox, **settings)
    assert sandbox.scripts[0].timeout_ms == longest


async def test_only_code_that_reads_the_environment_receives_it() -> None:
    sandbox = Sandbox()
    await run("return 1", sandbox)
    await run("return environmentVariables.LIMIT", sandbox)
    assert [bool(script.environment) for script in sandbox.scripts] == [False, True]


@pytest.mark.parametrize(
    ("code", "language", "message"),
    [
        ('import x from "lodash"\nreturn 1', "javascript", IMPORT_REFUSED),
        ('\n\t import x from "lodash"\nreturn 1', "javascript", IMPORT_REFUSED),
        ("const s = `\nimport os\n`\nimport {x} from 'lodash'", "javascript", IMPORT_REFUSED),
        ("return 1", "python", no_sandbox_for("python")),
        ("echo 1", "shell", no_sandbox_for("shell")),
    ],
)
async def test_unsupported_code_is_refused_with_a_reason(code: str, language: str, message: str) -> None:
    sandbox = Sandbox()
    assert failure(await run(code, sandbox, language=language)) == f"F: {message}"
    assert not sandbox.scripts


@pytest.mark.parametrize(
    "code",
    [
        "const script = `\nimport os\n`;\nreturn script",
        "/*\nimport nothing\n*/\nreturn 1",
        "return `${1}\nimport ${2}\n  import x from 'y'`",
        "return await import('x')",
    ],
)
async def test_a_line_of_a_text_or_a_comment_is_not_an_import(code: str) -> None:
    sandbox = Sandbox()
    assert (await run(code, sandbox)).output == {"result": 1, "stdout": "said"}


class Quoting:
    """Fails with the source that it was given."""

    async def run(self, script: Script) -> ScriptResult:
        return ScriptResult(
            error=ScriptError(kind=ErrorKind.THROWN, message=f"Line 1: `{script.shown}` - no", reason="no")
        )


@pytest.mark.parametrize("quote", ['"', "'", "`"])
async def test_an_error_quotes_the_line_as_written_and_not_the_secret_in_it(quote: str) -> None:
    code = f"const key = {quote}{{{{PASSWORD}}}}{quote}; throw 1"
    assert failure(await run(code, Quoting())) == f"F: Line 1: `{code}` - no"


async def test_a_secret_in_an_error_is_hidden_from_the_caller() -> None:
    message = 'the server said: open "sesame" is wrong'
    said = ScriptResult(error=ScriptError(kind=ErrorKind.THROWN, message=message, reason="no"))
    result = await run("return {{PASSWORD}}", Sandbox(said))
    assert failure(result) == "F: the server said: [REDACTED] is wrong"
    assert "sesame" not in str(result.outcome) + str(result.blocks)


async def test_code_that_reads_the_whole_environment_makes_every_value_a_secret() -> None:
    said = ScriptResult(error=ScriptError(kind=ErrorKind.THROWN, message='open "sesame"', reason="no"))
    assert failure(await run("return environmentVariables.PASSWORD", Sandbox(said))) == "F: [REDACTED]"


async def test_a_secret_with_the_prefix_of_another_is_hidden_whole() -> None:
    code = "return '{{SHORTER}} {{LONGER}}'"
    assert failure(await run(code, Quoting())) == f"F: Line 1: `{code}` - no"


async def test_a_value_is_sent_once_however_often_and_however_it_is_spelled() -> None:
    sandbox = Sandbox()
    await run("return [<start.input>, <Start.input>, <START.input>]", sandbox, {"input": "text"})
    assert list(sandbox.scripts[0].bindings.values()) == ["text"]


def test_the_number_of_long_values_in_a_log_is_bounded() -> None:
    template = compile_code(" ".join(f"<v{n}.x>" for n in range(20)) + " <short.x>")
    long: dict[str, Json] = {variable.name: "x" * 1_000_000 for variable in template.variables}
    written = BoundCode(template, {**long, template.variables[-1].name: 1}).render_for_log()
    assert written.endswith("<v19.x> <short.x>")
    short = compile_code("<short.x>")
    assert BoundCode(short, {short.variables[0].name: 1}).render_for_log() == "1"


async def test_endless_blank_lines_block_nothing() -> None:
    code = "\n" * 1_000_000 + "return 1"
    assert (await run(code, Sandbox(), time_limit_ms=PATIENT_MS)).output == {"result": 1, "stdout": "said"}


async def test_large_code_with_an_unset_environment_value_is_compiled_outside_the_event_loop(
    compiling_threads: list[int],
) -> None:
    await run("return {{NONE}}" + 5_000 * " ", Sandbox())
    assert len(compiling_threads) == 1
    assert compiling_threads[0] != threading.get_ident()
