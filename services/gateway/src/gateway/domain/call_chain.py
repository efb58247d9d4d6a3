"""The guard against workflows that call each other for ever."""

from collections.abc import Mapping
from typing import Final

from gateway.domain.errors.runs import CallChainTooDeep
from shared.contracts.runs import CALL_CHAIN_HEADER

MAX_DEPTH: Final = 25


def call_chain(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The workflows that led to this call, outermost first. Raises CallChainTooDeep."""
    chain = tuple(part for part in map(str.strip, headers.get(CALL_CHAIN_HEADER, "").split(",")) if part)
    if len(chain) >= MAX_DEPTH:
        raise CallChainTooDeep(f"Maximum workflow call chain depth ({MAX_DEPTH}) exceeded.")
    return chain
