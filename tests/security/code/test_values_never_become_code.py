"""A caller's value stays a value in every position of a reference, and discloses nothing of the workspace."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.security.code.fuzz import differences
from tests.security.code.hostile import CONDITIONS, JAVASCRIPT, LEAK, PYTHON, STOLEN, VALUES, filled
from tests.support.engine.building import block, chain, execution

from executor_service.blocks import BlockPorts, SandboxExpressions, block_handlers
from executor_service.engine import Engine, Limits, RunResult
from executor_service.providers import Models, ProviderSettings
from executor_service.sandbox import (
    ConditionResult,
    Conditions,
    JavaScriptSandbox,
    PythonSandbox,
    Script,
    ScriptResult,
)
from shared.clock import SystemClock
from shared.net import OutboundClient
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import compile_code

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRETS = {"SECRET": STOLEN}
FEW = 150
"""Number of random programs; `python -m tests.security.code.fuzz` runs any number."""


class Watched:
    """The JavaScript sandbox, recording its inputs."""

    def __init__(self, sandbox: JavaScriptSandbox) -> None:
        self._sandbox = sandbox
        self.programs: list[str] = []
        self.environments: list[Any] = []

    async def run(self, script: Script) -> ScriptResult:
        self.programs.append(script.code)
        self.environments.append(script.environment)
        return await self._sandbox.run(script)

    async def evaluate(self, conditions: Conditions) -> ConditionResult:
        self.programs += conditions.expressions
        self.environments.append(conditions.bindings.get(LEAK) or {})
        return await self._sandbox.evaluate(conditions)


class System:
    """The engine with real sandboxes."""

    def __init__(self, javascript: Watched, python: PythonSandbox) -> None:
        self.javascript = javascript
        ports = BlockPorts(
            javascript=javascript, python=python, models=Models(ProviderSettings()), outbound=OutboundClient()
        )
        self.engine = Engine(block_handlers(ports), SandboxExpressions(javascript), SystemClock(), Limits())

    async def run(self, workflow: Any, value: Any) -> RunResult:
        return await execution(self.engine, workflow, input={"v": value}, environment=SECRETS).run()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system() -> AsyncIterator[System]:
    async with JavaScriptSandbox() as javascript, PythonSandbox() as python:
        yield System(Watched(javascript), python)


def function(code: str, language: str = "javascript") -> Any:
    return chain(block("f", code=code, language=language))


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("const bond = {yield: 1}; return bond.yield / <start.v> / 100", f"1,{LEAK}<!--"),
        ("let i = 1; return i++ / <start.v> / 2", f"1,{LEAK}<!--"),
        ('return "\\<start.v>"', f'",{LEAK})//'),
        ('return "\\<start.v>"', f",{LEAK}//"),
        ("return /\\<start.v>/.test('')", f"/,{LEAK}//"),
    ],
)
async def test_input_discloses_nothing_of_the_environment(system: System, code: str, value: str) -> None:
    result = await system.run(function(code), value)
    assert STOLEN not in json.dumps(result.output)
    assert not system.javascript.environments[-1]


@pytest.mark.parametrize("code", [*map(filled, JAVASCRIPT)])
async def test_a_javascript_program_depends_on_its_source_alone(code: str) -> None:
    template = compile_code(code)
    assert all(value not in template.program or value in code for value in VALUES if LEAK in value)
    assert not template.reads_environment


@pytest.mark.parametrize("code", [*map(filled, JAVASCRIPT)])
async def test_no_value_changes_what_a_javascript_program_is(
    system: System, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: 16 * "0")
    programs = set()
    for value in VALUES[:: 1 + len(VALUES) // 8]:
        before = len(system.javascript.programs)
        result = await system.run(function(code), value)
        programs |= {*system.javascript.programs[before:]}
        assert STOLEN not in json.dumps(result.output)
        assert not any(system.javascript.environments[before:])
    assert len(programs) <= 1


@pytest.mark.parametrize("code", [*map(filled, PYTHON)])
async def test_no_value_changes_what_a_python_program_is(system: System, code: str) -> None:
    template = compile_code(code, Language.PYTHON)
    assert not template.reads_environment
    for value in VALUES[:: 1 + len(VALUES) // 3]:
        result = await system.run(function(code, "python"), value)
        assert STOLEN not in json.dumps(result.output)


@pytest.mark.parametrize("code", [*map(filled, CONDITIONS)])
async def test_no_value_makes_a_condition_true(system: System, code: str) -> None:
    entries = [{"id": "if", "title": "if", "value": code}, {"id": "else", "title": "else", "value": ""}]
    workflow = chain(block("c", "condition", conditions=entries))
    for value in VALUES:
        result = await system.run(workflow, value)
        assert result.output.get("selectedOption") != "if" or value == ""
        assert not system.javascript.environments[-1:][0]


async def test_a_string_keeps_its_meaning(system: System) -> None:
    for value in VALUES:
        code = "return ['\\<start.v>', `<start.v>`, /^<start.v>$/u.test(<start.v>), /[^<start.v>]/v.test(<start.v>)]"
        result = await system.run(function(code), value)
        text = json.dumps(value, ensure_ascii=False)
        assert [json.loads(item) for item in result.output["result"][:2]] == [value, value], text
        assert result.output["result"][2:] == [True, False]
        python = "return [r'C:\\dir\\<start.v>', f'{1}<start.v>', b'<start.v>'.decode('utf-8', 'surrogatepass')]"
        result = await system.run(function(python, "python"), value)
        raw, formatted, encoded = result.output["result"]
        assert raw.startswith("C:\\dir\\")
        assert [json.loads(item) for item in (raw[7:], formatted[1:], encoded)] == [value] * 3


async def test_an_empty_value_in_a_regular_expression_is_not_a_comment(system: System) -> None:
    result = await system.run(function("return /<start.v>/.test('x') && 'matched'"), "")
    assert result.output["result"] == "matched"


@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_code_that_does_not_parse_fails_with_its_syntax_error(system: System, language: str) -> None:
    result = await system.run(function("x = 1\nreturn '<start.v>", language), f"';return {LEAK}//")
    assert result.outcome.error is not None
    assert "Syntax Error: Line 2: `return '<start.v>` - " in result.outcome.error.message


async def test_a_reference_that_cannot_be_decided_fails_by_line_and_column(system: System) -> None:
    result = await system.run(function("match 1:\n  case <start.v>: return 1", "python"), "x")
    assert result.outcome.error is not None
    assert "<start.v> at line 2, column 8 cannot be resolved" in result.outcome.error.message


@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_no_value_redefines_a_variable(system: System, language: str) -> None:
    code = {
        "javascript": "with (<start.v>) { return <start.input> }",
        "python": "globals().update(<start.v>)\nreturn <start.input>",
    }[language]
    guesses = {f"__flowport_{number}__": "hacked" for number in range(10)}
    result = await execution(system.engine, function(code, language), input={"v": guesses, "input": "Hi"}).run()
    assert result.output["result"] == "Hi"


async def test_code_cannot_assign_to_a_variable_through_its_arguments(system: System) -> None:
    code = "arguments[0] = 'hacked'; return [<start.v>, (function () { return this })() === globalThis]"
    assert (await system.run(function(code), "Hi")).output["result"] == ["Hi", True]
    strict = "'use strict'; arguments[0] = 'hacked'; return [<start.v>, (function () { return this })() === undefined]"
    assert (await system.run(function(strict), "Hi")).output["result"] == ["Hi", True]


async def test_a_format_specifier_is_plain_text(system: System) -> None:
    result = await system.run(function("return f'{3.14159:<start.v>}'", "python"), ".2f")
    assert result.output["result"] == "3.14"


async def test_references_repeat_a_pattern(system: System) -> None:
    result = await system.run(function("return /^a{<start.v>,<start.v>}$/.test('aa')"), 2)
    assert result.output["result"] is True


@pytest.mark.parametrize(
    "code",
    [
        "class A { static\n'e<start.v>' = 5 }; return A.e1",
        "class A { get\n'e<start.v>'() { return 5 } }; return new A().e1",
    ],
)
async def test_a_key_of_a_class_stays_behind_its_keyword(system: System, code: str) -> None:
    assert (await system.run(function(code), 1)).output["result"] == 5


async def test_a_shorthand_property_is_named_as_its_reference(system: System) -> None:
    result = await system.run(function("return {<start.v>, b: 2}"), 1)
    assert result.output["result"] == {"<start.v>": 1, "b": 2}


async def test_documentation_stays_documentation(system: System) -> None:
    code = (
        "'Of <start.v>.'\nfrom __future__ import annotations\n"
        "def f():\n  'Of <start.v>.'\n__sim_result__ = [f.__doc__, <start.v>]"
    )
    assert (await system.run(function(code, "python"), 1)).output["result"] == ["Of <start.v>.", 1]


async def test_python_imports_asyncio(system: System) -> None:
    result = await system.run(function("import asyncio\nreturn asyncio.iscoroutinefunction(print)", "python"), 1)
    assert result.output.get("result") is False, result.outcome.error


@pytest.mark.parametrize("language", [*Language])
async def test_random_programs_behave_as_with_values_in_variables(language: Language) -> None:
    found, finished = await differences(language, cases=FEW, seed=random.randrange(2**32))
    assert found == []
    assert finished > FEW // 2
