"""Repeated checks, for a pod whose network rules do not apply yet."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from flowport.doctor.findings import Finding, Verdict

PAUSE_SECONDS: Final = 2.0


async def check_until_ok(
    check: Callable[[], AsyncIterator[Finding]],
    *,
    seconds: float,
    on_finding: Callable[[Finding], None],
    pause: float = PAUSE_SECONDS,
) -> list[Finding]:
    """Return the findings of the last run of `check`, which is repeated for `seconds` while it finds a problem.

    `on_finding` gets each of them: immediately if nothing is repeated.
    """
    deadline = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() + pause > deadline
        found = []
        async for finding in check():
            found.append(finding)
            if is_last:
                on_finding(finding)
        if is_last:
            return found
        if all(finding.verdict is not Verdict.PROBLEM for finding in found):
            break
        await asyncio.sleep(pause)
    for finding in found:
        on_finding(finding)
    return found
