"""Chain of workflows that led to a call."""

from collections.abc import Mapping

from gateway.runs.domain.errors import CallChainTooDeep
from shared.contracts.runs import CALL_CHAIN_HEADER, CALL_CHAIN_TOO_DEEP, MAX_CALL_DEPTH


def call_chain(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return their ids, outermost first. Raises CallChainTooDeep."""
    chain = tuple(part for part in map(str.strip, headers.get(CALL_CHAIN_HEADER, "").split(",")) if part)
    if len(chain) >= MAX_CALL_DEPTH:
        raise CallChainTooDeep(CALL_CHAIN_TOO_DEEP)
    return chain
