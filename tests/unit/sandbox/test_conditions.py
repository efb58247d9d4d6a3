"""Conditions: expressions in order, each in its own context."""

import pytest

from executor_service.sandbox import Conditions, JavaScriptSandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def matched(sandbox: JavaScriptSandbox, *expressions: str, **bindings: object) -> int | None:
    verdict = await sandbox.evaluate(Conditions(expressions=expressions, bindings=bindings, owner="a"))
    assert verdict.error is None, verdict.error
    return verdict.matched


async def test_the_first_truthy_expression_matches(sandbox: JavaScriptSandbox) -> None:
    assert await matched(sandbox, "n > 5", "n > 3", "true", n=4) == 1


async def test_nothing_matches_when_all_are_false(sandbox: JavaScriptSandbox) -> None:
    assert await matched(sandbox, "0", '""', "null", "  ", "") is None


@pytest.mark.parametrize("expression", ["[]", "({})", '"0"', "await Promise.resolve(1)", "1 // so it is"])
async def test_truth_is_javascripts(sandbox: JavaScriptSandbox, expression: str) -> None:
    assert await matched(sandbox, expression) == 0


async def test_an_expression_that_throws_fails_with_the_bare_reason(sandbox: JavaScriptSandbox) -> None:
    verdict = await sandbox.evaluate(Conditions(expressions=["false", "nope.x", "true"]))
    assert verdict.failed == 1
    assert verdict.error is not None
    assert verdict.error.message == "nope is not defined"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("5 >", "Syntax Error: Line 4: `)` - Unexpected token ')'"),
        ("<ghost.x> === 1", "Syntax Error: Line 3: `<ghost.x> === 1` - Unexpected token '<'"),
        ('{{GHOST}} === "x"', "Syntax Error: Line 3: `{{GHOST}} === \"x\"` - Unexpected token '{'"),
    ],
)
async def test_a_syntax_error_in_an_expression_is_reported_with_its_line(
    sandbox: JavaScriptSandbox, expression: str, message: str
) -> None:
    verdict = await sandbox.evaluate(Conditions(expressions=[expression]))
    assert verdict.error is not None
    assert verdict.error.message == message


async def test_a_bad_later_expression_does_not_matter(sandbox: JavaScriptSandbox) -> None:
    assert await matched(sandbox, "true", "1 +") == 0


async def test_an_endless_expression_ends_at_the_limit_and_the_next_one_works(sandbox: JavaScriptSandbox) -> None:
    endless = "(() => { for (;;); })()"
    verdict = await sandbox.evaluate(Conditions(expressions=[endless], timeout_ms=100))
    assert verdict.error is not None
    assert verdict.error.message == "Function execution timed out after 100ms"
    assert await matched(sandbox, "true") == 0


@pytest.mark.parametrize(
    "leave",
    [
        "globalThis.left = 1",
        "left = 1",
        "Object.prototype.left = 1",
        "Array.prototype.left = 1",
        "Math.left = 1",
        "Function.prototype.left = 1",
        "(async () => {}).constructor.prototype.left = 1",
        "environmentVariables.left = 1",
        "console.left = 1",
    ],
)
async def test_an_expression_leaves_nothing_behind(sandbox: JavaScriptSandbox, leave: str) -> None:
    await sandbox.evaluate(Conditions(expressions=[leave], owner="a"))
    probes = "[globalThis, {}, [], Math, () => 1, async () => 1, environmentVariables, console]"
    assert await matched(sandbox, f"{probes}.some(thing => 'left' in thing)") is None


async def test_evaluations_do_not_share_bindings_or_environment(sandbox: JavaScriptSandbox) -> None:
    ada = Conditions(
        expressions=["environmentVariables.K === who"], bindings={"who": "ada"}, environment={"K": "ada"}, owner="a"
    )
    assert (await sandbox.evaluate(ada)).matched == 0
    bob = Conditions(expressions=["environmentVariables.K", "typeof who !== 'undefined'"], owner="a")
    assert (await sandbox.evaluate(bob)).matched is None
