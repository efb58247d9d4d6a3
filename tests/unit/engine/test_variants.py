"""Large code whose references stay as typed is compiled outside the event loop."""

import asyncio
import threading

import msgspec

from executor_service.engine import binding
from shared.workflow.compile.code_references import CodeTemplate, Known, compile_code

LARGE = "return [{{NONE}}, <start.n>]" + 5_000 * " "


class Environment:
    """A resolver without environment values."""

    def environment_value(self, _name: str) -> str | None:
        """Return None."""
        return None

    def find(self, _reference: object) -> int:
        """Return the value of every reference."""
        return 1


def recorded(source: str, threads: list[int]) -> CodeTemplate:
    """Return a template that records the threads in which it is recompiled."""
    template = compile_code(source)

    def recompile(known: Known) -> CodeTemplate:
        threads.append(threading.get_ident())
        assert template.recompile is not None
        return template.recompile(known)

    return msgspec.structs.replace(template, recompile=recompile, variants={})


async def test_runs_that_wait_for_the_same_program_compile_it_once_in_a_thread() -> None:
    threads: list[int] = []
    template, resolver = recorded(LARGE, threads), Environment()
    waiting = [binding.compile_variant(template, resolver, "W") for _ in range(5)]  # type: ignore[arg-type]
    await asyncio.gather(*waiting)
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()
    await binding.compile_variant(template, resolver, "W")  # type: ignore[arg-type]
    assert len(threads) == 1


async def test_small_programs_are_compiled_immediately() -> None:
    threads: list[int] = []
    await binding.compile_variant(recorded("return {{NONE}}", threads), Environment(), "W")  # type: ignore[arg-type]
    assert threads == []
