"""Hostile JavaScript kills only itself, and its author gets the reason."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.security.sandbox import attempts, realm_attempts
from tests.security.sandbox.attempts import Attempt

from executor_service.sandbox import (
    Conditions,
    FetchRequest,
    FetchResponse,
    JavaScriptSandbox,
    PoolSize,
    SandboxLimits,
    Script,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALL = (
    *attempts.REACHING_OUT,
    *realm_attempts.LEAVING_THE_REALM,
    *attempts.BREAKING_OUT_OF_THE_WRAPPER,
    *attempts.POISONING,
    *attempts.FORGING_THE_PROTOCOL,
    *attempts.ODD_ENDINGS,
    *attempts.EXHAUSTING,
)
MINE = {"mine": "secret"}
NEIGHBOR = """
const found = [typeof mine, params.mine, environmentVariables.MINE, ({}).polluted, globalThis.evil, [].evil]
return [JSON.stringify(found), await Promise.resolve([...'ok'].join(''))]
"""


async def answer(request: FetchRequest) -> FetchResponse:
    return FetchResponse(status=200, status_text="OK", url=request.url, headers={}, body=b'{"answer": 42}')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[JavaScriptSandbox]:
    limits = SandboxLimits(max_result_chars=1_000_000)
    async with JavaScriptSandbox(fetcher=answer, limits=limits, size=PoolSize(running=2, spare=2)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("attempt", ALL, ids=lambda attempt: attempt.id)
async def test_an_attempt_affects_no_other_script(sandbox: JavaScriptSandbox, attempt: Attempt) -> None:
    script = Script(
        code=attempt.code,
        timeout_ms=attempt.timeout_ms,
        bindings=MINE,
        params=MINE,
        environment={"MINE": "secret"},
        owner="hostile",
    )
    result = await sandbox.run(script)
    if attempt.kinds:
        assert result.error is not None
        assert result.error.kind in attempt.kinds
        assert attempt.says in result.error.message
        assert len(result.error.message) < 25_000
    else:
        assert (result.error, result.value()) == (None, attempt.value)
    assert len(result.stdout) <= 200_000
    await assert_the_neighbor_is_well(sandbox)


async def assert_the_neighbor_is_well(sandbox: JavaScriptSandbox) -> None:
    """In the same process, where it is reused, and in another."""
    for owner in ("hostile", "other"):
        neighbor = await sandbox.run(Script(code=NEIGHBOR, owner=owner))
        assert neighbor.value() == ['["undefined",null,null,null,null,null]', "ok"]


HOSTILE_CONDITIONS = (
    "(() => { for (;;); })()",
    "new Promise(() => {}).then(1) && await new Promise(() => {})",
    "1); for (;;); (1",
    "1); return true; (",
    "(() => { const a = []; for (;;) a.push({}) })()",
    "[...(function* () { for (;;) yield 1 })()]",
    "(f => f(f))(f => f(f))",
    "fetch('http://a') && (Promise.prototype.then = null)",
    "Object.defineProperty(globalThis, 'Boolean', {value: () => true})",
    "(globalThis.Boolean = () => true, false)",
    "/^(a+)+$/.test('a'.repeat(40) + '!')",
    "(async () => { for (;;) await null })()",
)


@pytest.mark.parametrize("expression", HOSTILE_CONDITIONS)
async def test_a_hostile_condition_harms_no_other_evaluation(sandbox: JavaScriptSandbox, expression: str) -> None:
    hostile = Conditions(expressions=[expression], timeout_ms=400, owner="a")
    await sandbox.evaluate(hostile)
    sane = Conditions(expressions=["false", "0", "n === 1"], bindings={"n": 1}, owner="a")
    assert (await sandbox.evaluate(sane)).matched == 2
