"""Warnings that an author accepts by name: `CODE:BLOCK`, `CODE` if it names no block, or `CODE:*` for all blocks."""

from collections.abc import Iterable

from shared.contracts.problems import Problem
from shared.workflow.format.references import normalize_name


def acceptance_name(problem: Problem) -> str:
    """Return the name that accepts a warning."""
    return f"{problem.code}:{problem.block_name}" if problem.block_name else str(problem.code)


def unaccepted(warnings: Iterable[Problem], accepted: Iterable[str]) -> list[Problem]:
    """Return the warnings that no accepted name covers; it may name the block by id, or by any spelling of its name."""
    names = {_key(name) for name in accepted}
    return [problem for problem in warnings if names.isdisjoint(_keys(problem))]


def _keys(problem: Problem) -> set[tuple[str, str]]:
    code = str(problem.code)
    blocks = (problem.block_name, problem.block_id) if problem.block_name else ("",)
    return {(code, "*"), *((code, normalize_name(block or "")) for block in blocks)}


def _key(name: str) -> tuple[str, str]:
    code, _, block = name.partition(":")
    return code.strip().lower(), normalize_name(block)
