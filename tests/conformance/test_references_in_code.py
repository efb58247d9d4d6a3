"""A reference in code has its value, for any value and in any position."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.engine.building import block, chain, execution

from executor_service.blocks import BlockPorts, SandboxExpressions, block_handlers
from executor_service.engine import Engine, Limits
from executor_service.providers import Models, ProviderSettings
from executor_service.sandbox import JavaScriptSandbox, PythonSandbox
from shared.clock import SystemClock
from shared.net import OutboundClient
from shared.workflow.format.js_values import stringify

R = "<start.v>"
HOSTILE = st.sampled_from(
    [
        *("", "it's", 'say "hi"', "back\\slash", "\\", "a\nb", "\r", "\u2028", "\0", "é😀", "'''", '"""', "\\u0041"),
        *("`${x}`", "<start.v>", "{{KEY}}", "{b}c", "}}", "%s", "$&", "//c", "/*x*/", "--", "#", "</script>"),
    ]
)
TEXTS = HOSTILE | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.booleans() | st.integers(-(2**53), 2**53) | st.just(1.5) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=4
)


@dataclass(frozen=True)
class Place:
    """Code with a reference in it, and its expected result for a value."""

    code: str
    means: Callable[[Any], Any]


def itself(value: Any) -> Any:
    return value


def spliced(before: str, after: str) -> Callable[[Any], str]:
    """Return the JSON text of a value, as a reference in a string shows it."""
    return lambda value: before + stringify(value) + after


JAVASCRIPT = (
    Place(R, itself),
    Place(f"{{a: {R}}}.a", itself),
    Place(f"'x{R}y'", spliced("x", "y")),
    Place(f'"x{R}y"', spliced("x", "y")),
    Place(f"`x{R}y`", spliced("x", "y")),
    Place(f"`a${{[1].map(q => `b{R}${{'c'}}`)[0]}}d`", spliced("ab", "cd")),
    Place(f"'it\\'s {R} \\\\'", spliced("it's ", " \\")),
    Place(f"(() => {{ /* {R} ' */ // {R} \" `\n return {R} }})()", itself),
    Place(f"(1<2 && 2>1 ? {R} : 0)", itself),
    Place(f"(/[{{}}'\"`<>/]/.test('/') ? {R} : 0)", itself),
    Place(f"(4/2/1, {R})", itself),
    Place(f"new (class {{ a = {R}; b() {{ return this.a }} }})().b()", itself),
)
PYTHON = (
    Place(R, itself),
    Place(f"{{'a': {R}}}['a']", itself),
    Place(f"'x{R}y'", spliced("x", "y")),
    Place(f'"""x{R}\ny"""', spliced("x", "\ny")),
    Place(f"r'x{R}y'", spliced("x", "y")),
    Place(f"f'{{1+1}}{R}{{{{}}}}'", spliced("2", "{}")),
    Place(f"'it\\'s {R} \\\\'", spliced("it's ", " \\")),
    Place(f"(  # {R} ' \"\n {R})", itself),
    Place(f"[x for x in [{R}] if 1<2>1][0]", itself),
    Place("A().b()", itself),
)
CLASS = f"class A:\n    a = {R}\n    def b(self):\n        return {R}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    async with JavaScriptSandbox() as javascript, PythonSandbox() as python:
        outbound, models = OutboundClient(), Models(ProviderSettings())
        ports = BlockPorts(javascript=javascript, python=python, models=models, outbound=outbound)
        yield Engine(block_handlers(ports), SandboxExpressions(javascript), SystemClock(), Limits())


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(value=VALUES, places=st.permutations(range(max(len(JAVASCRIPT), len(PYTHON)))))
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("language", "known"), [("javascript", JAVASCRIPT), ("python", PYTHON)])
async def test_a_reference_in_code_is_its_value(
    engine: Engine, language: str, known: tuple[Place, ...], value: Any, places: list[int]
) -> None:
    chosen = [known[place] for place in places if place < len(known)]
    code = f"return [{', '.join(place.code for place in chosen)}]"
    source = CLASS + code if language == "python" else code
    workflow = chain(block("f", code=source, language=language))
    ran = await execution(engine, workflow, input={"v": value}, environment={"KEY": "of nobody's"}).run()
    assert ran.outcome.error is None
    assert ran.output["result"] == [place.means(value) for place in chosen]
